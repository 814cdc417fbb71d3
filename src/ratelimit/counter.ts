/** What a process knows of one counter, what it holds of it, and what it has still to tell the store. */
import type { Limit } from "../config/limits.ts";
import type { LimitState } from "./admission.ts";
import type { PendingRequest, Stake } from "./pending-request.ts";
import type { LeaseReply, LeaseRequest, Period } from "./store.ts";
import type { StoreLink } from "./store-link.ts";
import { periodAt, resetAt } from "./window.ts";

/** Whether a counter has room for a request. */
export const ROOM = {
  yes: 0,
  /** Nobody knows before the store has been asked. */
  ask: 1,
  /** Others hold what would do, and are about to give it back. */
  later: 2,
  no: 3,
} as const;

/** A value of {@link ROOM}. */
export type Room = (typeof ROOM)[keyof typeof ROOM];

/** Use is told apart by these times, to know how much is worth holding ahead. */
const SLOT_MS = 100;
/** What is held ahead lasts so many slots. */
const SLOTS_AHEAD = 2;
/** Nothing is held ahead where less than so many times of it is left: others may need it. */
const SCARCE = 8;
/** How long the store's word that nothing is left is taken for true. */
const TRUST_MS = 1_000;
/** How long a request waits for what other processes hold without need and give back, at the latest two slots after its last use. */
const SPARE_PATIENCE_MS = 350;
/** How long it waits for what they hold for requests that may just have ended. */
const SETTLING_PATIENCE_MS = 100;
/** A lease is used for this part of its life only, since clocks differ. */
const LEASE_PART = 0.9;
/** It is renewed after this part. */
const RENEW_PART = 1 / 3;

/** A counter; its amounts are in the unit of its limit. */
export class Counter {
  readonly key: string;
  readonly link: StoreLink;
  limit: Limit;
  /** With what is extra at this time. */
  amount = 0;
  period: Period;
  /** Held for requests under way. */
  reserved = 0;
  /** Spent and not told yet. */
  spent = 0;
  /** Reservations that have not ended. */
  underWay = 0;
  /** Requests that wait for the store, in their order. */
  waiting: PendingRequest[] = [];
  /** What is kept for those of them that are about to be decided. */
  promised = 0;
  /** How often the store has told something. */
  replies = 0;
  /** Looks that found nothing to do since it was used last. */
  idleTicks = 0;
  /** Whether a request is with the store. */
  isAsking = false;
  /** Until when it is not asked about after an error that was about this counter alone. */
  failedUntilMs = Number.NEGATIVE_INFINITY;
  /** When the store last told something of the period. */
  toldMs = Number.NEGATIVE_INFINITY;
  /** The request that has not been answered; it is repeated as it was. */
  #asked: LeaseRequest | undefined;
  #askedMs = 0;
  #leased = 0;
  #leaseEndsMs = Number.NEGATIVE_INFINITY;
  #used = 0;
  #othersReserved = 0;
  #othersSpare = 0;
  #oldestMs: number;
  #taken = 0;
  #takenBefore = 0;
  #slotMs = 0;

  constructor(key: string, limit: Limit, link: StoreLink) {
    this.key = key;
    this.link = link;
    this.limit = limit;
    this.period = periodAt(limit.window, link.storeMs());
    this.#oldestMs = this.period.startMs;
  }

  /** Takes the limit of a configuration that came into force. */
  adopt(limit: Limit): void {
    this.limit = limit;
    const period = periodAt(limit.window, this.link.storeMs());
    if (period.startMs !== this.period.startMs || period.endMs !== this.period.endMs) this.#begin(period);
  }

  /** Begins the next period when the one known has ended. */
  roll(storeMs: number): void {
    if (storeMs >= this.period.endMs) this.#begin(periodAt(this.limit.window, storeMs));
  }

  /** What is leased and not needed; negative where more was taken than is leased. */
  spare(nowMs: number): number {
    return (nowMs < this.#leaseEndsMs ? this.#leased : 0) - this.reserved - this.spent;
  }

  /** Whether a request has room, as far as is known. */
  room(need: number, nowMs: number): Room {
    if (need > this.amount) return ROOM.no;
    if (this.spare(nowMs) >= need) return ROOM.yes;
    // What is spent stays spent while the period lasts.
    const isTrusted = nowMs - this.toldMs < TRUST_MS;
    return isTrusted && this.spentByAll + need > this.amount ? ROOM.no : ROOM.ask;
  }

  /** Whether a request that has waited so long has room after the store has been asked. */
  roomAsTold(need: number, nowMs: number, waitedMs: number): Room {
    const room = this.room(need, nowMs);
    if (room !== ROOM.ask || this.toldMs === Number.NEGATIVE_INFINITY) return room;
    const within = this.spare(nowMs) + this.#free();
    if (need <= within) return ROOM.ask;
    const givenBack =
      (waitedMs < SPARE_PATIENCE_MS ? this.#othersSpare : 0) +
      (waitedMs < SETTLING_PATIENCE_MS ? this.#othersReserved : 0);
    return need <= within + givenBack ? ROOM.later : ROOM.no;
  }

  /** Counts use, so that as much is held ahead. */
  used(amount: number): void {
    this.#taken += amount;
  }

  /** A request has ended and holds so much no longer: the store is told at once where others may be waiting for it. */
  freed(amount: number): void {
    if (amount > this.#free()) this.link.hurry(this);
  }

  /** More is asked for before what is held ahead runs out, so that the next request need not wait for it. */
  refill(nowMs: number): void {
    if (this.link.isLocal || this.isAsking || nowMs < this.failedUntilMs) return;
    const spare = this.spare(nowMs);
    const ahead = this.#ahead(spare, nowMs);
    if (spare < ahead / 2 && this.#free() >= SCARCE * ahead) this.link.hurry(this);
  }

  /** Whether nothing is held, to be told or waited for. */
  isIdle(): boolean {
    return (
      this.underWay === 0 &&
      this.reserved === 0 &&
      this.spent === 0 &&
      this.#leased <= 0 &&
      this.#asked === undefined &&
      this.waiting.length === 0
    );
  }

  /** Whether the store should be told something though nobody waits. */
  isDue(nowMs: number): boolean {
    if (nowMs < this.failedUntilMs) return false;
    if (this.#asked !== undefined || this.spent > 0) return true;
    const spare = this.spare(nowMs);
    if (spare < 0 || spare > this.#ahead(spare, nowMs)) return true;
    return this.#leased > 0 && nowMs - this.#askedMs >= this.link.leaseMs * RENEW_PART;
  }

  /** What is to be sent to the store for requests that wait, in their order. */
  ask(nowMs: number, sequence: number, waiting: readonly Stake[]): LeaseRequest {
    this.isAsking = true;
    this.#askedMs = nowMs;
    if (this.#asked !== undefined) return this.#asked;
    const held = Math.max(0, this.spare(nowMs));
    const ahead = this.#ahead(held, nowMs);
    const spare = waiting.length > 0 ? held : Math.min(held, ahead);
    const { needed, assumed, left } = lacking(waiting, held);
    const request = {
      key: this.key,
      period: this.period,
      limit: this.amount,
      sequence,
      spent: this.spent,
      reserved: this.reserved,
      spare,
      needed,
      assumed,
      wanted: Math.max(0, ahead - left),
    };
    this.#asked = request;
    this.spent = 0;
    this.#leased = this.reserved + spare;
    return request;
  }

  /** Takes what the store has said. */
  told(reply: LeaseReply, nowMs: number): void {
    this.isAsking = false;
    this.#asked = undefined;
    const period = periodAt(this.limit.window, reply.nowMs);
    if (period.startMs !== this.period.startMs || period.endMs !== this.period.endMs) this.#begin(period);
    if (reply.wrongPeriod) return;
    this.replies++;
    this.toldMs = nowMs;
    this.#leased = reply.leased;
    this.#leaseEndsMs = this.#askedMs + this.link.leaseMs * LEASE_PART;
    this.#used = reply.used;
    this.#othersReserved = reply.othersReserved;
    this.#othersSpare = reply.othersSpare;
    this.#oldestMs = reply.oldestMs;
  }

  /** The store has not answered. */
  failed(): void {
    this.isAsking = false;
  }

  /** What the store does not know when the counter is forgotten. */
  get untold(): number {
    return this.spent + (this.#asked?.spent ?? 0);
  }

  /** As the counter stands, for callers. */
  state(limit: Limit, nowMs: number): LimitState {
    this.roll(nowMs + this.link.offsetMs);
    const { amount, usedByAll: used } = this;
    const resetAtMs = resetAt(limit.window, this.period, this.#oldestMs) - this.link.offsetMs;
    return { limit, amount, used, remaining: Math.max(0, amount - used), resetAtMs };
  }

  /** Spent and reserved in the period, as far as is known. */
  get usedByAll(): number {
    return this.spentByAll + this.reserved + this.#othersReserved;
  }

  /** Spent in the period, as far as is known. */
  get spentByAll(): number {
    return this.#used + this.untold;
  }

  /** What nobody held when the store told last. */
  #free(): number {
    return this.amount - this.#used - this.#othersReserved - this.#othersSpare - this.#leased;
  }

  /** How much is worth holding without need. */
  #ahead(spare: number, nowMs: number): number {
    if (this.link.isClosing || (spare > 0 && this.#free() < SCARCE * spare)) return 0;
    this.#turnSlot(nowMs);
    return SLOTS_AHEAD * Math.max(this.#taken, this.#takenBefore);
  }

  #turnSlot(nowMs: number): void {
    const sinceMs = nowMs - this.#slotMs;
    if (sinceMs >= 0 && sinceMs < SLOT_MS) return;
    this.#takenBefore = sinceMs >= 0 && sinceMs < 2 * SLOT_MS ? this.#taken : 0;
    this.#taken = 0;
    this.#slotMs = nowMs;
  }

  #begin(period: Period): void {
    this.period = period;
    this.toldMs = Number.NEGATIVE_INFINITY;
    this.#oldestMs = Math.max(this.#oldestMs, period.fromMs);
    // Leases live on: the store goes on holding them, whatever the period.
    if (this.limit.window.type !== "rolling") this.#used = 0;
  }
}

/** What has to be granted beside what is held. */
function lacking(waiting: readonly Stake[], held: number) {
  let left = held;
  let assumed = 0;
  const needed: number[] = [];
  for (const stake of waiting) {
    if (stake.need > left) needed.push(stake.need - left);
    left = Math.max(0, left - stake.need);
    assumed += stake.assumed;
  }
  return { needed, assumed: Math.max(0, assumed - left), left: Math.max(0, left - assumed) };
}
