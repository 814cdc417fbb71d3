/** What a request is charged for when its answer has ended. */
import type { Limit } from "../config/limits.ts";
import { price } from "../telemetry/price.ts";
import { isTold, type TokenUsage } from "../usage/token-usage.ts";
import type { Exchange } from "./exchange.ts";
import { costOf, estimatedCost } from "./limit-demands.ts";
import type { Held } from "./limits.ts";

/**
 * Charges what the answer cost, or gives back what was reserved where there was none.
 *
 * @param usage Of the answer, where one has begun.
 */
export function settleLimits(exchange: Exchange, usage: TokenUsage | undefined): void {
  const { heldByRequest, heldByAttempt } = exchange;
  if (heldByRequest !== undefined) settleHeld(exchange, heldByRequest, usage);
  if (heldByAttempt !== undefined) settleHeld(exchange, heldByAttempt, usage);
}

function settleHeld(exchange: Exchange, { demands, reservation }: Held, usage: TokenUsage | undefined): void {
  if (usage === undefined || isFailed(exchange, usage)) reservation.release();
  else reservation.settle(demands.map(({ limit }) => chargeOf(exchange, limit, usage)));
  for (const demand of demands) if (demand.limit.alerts.length > 0) exchange.context.alerts.look(demand);
}

/** A whole answer that could not be used, and did not say what it cost. */
function isFailed({ record }: Exchange, usage: TokenUsage): boolean {
  return record.outcome === "error" && !record.stream && !isTold(usage);
}

/** Undefined = what was reserved. */
function chargeOf(exchange: Exchange, limit: Limit, usage: TokenUsage): number | undefined {
  const { answerCost } = limit;
  const { context, endpoint, match, parsed, plan, record } = exchange;
  if (answerCost === undefined || endpoint?.metering === "free") return 0;
  const at = { backend: record.backend, model: record.requestModel };
  if (endpoint?.metering === "tokens" && !isTold(usage)) {
    // An answer is not free because its provider does not say what it cost.
    return estimatedCost(exchange, limit, at, parsed?.outputTokensMax ?? limit.assumedOutputTokens);
  }
  if (answerCost.from === "price") return costOf(exchange, limit, at, usage) ?? 0;
  if (answerCost.from !== "metadata") return costOf(exchange, limit, at, usage);
  // Computed once, for the log as well.
  for (const error of price(record)) context.log.warn("cost not computed", { requestId: record.requestId, error });
  const index = record.costs.indexOf(answerCost.key);
  if (index >= 0) return Number(record.costs[index + 1]);
  return match !== undefined && plan.costs(match.route).has(answerCost.key) ? undefined : 0;
}
