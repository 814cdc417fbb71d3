/**
 * Ceilings on what callers use. BackendTrafficPolicy, QuotaPolicy, BudgetPolicy and GatewayKey are all compiled to this one
 * form, which is all that is counted.
 */
import type { CostRule } from "./runtime-config.ts";

export interface Limit {
  /**
   * Unique, and the same across reloads, replicas and hosts: counters are found by it, e.g.
   * `BackendTrafficPolicy/default/tokens/route/default/chat/rule/0`.
   */
  readonly id: string;
  /** The resource that says it, for callers and logs: `BudgetPolicy default/teams, budget "monthly"`. */
  readonly name: string;
  readonly kind: "BackendTrafficPolicy" | "QuotaPolicy" | "BudgetPolicy" | "GatewayKey";
  readonly applies: LimitScope;
  /** All must hold. */
  readonly conditions: readonly LimitCondition[];
  /** What is told apart: every combination of their values has a counter of its own; empty = one for all. */
  readonly per: readonly LimitAttribute[];
  /** Taken when a request is admitted, and kept whatever becomes of it. */
  readonly requestCost: number;
  /** Taken when its answer has ended; undefined = nothing. */
  readonly answerCost: AnswerCost | undefined;
  /** In the unit of the costs: hits, tokens, or billionths of a US dollar; whole, at most 2^53. */
  readonly amount: number;
  /** Added to the amount until a time passes. */
  readonly extra: readonly { readonly amount: number; readonly untilMs: number }[];
  readonly unit: "requests" | "tokens" | "cost" | "nanodollars";
  readonly window: LimitWindow;
  /** Counted and told in metrics and logs, but never refuses. */
  readonly shadow: boolean;
  /**
   * `reserve`: what the answer may cost is taken at admission and settled at the end. `check`: admitted while anything is left,
   * as Envoy's rate limit service does, so that the last requests may go beyond.
   */
  readonly admission: "reserve" | "check";
  /** What is reserved for an answer whose length the caller did not limit, in tokens. */
  readonly assumedOutputTokens: number;
  /** Limits that share a group let a request pass while any of them has room, and are all charged; undefined = must have room. */
  readonly group: string | undefined;
  /** `gateway`: each gateway counts for itself. `shared`: all that use one store together. */
  readonly counted: "shared" | "gateway";
  /** Percentages of the amount at which an alert is logged and counted, ascending. */
  readonly alerts: readonly number[];
  /** What happens to a request whose cost nobody can tell (a model without price, an endpoint without usage). */
  readonly unmetered: "refuse" | "allow";
}

/** Which requests a limit is looked up for. */
export interface LimitScope {
  /** Ids of routes; undefined = every route. */
  readonly routes: readonly string[] | undefined;
  /** Ids (`namespace/name`) of AIServiceBackends: the limit is looked at when one of them has been picked. Undefined = every one. */
  readonly backends: readonly string[] | undefined;
  /** Models as sent to the backend; undefined = every one. Only with `backends`. */
  readonly requestModels: readonly string[] | undefined;
}

/** What a limit can look at in a request. Only what the gateway has checked itself is called an attribute of the caller. */
export type LimitAttribute =
  /** Lower-case name; as the caller sent it. */
  | { readonly from: "header"; readonly name: string }
  /** Of the URL; the first of its name. */
  | { readonly from: "query"; readonly name: string }
  /** The original model. */
  | { readonly from: "model" }
  | { readonly from: "route" }
  /** The caller's address. */
  | { readonly from: "address" }
  | { readonly from: "method" }
  /** As the caller sent it, without the query. */
  | { readonly from: "path" }
  /** See {@link Caller}: `key`, `owner`, `team`, `user`, or what a key or token says beside. */
  | { readonly from: "caller"; readonly name: string };

/** A request without the attribute matches nothing, so that an inverted condition holds. */
export interface LimitCondition {
  readonly attribute: LimitAttribute;
  readonly test:
    | { readonly type: "exact"; readonly values: readonly string[] }
    | { readonly type: "prefix"; readonly value: string }
    /** RE2, the whole value. */
    | { readonly type: "regex"; readonly value: string }
    | { readonly type: "cidr"; readonly value: string };
  readonly invert: boolean;
}

/** What an answer costs. */
export type AnswerCost =
  | { readonly from: "number"; readonly number: number }
  /** A cost of the route or the gateway, by its `metadataKey`. */
  | { readonly from: "metadata"; readonly key: string }
  /** A rule of the limit's own. */
  | { readonly from: "rule"; readonly rule: CostRule }
  /** Its price by the catalogue. */
  | { readonly from: "price" };

export type LimitWindow =
  /** Begins at multiples of its length since 1970. */
  | { readonly type: "fixed"; readonly durationMs: number }
  /** The last so many milliseconds, in sixty steps. */
  | { readonly type: "rolling"; readonly durationMs: number }
  | { readonly type: "calendar"; readonly unit: CalendarUnit; readonly timeZone: string }
  /** Counts for ever: a prepaid amount. */
  | { readonly type: "never" };

/** Weeks begin on Monday (ISO 8601). */
export type CalendarUnit = "hour" | "day" | "week" | "month" | "quarter" | "year";
