/**
 * Limits that hold: what callers use is counted, and who is beyond a limit is refused. A process does not ask the store of the
 * counters about every request: it leases a share of what a counter has left, decides from it at once, and tells the store later
 * what was spent. A lease ends by itself if its process is gone. This file says what a store is; `lease.ts` is what it does with
 * a request, `memory-store.ts`, `redis-store.ts` and `ipc-store.ts` are the stores, `limiter.ts` decides.
 */

/** The time a counter counts for; Unix milliseconds by the store's clock. */
export interface Period {
  /** Of the step under way: the whole window, or a sixtieth of a rolling one. */
  readonly startMs: number;
  /** Infinite = for ever. */
  readonly endMs: number;
  /** Steps that began before this time no longer count. */
  readonly fromMs: number;
  /** Whether periods of the same length follow each other, so that the store finds the one of its clock by itself. */
  readonly repeats: boolean;
}

/** What a process tells and asks of one counter, in one round trip. Amounts are whole, from 0 to 2^53. */
export interface LeaseRequest {
  readonly key: string;
  readonly period: Period;
  readonly limit: number;
  /** Of this process, ascending: a request that comes twice is done once. */
  readonly sequence: number;
  /** Spent since the last request. */
  readonly spent: number;
  /** What is reserved for requests under way, which the lease must go on holding. */
  readonly reserved: number;
  /** What is held without need and kept; what the lease held beyond is given back. */
  readonly spare: number;
  /** What requests that wait need beside, in their order: each is granted if it fits. */
  readonly needed: readonly number[];
  /** What should be reserved for them beside, as far as it is free; only where all that is needed was granted. */
  readonly assumed: number;
  /** What would be welcome beside, so that the next requests need not ask. */
  readonly wanted: number;
}

export interface LeaseReply {
  /** Held by this process from now on: what it reserves and keeps, and what was granted. */
  readonly leased: number;
  /** Spent by all processes in the period. */
  readonly used: number;
  /** Leased to other processes: what they reserve, and what they hold without need and give back when it gets scarce. */
  readonly othersReserved: number;
  readonly othersSpare: number;
  /** Unix milliseconds by the store's clock. */
  readonly nowMs: number;
  /** The store's clock is in another period, which it cannot know: nothing was done but taking note of `spent`. */
  readonly wrongPeriod: boolean;
  /** Start of the oldest step that counts; that of the period where nothing was spent before. */
  readonly oldestMs: number;
}

export interface CounterStore {
  /**
   * Replies in the order of the requests, an error where one could not be done; rejects when the store does not answer in time.
   * What was not answered is asked again as it was.
   */
  lease(process: string, requests: readonly LeaseRequest[]): Promise<readonly (LeaseReply | Error)[]>;
  /** The same without waiting, by a store in this process. */
  readonly leaseNow?: (process: string, requests: readonly LeaseRequest[]) => readonly LeaseReply[];
  close(): Promise<void>;
}

/** How long a lease lives unless it is renewed. */
export const LEASE_MS = 30_000;
