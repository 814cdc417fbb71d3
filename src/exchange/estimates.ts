/** What answers are estimated to cost before it is known. */
import type { Limit } from "../config/limits.ts";
import type { BackendRef } from "../config/runtime-config.ts";
import { invariant } from "../errors/invariant.ts";
import type { CostInput, CostProgram } from "../usage/cost.ts";
import { emptyUsage, type TokenUsage } from "../usage/token-usage.ts";
import type { Exchange } from "./exchange.ts";
import { outputTokensMax } from "./output-tokens.ts";

/** One of the backends that may answer. */
interface Candidate {
  readonly input: CostInput;
  /** The most tokens that its answers may have; undefined = nobody has said. */
  readonly outputMax: number | undefined;
}

/** What all estimates for a request are made from. */
export interface Estimates {
  readonly exchange: Exchange;
  readonly refs: readonly BackendRef[];
  readonly routeCosts: CostProgram;
  readonly candidates: readonly Candidate[];
  /** Is changed from estimate to estimate. */
  readonly usage: TokenUsage;
}

/** @param refs Backends that may answer; of several the dearest counts. */
export function estimatesFor(exchange: Exchange, refs: readonly BackendRef[]): Estimates {
  const { estimates } = exchange;
  if (estimates !== undefined && areSame(estimates.refs, refs)) return estimates;
  exchange.estimates = newEstimates(exchange, refs);
  return exchange.estimates;
}

/** Most rules have one backend, which limits of requests and of attempts are looked at for. */
function areSame(known: readonly BackendRef[], refs: readonly BackendRef[]): boolean {
  return known === refs || (known.length === 1 && refs.length === 1 && known[0] === refs[0]);
}

function newEstimates(exchange: Exchange, refs: readonly BackendRef[]): Estimates {
  const { plan, match, parsed, record } = exchange;
  invariant(match, "limits are looked at after admission");
  const usage = emptyUsage();
  usage.estimated = true;
  const candidates = refs.map((ref) => ({
    input: { usage, model: ref.modelNameOverride ?? parsed?.model ?? "", backend: ref.id, routeName: record.route },
    outputMax: outputTokensMax(exchange, ref),
  }));
  return { exchange, refs, routeCosts: plan.costs(match.route), candidates, usage };
}

/** Whether somebody has said for each backend how long its answers may get. */
export function areCapped({ candidates }: Estimates): boolean {
  for (const { outputMax } of candidates) if (outputMax === undefined) return false;
  return true;
}

/** The cost by a limit with all the output that answers may have, or what the limit assumes where nobody has said. */
export function costWithOutput(estimates: Estimates, limit: Limit): number {
  const assumed = limit.assumedOutputTokens * (estimates.exchange.parsed?.answers ?? 1);
  let most = 0;
  for (const { input, outputMax } of estimates.candidates) {
    most = Math.max(most, costOf(estimates, limit, input, outputMax ?? assumed));
  }
  return most;
}

/** The cost of the input alone. */
export function costOfInput(estimates: Estimates, limit: Limit): number {
  let most = 0;
  for (const { input } of estimates.candidates) most = Math.max(most, costOf(estimates, limit, input, 0));
  return most;
}

function costOf({ exchange, routeCosts, usage }: Estimates, limit: Limit, input: CostInput, output: number): number {
  const { endpoint, inputEstimate, plan, record } = exchange;
  if (endpoint?.metering === "tokens") {
    usage.inputTokens = inputEstimate;
    usage.outputTokens = output;
    usage.totalTokens = inputEstimate + output;
  }
  return plan.limitCosts.cost(limit, input, routeCosts, record.startedAt) ?? 0;
}
