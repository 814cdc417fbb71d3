/** Decides whether requests are within their limits. */
import type { Limit } from "../config/limits.ts";
import { invariant } from "../errors/invariant.ts";
import type { Logger } from "../telemetry/logger.ts";
import type { Decision, Demand, LimitState } from "./admission.ts";
import { Counter, ROOM } from "./counter.ts";
import { CounterIndex } from "./counter-index.ts";
import { counterKey } from "./counter-key.ts";
import { MemoryStore } from "./memory-store.ts";
import { PendingRequest, Stake, whole } from "./pending-request.ts";
import { type KnownCounter, RememberedCounters } from "./remembered.ts";
import { shareOf } from "./share.ts";
import type { CounterStore } from "./store.ts";
import { StoreLink } from "./store-link.ts";

/** What becomes of requests while the store is away. */
export type WithoutStore = "fail-open" | "fail-closed" | "local-share";

/** What a limiter is made of. */
export interface LimiterOptions {
  readonly store: CounterStore;
  /** Store of the limits that each gateway counts for itself; default: the same. */
  readonly ownStore?: CounterStore;
  /** Unique among the processes that use the store, now and before. */
  readonly process: string;
  /** Unix milliseconds. */
  readonly nowMs: () => number;
  readonly withoutStore: WithoutStore;
  /** How many gateways share the limits, for `local-share`. */
  readonly replicas: number;
  readonly log: Pick<Logger, "info" | "warn">;
  /** How long the stores let a lease live; default {@link LEASE_MS}. */
  readonly leaseMs?: number;
  readonly timers?: Timers;
}

/** Timers that do not keep the process alive. */
export interface Timers {
  start(run: () => void, ms: number): unknown;
  stop(timer: unknown): void;
}

/** What a limiter has done so far. */
export interface LimiterStats {
  readonly admitted: number;
  readonly refused: number;
  /** Refused because the store was away. */
  readonly unavailable: number;
  /** Admitted without the store. */
  readonly bypassed: number;
  /** Decisions that had to wait for the store. */
  readonly waited: number;
  /** What was spent and never told the store, because too many counters had to be remembered; in the units of the limits. */
  readonly spentDropped: number;
  /** Requests to the stores, one per counter. */
  readonly leasesAsked: number;
  readonly storeErrors: number;
  readonly storeUp: boolean;
  /** Counters in memory. */
  readonly counters: number;
}

/** A counter as its store knows it. */
export interface LimitReading extends LimitState {
  readonly key: string;
  /** The part of `used` that is held for requests under way, or ahead of them. */
  readonly reserved: number;
}

/** How often counters are looked at that have something to tell. */
const TICK_MS = 50;
/** A counter that is not used is forgotten after so many looks. */
const IDLE_TICKS_MAX = 40;
const COUNTERS_MAX = 100_000;
/** How many of the oldest counters are looked at for one that can be forgotten. */
const EVICTION_TRIES = 16;
/** A request that is not decided by then is decided without the store. */
const WAIT_MAX_MS = 1_000;
/** How often a store in this process is asked for one request: once, or twice when its period has just ended. */
const ROUNDS_MAX = 3;

const SYSTEM_TIMERS: Timers = {
  start: (run, ms) => setTimeout(run, ms).unref(),
  stop: (timer) => clearTimeout(timer as NodeJS.Timeout),
};

/** Admits requests and charges them. Several limiters count together by using the same store. */
export class Limiter {
  readonly #options: LimiterOptions;
  readonly #shared: StoreLink;
  readonly #own: StoreLink;
  readonly #remembered = new RememberedCounters();
  readonly #timers: Timers;
  readonly #counters = new CounterIndex();
  readonly #totals = { admitted: 0, refused: 0, unavailable: 0, bypassed: 0, waited: 0, spentDropped: 0 };
  #toAsk = new Set<Counter>();
  #parked: PendingRequest[] = [];
  #share: Limiter | undefined;
  #tick: unknown;

  constructor(options: LimiterOptions) {
    this.#options = options;
    this.#timers = options.timers ?? SYSTEM_TIMERS;
    this.#shared = this.#link(options.store);
    this.#own = options.ownStore === undefined ? this.#shared : this.#link(options.ownStore);
  }

  /** What it has done so far. */
  get stats(): LimiterStats {
    const links = this.#links();
    return {
      ...this.#totals,
      leasesAsked: links.reduce((sum, { asked }) => sum + asked, 0),
      storeErrors: links.reduce((sum, { errors }) => sum + errors, 0),
      storeUp: links.every(({ isUp }) => isUp),
      counters: this.#counters.size,
    };
  }

  /** Decides about a request: at once where what is leased suffices, else when the store has answered. Never rejects. */
  admit(demands: readonly Demand[]): Decision | Promise<Decision> {
    const nowMs = this.#options.nowMs();
    const stakes = demands.map((demand) => new Stake(demand, this.#counterOf(demand, nowMs)));
    const request = new PendingRequest(stakes, nowMs);
    const decision = this.#decide(request, nowMs, false);
    if (decision !== undefined) return decision;
    this.#totals.waited++;
    return new Promise((resolve) => {
      request.resolve = resolve;
      this.#wait(request);
    });
  }

  /** Charges without asking whether there is room. */
  charge(demands: readonly Demand[], costs: readonly number[]): readonly LimitState[] {
    const nowMs = this.#options.nowMs();
    return demands.map((demand, i) => {
      const counter = this.#counterOf(demand, nowMs);
      const cost = whole(costs[i] ?? 0);
      counter.spent += cost;
      counter.used(cost);
      return counter.state(demand.limit, nowMs);
    });
  }

  /** How counters stand by their stores' word; as far as is known here, where a store does not answer. */
  async read(demands: readonly Demand[]): Promise<readonly LimitReading[]> {
    const nowMs = this.#options.nowMs();
    const counters = demands.map((demand) => this.#counterOf(demand, nowMs));
    await Promise.all(counters.map((counter) => counter.link.refresh(counter)));
    const readMs = this.#options.nowMs();
    return counters.map((counter, i) => readingOf(counter, (demands[i] as Demand).limit, readMs));
  }

  /** Counters that this process knows of, at most so many, and of each limit those that it has used most before. */
  known(max: number): readonly KnownCounter[] {
    const nowMs = this.#options.nowMs();
    const counters = [...this.#counters].slice(-max);
    const live = new Map(counters.map((counter) => [counter.key, knownOf(counter, nowMs)]));
    const before = this.#remembered.at(nowMs).filter(({ key }) => !live.has(key));
    return [...live.values(), ...before];
  }

  /** Tells the stores what was spent, gives back what is held, and closes them. */
  async close(): Promise<void> {
    const links = this.#links();
    for (const link of links) link.isClosing = true;
    this.#timers.stop(this.#tick);
    for (const request of this.#parked.splice(0)) this.#retry(request, true);
    await Promise.all(links.map((link) => link.settled()));
    for (;;) {
      const due = this.#due(this.#options.nowMs());
      if (due.length === 0 || !links.every(({ isUp }) => isUp)) break;
      await Promise.all(due.map(([link, counters]) => link.ask(counters)));
    }
    await this.#share?.close();
    await Promise.all(links.map(({ store }) => store.close()));
  }

  #links(): readonly StoreLink[] {
    return this.#shared === this.#own ? [this.#shared] : [this.#shared, this.#own];
  }

  #link(store: CounterStore): StoreLink {
    const { process, nowMs, log, leaseMs } = this.#options;
    const onAnswer = (counters: readonly Counter[], failed: boolean) => this.#serve(counters, failed);
    const onHurry = (counter: Counter) => this.#askSoon([counter]);
    return new StoreLink({ store, process, nowMs, log, leaseMs, onAnswer, onHurry });
  }

  #counterOf({ limit, values, areShown }: Demand, nowMs: number): Counter {
    const link = limit.counted === "gateway" ? this.#own : this.#shared;
    const storeMs = nowMs + link.offsetMs;
    let counter = this.#counters.get(limit.id, values);
    if (counter === undefined) {
      if (this.#counters.size >= COUNTERS_MAX) this.#evict();
      counter = new Counter(counterKey(limit, values, areShown), limit, link);
      this.#counters.set(limit.id, values, counter);
      this.#tick ??= this.#timers.start(() => this.#look(), TICK_MS);
    } else {
      if (counter.limit !== limit) counter.adopt(limit);
      counter.roll(storeMs);
    }
    counter.amount = amountOf(limit, storeMs);
    counter.idleTicks = 0;
    return counter;
  }

  /** @returns Undefined = the request has to wait. */
  #decide(request: PendingRequest, nowMs: number, storeFailed: boolean): Decision | undefined {
    const waitedMs = nowMs - request.startedMs;
    for (let round = 0; round < ROUNDS_MAX; round++) {
      const room = request.judge(nowMs);
      if (room === ROOM.yes) return this.#admit(request, nowMs);
      if (room === ROOM.no) return this.#refuse(request, nowMs);
      if (room === ROOM.later) return undefined;
      if (storeFailed || waitedMs >= WAIT_MAX_MS || request.isStoreAway(nowMs)) break;
      if (!request.askNow()) return undefined;
    }
    return this.#without(request, nowMs);
  }

  #admit(request: PendingRequest, nowMs: number): Decision {
    request.isDecided = true;
    request.take(nowMs);
    for (const { counter } of request.stakes) counter.refill(nowMs);
    this.#totals.admitted++;
    return { admitted: true, reservation: request };
  }

  #refuse(request: PendingRequest, nowMs: number): Decision {
    request.isDecided = true;
    this.#totals.refused++;
    const states = request.states(nowMs);
    const refusing = request.refusing && states[request.stakes.indexOf(request.refusing)];
    invariant(refusing, "it is a limit that refuses");
    return { admitted: false, refusal: { why: "exhausted", states, refusing } };
  }

  /** Decides about a request that the store cannot be asked about. */
  #without(request: PendingRequest, nowMs: number): Decision {
    const { withoutStore } = this.#options;
    if (withoutStore === "fail-closed") {
      request.isDecided = true;
      this.#totals.unavailable++;
      return { admitted: false, refusal: { why: "unavailable" } };
    }
    if (withoutStore === "local-share") {
      const decision = this.#decideByShare(request);
      if (!decision.admitted) {
        request.isDecided = true;
        this.#totals.refused++;
        return decision;
      }
      request.beside = decision.reservation;
    }
    this.#totals.bypassed++;
    return this.#admit(request, nowMs);
  }

  #decideByShare(request: PendingRequest): Decision {
    const { nowMs, replicas } = this.#options;
    this.#share ??= new Limiter({ ...this.#options, store: new MemoryStore({ nowMs }), withoutStore: "fail-open" });
    const decision = this.#share.admit(request.stakes.map(({ demand }) => shareOf(demand, replicas)));
    invariant(!(decision instanceof Promise), "a store in this process is not waited for");
    return decision;
  }

  #wait(request: PendingRequest): void {
    if (request.room === ROOM.later) {
      if (!request.isParked) this.#parked.push(request);
      request.isParked = true;
      return;
    }
    this.#askSoon(request.queue());
  }

  #askSoon(counters: readonly Counter[]): void {
    if (this.#toAsk.size === 0) queueMicrotask(() => this.#askForWaiting());
    for (const counter of counters) this.#toAsk.add(counter);
  }

  /** One round trip for all that wait by now; those whose counter is being asked about are looked at when it is answered. */
  #askForWaiting(): void {
    const counters = [...this.#toAsk].filter(({ isAsking }) => !isAsking);
    this.#toAsk = new Set();
    for (const [link, own] of Map.groupBy(counters, (counter) => counter.link)) void link.ask(own);
  }

  /** Decides about those that waited for counters. */
  #serve(counters: readonly Counter[], failed: boolean): void {
    for (const counter of counters) {
      const queue = counter.waiting;
      counter.waiting = [];
      for (const request of queue) request.leave(counter);
      counter.promised = queue.reduce((sum, request) => sum + request.needAt(counter), 0);
      for (const request of queue) {
        counter.promised -= request.needAt(counter);
        this.#retry(request, failed);
      }
    }
  }

  #retry(request: PendingRequest, failed: boolean): void {
    if (request.isDecided) return;
    const decision = this.#decide(request, this.#options.nowMs(), failed);
    if (decision === undefined) this.#wait(request);
    else request.resolve?.(decision);
  }

  /** Tells what has to be told, asks again for those that wait for others, and goes on while there are counters. */
  #look(): void {
    const nowMs = this.#options.nowMs();
    for (const counter of this.#counters) {
      if (!counter.isIdle() || ++counter.idleTicks <= IDLE_TICKS_MAX) continue;
      this.#remembered.note(knownOf(counter, nowMs));
      this.#counters.delete(counter);
    }
    for (const [link, counters] of this.#due(nowMs)) void link.ask(counters);
    for (const request of this.#parked.splice(0)) {
      request.unpark();
      this.#retry(request, false);
    }
    this.#tick = this.#counters.size === 0 ? undefined : this.#timers.start(() => this.#look(), TICK_MS);
  }

  /** Counters that have something to tell, as many of each store as it is asked about at once. */
  #due(nowMs: number): readonly (readonly [StoreLink, readonly Counter[]])[] {
    const due = new Map<StoreLink, Counter[]>(this.#links().map((link) => [link, []]));
    for (const counter of this.#counters) {
      const { link } = counter;
      const batch = due.get(link);
      if (batch === undefined || batch.length >= link.roomFor(nowMs)) continue;
      if (!counter.isAsking && counter.isDue(nowMs)) batch.push(counter);
    }
    return [...due].filter(([, counters]) => counters.length > 0);
  }

  /** Makes room for a counter by forgetting one of the oldest. */
  #evict(): void {
    let tries = EVICTION_TRIES;
    for (const counter of this.#counters) {
      if (counter.underWay === 0 && !counter.isAsking && counter.waiting.length === 0) {
        this.#totals.spentDropped += counter.untold;
        this.#counters.delete(counter);
        return;
      }
      if (--tries === 0) return;
    }
  }
}

/** The amount with what is extra at this time. */
function amountOf({ amount, extra }: Limit, storeMs: number): number {
  if (extra.length === 0) return amount;
  return extra.reduce((sum, more) => (storeMs < more.untilMs ? sum + more.amount : sum), amount);
}

function knownOf(counter: Counter, nowMs: number): KnownCounter {
  return { key: counter.key, state: counter.state(counter.limit, nowMs), toldMs: Math.max(0, counter.toldMs) };
}

function readingOf(counter: Counter, limit: Limit, nowMs: number): LimitReading {
  const state = counter.state(limit, nowMs);
  return { ...state, key: counter.key, reserved: state.used - counter.spentByAll };
}
