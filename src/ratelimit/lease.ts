/**
 * What a store does with a request for a lease, as a pure function over one counter. The memory store runs it; the script in
 * `redis-script.ts` says the same in Lua, and a test holds the two equal.
 */
import type { LeaseReply, LeaseRequest, Period } from "./store.ts";

/** How long a process is remembered after its lease has ended, so that a request it repeats late is still done once. */
export const REMEMBER_MS = 600_000;
/** At most this share of what is free is leased ahead of need: near the limit nothing is, and every decision is exact. */
export const SHARE_AHEAD = 16;

/** One counter as it is kept. */
export interface StoredCounter {
  /** Spent, by the start of the step. */
  readonly steps: Map<number, number>;
  /** By process. */
  readonly leases: Map<string, Lease>;
}

/** What a process holds. */
export interface Lease {
  /** Of the last request done. */
  readonly sequence: number;
  readonly reserved: number;
  readonly spare: number;
  readonly expiresMs: number;
}

/** The store's clock and how long leases live. */
export interface LeaseClock {
  readonly nowMs: number;
  readonly leaseMs: number;
}

/** Does one request. */
export function lease(counter: StoredCounter, process: string, request: LeaseRequest, clock: LeaseClock): LeaseReply {
  const { sequence, reserved } = request;
  const { nowMs } = clock;
  const period = periodOf(request.period, nowMs);
  const wrongPeriod = nowMs < period.startMs || nowMs >= period.endMs;
  const others = countOthers(counter.leases, process, nowMs);
  const own = counter.leases.get(process);
  const isLive = own !== undefined && own.expiresMs > nowMs;
  const isRepeated = own !== undefined && sequence <= own.sequence;
  const spent = isRepeated ? 0 : request.spent;
  const { used, oldestMs } = wrongPeriod
    ? note(counter.steps, spent, period, nowMs)
    : spend(counter.steps, spent, period);
  const reply = { used, othersReserved: others.reserved, othersSpare: others.spare, nowMs, wrongPeriod, oldestMs };
  if (wrongPeriod || isRepeated) {
    if (!isRepeated) counter.leases.set(process, { ...(own ?? nothing(nowMs)), sequence });
    return { ...reply, leased: isLive ? own.reserved + own.spare : 0 };
  }
  const kept = isLive ? request.spare : 0;
  let free = request.limit - used - others.reserved - others.spare - reserved - kept;
  let granted = 0;
  let fits = true;
  for (const need of request.needed) {
    fits &&= need <= free;
    if (need > free) continue;
    granted += need;
    free -= need;
  }
  const assumed = fits ? Math.max(0, Math.min(request.assumed, free)) : 0;
  free -= assumed;
  const ahead = Math.max(0, Math.min(request.wanted, Math.floor(free / SHARE_AHEAD)));
  const held = {
    sequence,
    reserved: reserved + granted + assumed,
    spare: kept + ahead,
    expiresMs: nowMs + clock.leaseMs,
  };
  counter.leases.set(process, held);
  return { ...reply, leased: held.reserved + held.spare };
}

/** The period of the store's clock, where it can be told from one of another time. */
function periodOf(period: Period, nowMs: number): Period {
  const { startMs, endMs, fromMs, repeats } = period;
  if (!repeats) return period;
  const lengthMs = endMs - startMs;
  const laterMs = Math.floor((nowMs - startMs) / lengthMs) * lengthMs;
  return { startMs: startMs + laterMs, endMs: endMs + laterMs, fromMs: fromMs + laterMs, repeats };
}

/** How long a counter must be kept after a request, in milliseconds; infinite = for ever. */
export function keepMs(request: LeaseRequest, reply: LeaseReply, leaseMs: number): number {
  const period = periodOf(request.period, reply.nowMs);
  const windowMs = period.startMs - period.fromMs;
  const leftMs = reply.wrongPeriod ? period.endMs - period.startMs : period.endMs - reply.nowMs;
  return Math.max(leftMs + windowMs, leaseMs + REMEMBER_MS);
}

function nothing(nowMs: number): Lease {
  return { sequence: 0, reserved: 0, spare: 0, expiresMs: nowMs };
}

function countOthers(leases: Map<string, Lease>, process: string, nowMs: number) {
  let [reserved, spare] = [0, 0];
  for (const [name, held] of leases) {
    if (held.expiresMs + REMEMBER_MS <= nowMs) {
      leases.delete(name);
    } else if (name !== process && held.expiresMs > nowMs) {
      reserved += held.reserved;
      spare += held.spare;
    }
  }
  return { reserved, spare };
}

/** Adds to the step under way, drops what no longer counts, and joins to it what was noted later than its start. */
function spend(steps: Map<number, number>, spent: number, { startMs, fromMs }: Period) {
  let used = spent;
  let underWay = spent;
  let oldestMs = startMs;
  for (const [start, before] of steps) {
    if (start < fromMs) {
      steps.delete(start);
      continue;
    }
    used += before;
    oldestMs = Math.min(oldestMs, start);
    if (start < startMs) continue;
    underWay += before;
    steps.delete(start);
  }
  if (underWay > 0) steps.set(startMs, underWay);
  return { used, oldestMs };
}

/** The step of the store's clock is not known: what was spent is noted at the time itself, and joined to its step later. */
function note(steps: Map<number, number>, spent: number, period: Period, nowMs: number) {
  if (spent > 0) steps.set(nowMs, (steps.get(nowMs) ?? 0) + spent);
  let used = 0;
  for (const [start, before] of steps) if (start >= period.fromMs) used += before;
  return { used, oldestMs: period.startMs };
}
