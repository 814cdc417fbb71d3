/** Counters that are no longer in memory, as they were left: of each limit those that were used most, until their window ends. */
import type { LimitState } from "./admission.ts";

/** A counter as a process knows it. */
export interface KnownCounter {
  readonly key: string;
  readonly state: LimitState;
  /** When the store last told of it; Unix milliseconds, 0 = never. */
  readonly toldMs: number;
}

const PER_LIMIT_MAX = 10;
const LIMITS_MAX = 10_000;
const NONE: readonly KnownCounter[] = [];

/** What is remembered of them. */
export class RememberedCounters {
  readonly #byLimit = new Map<string, readonly KnownCounter[]>();

  /** Remembers a counter if it is one of those used most. */
  note(counter: KnownCounter): void {
    const { limit, used } = counter.state;
    const { id } = limit;
    const known = this.#byLimit.get(id) ?? NONE;
    // Most of many are none of them.
    if (known.length === PER_LIMIT_MAX && used <= (known.at(-1)?.state.used ?? 0)) return;
    const others = known.filter(({ key }) => key !== counter.key);
    if (others.length === 0 && this.#byLimit.size >= LIMITS_MAX) return;
    const most = [...others, counter].sort((a, b) => b.state.used - a.state.used);
    this.#byLimit.set(id, most.slice(0, PER_LIMIT_MAX));
  }

  /** Those whose window has not ended. */
  at(nowMs: number): readonly KnownCounter[] {
    const found: KnownCounter[] = [];
    for (const [id, counters] of this.#byLimit) {
      const left = counters.filter(({ state }) => nowMs < state.resetAtMs);
      if (left.length === 0) this.#byLimit.delete(id);
      else this.#byLimit.set(id, left);
      found.push(...left);
    }
    return found;
  }
}
