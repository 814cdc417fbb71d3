/** A process's side of a store: one request per counter at a time, the store's clock, and what happens while it is away. */
import type { Logger } from "../telemetry/logger.ts";
import type { Counter } from "./counter.ts";
import type { Stake } from "./pending-request.ts";
import { type CounterStore, LEASE_MS, type LeaseReply } from "./store.ts";

/** Failures in a row after which the store is taken for away. */
const FAILURES_MAX = 3;
/** How often a store that is away is tried, and a counter that fails alone. */
const RETRY_MS = 1_000;
/** Counters that are told of in one go without need, so that the store can answer in time. */
const COUNTERS_AT_ONCE_MAX = 512;

/** Requests that one counter is asked about for. */
const WAITING_AT_ONCE_MAX = 256;

/** What a link is made of. */
export interface LinkOptions {
  readonly store: CounterStore;
  /** Unique among the processes of the store. */
  readonly process: string;
  /** Unix milliseconds. */
  readonly nowMs: () => number;
  readonly log: Pick<Logger, "info" | "warn">;
  readonly leaseMs: number | undefined;
  /** Called when the store has told something of counters, or has failed to. */
  readonly onAnswer: (counters: readonly Counter[], failed: boolean) => void;
  /** Called when the store should be told of a counter soon. */
  readonly onHurry: (counter: Counter) => void;
}

/** Asks a store. */
export class StoreLink {
  readonly store: CounterStore;
  readonly leaseMs: number;
  /** What has to be added to the own clock to have the store's. */
  offsetMs = 0;
  /** Nothing is held ahead any more. */
  isClosing = false;
  /** Requests sent, and those that failed. */
  asked = 0;
  errors = 0;
  /** Whether the store is in this process, so that nobody waits for it. */
  readonly isLocal: boolean;
  readonly #options: LinkOptions;
  readonly #underWay = new Set<Promise<void>>();
  #sequence = 0;
  #failures = 0;
  #retryMs = 0;

  constructor(options: LinkOptions) {
    this.#options = options;
    this.store = options.store;
    this.leaseMs = options.leaseMs ?? LEASE_MS;
    this.isLocal = options.store.leaseNow !== undefined;
  }

  /** Unix milliseconds by the store's clock. */
  storeMs(): number {
    return this.#options.nowMs() + this.offsetMs;
  }

  /** Whether the store answers, as far as is known. */
  get isUp(): boolean {
    return this.#failures < FAILURES_MAX;
  }

  /** How many of the counters that have something to tell may be asked about now: of a store that is away, one now and then. */
  roomFor(nowMs: number): number {
    if (this.isUp) return COUNTERS_AT_ONCE_MAX;
    return nowMs >= this.#retryMs ? 1 : 0;
  }

  /** Says that the store should be told of a counter soon. */
  hurry(counter: Counter): void {
    if (!this.isLocal && this.isUp) this.#options.onHurry(counter);
  }

  /** Resolves when all that has been asked is answered or has failed. */
  async settled(): Promise<void> {
    await Promise.all(this.#underWay);
  }

  /** Asks about counters that are not being asked about; never rejects. */
  ask(counters: readonly Counter[]): Promise<void> {
    const asking = this.#ask(counters).finally(() => this.#underWay.delete(asking));
    this.#underWay.add(asking);
    return asking;
  }

  async #ask(counters: readonly Counter[]): Promise<void> {
    const { process, nowMs, onAnswer } = this.#options;
    const askedMs = nowMs();
    this.#retryMs = askedMs + RETRY_MS;
    const requests = counters.map((counter) => counter.ask(askedMs, ++this.#sequence, waitingFor(counter)));
    this.asked += requests.length;
    try {
      const replies = await this.store.lease(process, requests);
      const failed = this.#take(counters, replies, askedMs);
      onAnswer(counters, failed);
    } catch (error) {
      for (const counter of counters) counter.failed();
      this.#fail(error);
      onAnswer(counters, true);
    }
  }

  /** Tells and hears how a counter stands, where the store answers; never rejects. */
  async refresh(counter: Counter): Promise<void> {
    if (counter.isAsking) await this.settled();
    if (this.isUp && !counter.isAsking) await this.ask([counter]);
  }

  /** Asks a store in this process. */
  askNow(stake: Stake): void {
    const { counter } = stake;
    const nowMs = this.#options.nowMs();
    const request = counter.ask(nowMs, ++this.#sequence, [stake]);
    this.asked++;
    const [reply] = this.store.leaseNow?.(this.#options.process, [request]) ?? [];
    if (reply !== undefined) this.#told(counter, reply, nowMs);
  }

  /** @returns Whether all have failed. */
  #take(counters: readonly Counter[], replies: readonly (LeaseReply | Error)[], askedMs: number): boolean {
    const nowMs = this.#options.nowMs();
    let failure: Error | undefined;
    let answered = 0;
    for (const [i, counter] of counters.entries()) {
      const reply = replies[i] ?? new Error("the store left out an answer");
      if (reply instanceof Error) {
        failure = reply;
        counter.failed();
        counter.failedUntilMs = nowMs + RETRY_MS;
        continue;
      }
      this.#told(counter, reply, askedMs);
      answered++;
    }
    if (answered === 0) {
      this.#fail(failure);
      return true;
    }
    if (!this.isUp) this.#options.log.info("the store of the limits is back");
    this.#failures = 0;
    if (failure !== undefined) {
      this.errors++;
      this.#options.log.warn("a counter of the limits cannot be used", { error: failure });
    }
    return false;
  }

  #told(counter: Counter, reply: LeaseReply, askedMs: number): void {
    const nowMs = this.#options.nowMs();
    const offsetMs = reply.nowMs - (askedMs + nowMs) / 2;
    // Within what is not known it stays, so that times told to callers do not flicker.
    if (Math.abs(offsetMs - this.offsetMs) > (nowMs - askedMs) / 2 + 1) this.offsetMs = Math.round(offsetMs);
    counter.failedUntilMs = Number.NEGATIVE_INFINITY;
    counter.told(reply, nowMs);
  }

  #fail(error: unknown): void {
    this.errors++;
    this.#failures++;
    if (this.#failures !== FAILURES_MAX) return;
    this.#options.log.warn("the store of the limits does not answer", { error });
  }
}

function waitingFor(counter: Counter): readonly Stake[] {
  const requests = counter.waiting.slice(0, WAITING_AT_ONCE_MAX);
  return requests.flatMap(({ isDecided, stakes }) => {
    return isDecided ? [] : stakes.filter((stake) => stake.counter === counter);
  });
}
