/** A world for tests of the limiter: a clock that stands still until it is moved, and a store that takes its time or loses answers. */
import { Limiter, type LimiterOptions, type Timers } from "./limiter.ts";
import { MemoryStore } from "./memory-store.ts";
import type { CounterStore, LeaseReply, LeaseRequest } from "./store.ts";

/** Rounds of microtasks after which everything that can go on without time has gone on. */
const MICROTASKS = 16;

/** Time that passes when a test says so. */
export class FakeClock implements Timers {
  nowMs: number;
  #timers: { readonly atMs: number; readonly run: () => void }[] = [];

  constructor(nowMs: number) {
    this.nowMs = nowMs;
  }

  start(run: () => void, ms: number): unknown {
    const timer = { atMs: this.nowMs + ms, run };
    this.#timers.push(timer);
    return timer;
  }

  stop(timer: unknown): void {
    this.#timers = this.#timers.filter((other) => other !== timer);
  }

  /** Lets time pass, with all that happens in it. */
  async advance(ms: number): Promise<void> {
    const endMs = this.nowMs + ms;
    await settleMicrotasks();
    for (;;) {
      const next = this.#timers.filter(({ atMs }) => atMs <= endMs).sort((a, b) => a.atMs - b.atMs)[0];
      if (next === undefined) break;
      this.stop(next);
      this.nowMs = Math.max(this.nowMs, next.atMs);
      next.run();
      await settleMicrotasks();
    }
    this.nowMs = endMs;
  }

  /** Lets time pass while something is under way, and hands over what became of it. */
  async during<T>(ms: number, work: T | Promise<T>): Promise<T> {
    await this.advance(ms);
    return await work;
  }
}

/** What becomes of a call: answered, done without an answer that comes, or not done. */
export type Fate = "answered" | "lost" | "refused";

/** A store some milliseconds away, which can be made to fail. */
export class DistantStore implements CounterStore {
  /** What becomes of the next calls; all others are answered. */
  fates: Fate[] = [];
  calls = 0;
  readonly inner: MemoryStore;
  readonly #clock: FakeClock;
  readonly #roundTripMs: number;

  constructor(clock: FakeClock, roundTripMs: number, leaseMs?: number) {
    this.inner = new MemoryStore({ nowMs: () => clock.nowMs, ...(leaseMs !== undefined && { leaseMs }) });
    this.#clock = clock;
    this.#roundTripMs = roundTripMs;
  }

  lease(process: string, requests: readonly LeaseRequest[]): Promise<readonly LeaseReply[]> {
    this.calls++;
    const fate = this.fates.shift() ?? "answered";
    return new Promise((resolve, reject) => {
      this.#clock.start(() => {
        const replies = fate === "refused" ? [] : this.inner.leaseNow(process, requests);
        if (fate === "answered") resolve(replies);
        else reject(new Error(`the answer is ${fate}`));
      }, this.#roundTripMs);
    });
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}

/** A limiter of a process in the world. */
export function limiterIn(clock: FakeClock, store: CounterStore, parts: Partial<LimiterOptions> = {}): Limiter {
  return new Limiter({
    store,
    process: "test",
    nowMs: () => clock.nowMs,
    withoutStore: "fail-closed",
    replicas: 1,
    log: { info: () => undefined, warn: () => undefined },
    timers: clock,
    ...parts,
  });
}

async function settleMicrotasks(): Promise<void> {
  for (let i = 0; i < MICROTASKS; i++) await Promise.resolve();
}
