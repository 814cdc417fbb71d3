/** A request between its limits and the decision, and afterwards what it holds. */
import type { Limit } from "../config/limits.ts";
import type { Decision, Demand, HeldShare, LimitState, Reservation } from "./admission.ts";
import { type Counter, ROOM, type Room } from "./counter.ts";
import { tightest } from "./tightest.ts";

/** What a request needs of one counter, and holds of it once it is admitted. */
export class Stake implements HeldShare {
  readonly demand: Demand;
  readonly counter: Counter;
  /** What has to be free. */
  readonly need: number;
  /** Taken at admission and kept. */
  readonly cost: number;
  /** Held until the answer has ended; {@link assumed} is added to it as far as it is free. */
  hold: number;
  readonly assumed: number;
  /** How often the counter had been told something when the request came to it. */
  seen: number;
  /** As it was found last. */
  room: Room;
  /** Whether the request waits for this counter. */
  isQueued: boolean;

  constructor(demand: Demand, counter: Counter) {
    const { limit } = demand;
    this.room = ROOM.yes;
    this.isQueued = false;
    this.demand = demand;
    this.counter = counter;
    this.seen = counter.replies;
    this.cost = whole(limit.requestCost);
    if (limit.admission === "check") {
      this.need = 1;
      this.hold = 0;
      this.assumed = 0;
    } else {
      // What is larger than the limit must not be refused for ever: it needs a counter that nobody has used.
      const total = Math.min(this.cost + whole(demand.answerEstimate), counter.amount);
      this.need = Math.max(1, total);
      this.hold = Math.max(0, total - this.cost);
      this.assumed = whole(demand.assumed);
    }
  }

  get limit(): Limit {
    return this.demand.limit;
  }

  get amount(): number {
    return this.counter.amount;
  }

  get used(): number {
    return this.counter.usedByAll;
  }

  state(nowMs: number): LimitState {
    return this.counter.state(this.limit, nowMs);
  }

  /** Looks whether there is room; those that wait come before a newcomer. */
  look(nowMs: number, isNewcomer: boolean, waitedMs: number): Room {
    const { counter, need, seen } = this;
    this.room = counter.replies === seen ? counter.room(need, nowMs) : counter.roomAsTold(need, nowMs, waitedMs);
    if (this.room === ROOM.yes && isNewcomer && counter.waiting.length > 0) this.room = ROOM.ask;
    return this.room;
  }
}

/** A request with all that it needs. */
export class PendingRequest implements Reservation {
  readonly stakes: readonly Stake[];
  readonly startedMs: number;
  /** All limits together, as they were found last. */
  room: Room;
  /** What refuses it. */
  refusing: Stake | undefined;
  /** Whether it has been decided about. */
  isDecided: boolean;
  /** Whether it waits for what others give back. */
  isParked: boolean;
  /** Told of the decision when it has to wait for it. */
  resolve: ((decision: Decision) => void) | undefined;
  /** What holds it beside, where it is decided without the store. */
  beside: Reservation | undefined;
  #hasEnded: boolean;

  constructor(stakes: readonly Stake[], nowMs: number) {
    this.stakes = stakes;
    this.startedMs = nowMs;
    this.room = ROOM.yes;
    this.isDecided = false;
    this.isParked = false;
    this.#hasEnded = false;
  }

  get shares(): readonly HeldShare[] {
    return this.stakes;
  }

  tightest(nowMs: number): HeldShare | undefined {
    for (const { counter } of this.stakes) counter.roll(nowMs + counter.link.offsetMs);
    return tightest(this.stakes);
  }

  /** How its limits stand, one per demand. */
  states(nowMs: number): readonly LimitState[] {
    return this.stakes.map((stake) => stake.state(nowMs));
  }

  /** What it needs of a counter. */
  needAt(counter: Counter): number {
    if (this.isDecided) return 0;
    return this.stakes.find((stake) => stake.counter === counter)?.need ?? 0;
  }

  /** Looks whether all limits have room: the answer is what the least certain of them says. */
  judge(nowMs: number): Room {
    const waitedMs = nowMs - this.startedMs;
    const isNewcomer = this.resolve === undefined;
    this.room = ROOM.yes;
    for (const stake of this.stakes) {
      const { shadow, group } = stake.demand.limit;
      if (shadow) continue;
      let room = stake.look(nowMs, isNewcomer, waitedMs);
      if (room !== ROOM.yes && group !== undefined) room = this.#roomOf(group, nowMs, waitedMs);
      if (room > this.room) {
        this.room = room;
        this.refusing = stake;
      }
    }
    return this.room;
  }

  /** Whether it needs a store that does not answer. */
  isStoreAway(nowMs: number): boolean {
    return this.#asking().some(({ counter }) => !counter.link.isUp || nowMs < counter.failedUntilMs);
  }

  /** Asks the stores that are in this process; returns whether there was one to ask. */
  askNow(): boolean {
    const asked = this.#asking().filter(({ counter }) => counter.link.isLocal);
    for (const stake of asked) stake.counter.link.askNow(stake);
    return asked.length > 0;
  }

  /** Joins those that wait for the counters that have to be asked about, and returns these. */
  queue(): readonly Counter[] {
    const asking = this.#asking();
    for (const stake of asking) {
      if (!stake.isQueued) stake.counter.waiting.push(this);
      stake.isQueued = true;
    }
    return asking.map(({ counter }) => counter);
  }

  /** Has left those that wait for a counter. */
  leave(counter: Counter): void {
    for (const stake of this.stakes) if (stake.counter === counter) stake.isQueued = false;
  }

  /** Forgets what was told, to ask again. */
  unpark(): void {
    this.isParked = false;
    for (const stake of this.stakes) stake.seen = stake.counter.replies;
  }

  /** Charges what requests cost and holds what the answer may cost. */
  take(nowMs: number): void {
    for (const stake of this.stakes) {
      const { counter, cost, assumed } = stake;
      counter.reserved += stake.hold;
      counter.spent += cost;
      counter.underWay++;
      if (assumed > 0) {
        const free = Math.max(0, Math.min(assumed, counter.spare(nowMs) - counter.promised));
        stake.hold += free;
        counter.reserved += free;
      }
      counter.used(Math.max(stake.need, cost + stake.hold));
    }
  }

  settle(costs: readonly (number | undefined)[]): void {
    if (!this.#end()) return;
    for (let i = 0; i < this.stakes.length; i++) {
      const { counter, hold } = this.stakes[i] as Stake;
      const told = costs[i];
      const cost = told === undefined ? hold : whole(told);
      counter.spent += cost;
      if (cost > hold) counter.used(cost - hold);
    }
    this.beside?.settle(costs);
  }

  release(): void {
    if (this.#end()) this.beside?.release();
  }

  #end(): boolean {
    if (this.#hasEnded) return false;
    this.#hasEnded = true;
    for (const { counter, hold } of this.stakes) {
      counter.reserved -= hold;
      counter.underWay--;
      counter.freed(hold);
    }
    return true;
  }

  #asking(): readonly Stake[] {
    return this.stakes.filter(({ room, demand }) => room === ROOM.ask && !demand.limit.shadow);
  }

  /** One member that has room is enough. */
  #roomOf(group: string, nowMs: number, waitedMs: number): Room {
    const isNewcomer = this.resolve === undefined;
    let best: Room = ROOM.no;
    for (const stake of this.stakes) {
      if (stake.demand.limit.group !== group || stake.demand.limit.shadow) continue;
      const room = stake.look(nowMs, isNewcomer, waitedMs);
      if (room < best) best = room;
    }
    return best;
  }
}

/** An amount as it is counted: whole, rounded up, and no nonsense. */
export function whole(amount: number): number {
  return amount > 0 ? Math.min(Math.ceil(amount), Number.MAX_SAFE_INTEGER) : 0;
}
