/** What an exchange and the limiter say to each other. */
import type { Limit } from "../config/limits.ts";
import type { LimitShare } from "./tightest.ts";

/** What a request asks of one counter. */
export interface Demand {
  readonly limit: Limit;
  /** Values of `limit.per`, in its order. */
  readonly values: readonly string[];
  /** Whether the values are only known as they are shown (counter-key.ts), and so are those of all other demands. */
  readonly areShown?: boolean;
  /**
   * What must be free for the answer, in the limit's unit: the input and the most that the caller lets it have of output. At most
   * the limit's amount less `limit.requestCost`, which is not in it; 0 where nothing is reserved.
   */
  readonly answerEstimate: number;
  /**
   * Reserved beside that as far as it is free, but no reason to refuse: output whose length nobody has limited, and what goes
   * beyond the whole limit.
   */
  readonly assumed: number;
}

/** A counter as a request found or left it; amounts in the limit's unit. */
export interface LimitState {
  readonly limit: Limit;
  /** With what is extra at this time. */
  readonly amount: number;
  /** Spent and reserved, by all. */
  readonly used: number;
  readonly remaining: number;
  /** Unix milliseconds when the window ends, for a rolling one when something is free again; infinite = never. */
  readonly resetAtMs: number;
}

/** What a request holds of one counter. Its amounts are those of the counter, as far as is known here. */
export interface HeldShare extends LimitShare {
  readonly demand: Demand;
  /** @param nowMs Unix milliseconds. */
  state(nowMs: number): LimitState;
}

/** How a request stands with its limits. Exactly one of `settle` and `release` takes effect, the first that is called. */
export interface Reservation {
  /** One per demand, in their order. */
  readonly shares: readonly HeldShare[];
  /**
   * The limit that its caller is told about (tightest.ts); undefined = there is none.
   *
   * @param nowMs Unix milliseconds.
   */
  tightest(nowMs: number): HeldShare | undefined;
  /**
   * Charges what the answer cost and gives back what was reserved beyond.
   *
   * @param costs In the order of the demands; undefined = could not be told: what was reserved is charged.
   */
  settle(costs: readonly (number | undefined)[]): void;
  /** Gives back what was reserved: there was no answer. What a request costs by itself stays charged. */
  release(): void;
}

/** Why a request is not admitted. */
export type Refusal =
  | { readonly why: "exhausted"; readonly states: readonly LimitState[]; readonly refusing: LimitState }
  /** The store is away and the mode is `fail-closed`. */
  | { readonly why: "unavailable" };

/** The decision about a request. */
export type Decision =
  | { readonly admitted: true; readonly reservation: Reservation }
  | { readonly admitted: false; readonly refusal: Refusal };
