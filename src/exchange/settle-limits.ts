/** What a request is charged for when its answer has ended. */
import { invariant } from "../errors/invariant.ts";
import type { HeldShare, Reservation } from "../ratelimit/admission.ts";
import { isTold, type TokenUsage } from "../usage/token-usage.ts";
import { costWithOutput, estimatesFor } from "./estimates.ts";
import type { Exchange } from "./exchange.ts";

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
  const { attempt, endpoint, match, plan, record } = exchange;
  if (endpoint?.metering === "free") return shares.map(() => 0);
  invariant(match && attempt, "an answer follows an attempt");
  if (endpoint?.metering === "tokens" && !isTold(usage)) {
    // An answer is not free because its provider does not say what it cost.
    const estimates = estimatesFor(exchange, [attempt.ref]);
    return shares.map(({ limit }) => costWithOutput(estimates, limit));
  }
  const { backend, requestModel: model, route: routeName, startedAt } = record;
  const input = { usage, model, backend, routeName };
  const routeCosts = plan.costs(match.route);
  return shares.map(({ limit }) => {
    const cost = plan.limitCosts.cost(limit, input, routeCosts, startedAt);
    return limit.answerCost?.from === "price" ? (cost ?? 0) : cost;
  });
}

/** A whole answer that could not be used, and did not say what it cost. */
function isFailed({ record }: Exchange, usage: TokenUsage): boolean {
  return record.outcome === "error" && !record.stream && !isTold(usage);
}
