/** What a request is charged for when its answer has ended. */
import type { Limit } from "../config/limits.ts";
import { invariant } from "../errors/invariant.ts";
import type { HeldShare, Reservation } from "../ratelimit/admission.ts";
import type { CostInput } from "../usage/cost.ts";
import { isTold, type TokenUsage } from "../usage/token-usage.ts";
import type { Exchange } from "./exchange.ts";
import { costOf } from "./limit-demands.ts";
import { outputTokensFor } from "./output-tokens.ts";

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

function settleHeld(exchange: Exchange, reservation: Reservation, usage: TokenUsage | undefined): void {
  const { shares } = reservation;
  if (usage === undefined || isFailed(exchange, usage)) reservation.release();
  else reservation.settle(costsOf(exchange, shares, usage));
  for (const share of shares) exchange.context.alerts.look(share);
}

/** What each limit is charged; undefined = what was reserved. */
function costsOf(exchange: Exchange, shares: readonly HeldShare[], usage: TokenUsage): (number | undefined)[] {
  const { backend, requestModel: model, route: routeName } = exchange.record;
  const input = { usage, model, backend, routeName };
  return shares.map(({ limit }) => chargeOf(exchange, limit, input));
}

/** A whole answer that could not be used, and did not say what it cost. */
function isFailed({ record }: Exchange, usage: TokenUsage): boolean {
  return record.outcome === "error" && !record.stream && !isTold(usage);
}

function chargeOf(exchange: Exchange, limit: Limit, input: CostInput): number | undefined {
  const { answerCost } = limit;
  const { attempt, endpoint } = exchange;
  if (answerCost === undefined || endpoint?.metering === "free") return 0;
  if (endpoint?.metering === "tokens" && !isTold(input.usage)) {
    // An answer is not free because its provider does not say what it cost.
    invariant(attempt, "an answer follows an attempt");
    const usage = exchange.estimate(outputTokensFor(exchange, limit, attempt.ref));
    return costOf(exchange, limit, { ...input, usage });
  }
  const cost = costOf(exchange, limit, input);
  return answerCost.from === "price" ? (cost ?? 0) : cost;
}
