/** What a request asks of its limits before anybody knows what its answer costs. */
import type { Limit } from "../config/limits.ts";
import type { BackendRef } from "../config/runtime-config.ts";
import { GatewayError } from "../errors/gateway-error.ts";
import { invariant } from "../errors/invariant.ts";
import type { Demand } from "../ratelimit/admission.ts";
import { isCountedByEnvoy } from "../ratelimit/descriptor.ts";
import type { PreparedLimit } from "../ratelimit/match.ts";
import { emptyUsage, type TokenUsage } from "../usage/token-usage.ts";
import type { Exchange } from "./exchange.ts";

/**
 * Demands of the limits that are for a request.
 *
 * @param refs Backends that it may go to; the dearest counts.
 * @throws GatewayError `unmetered`.
 */
export function demandsOf(exchange: Exchange, limits: readonly PreparedLimit[], refs: readonly BackendRef[]): Demand[] {
  const { context, endpoint, limited } = exchange;
  const demands: Demand[] = [];
  for (const prepared of limits) {
    const { limit } = prepared;
    if (context.limitsInEnvoy && isCountedByEnvoy(limit)) continue;
    // What costs nothing is not refused because nothing is left.
    if (endpoint?.metering === "free" && limit.requestCost === 0) continue;
    const values = prepared.valuesOf(limited);
    if (values === undefined) continue;
    refuseUnmetered(exchange, limit, refs);
    demands.push(demandOf(exchange, limit, values, refs));
  }
  return demands;
}

/** What an answer is estimated to cost that may have so many tokens; undefined = nobody can tell. */
export function estimatedCost(
  exchange: Exchange,
  limit: Limit,
  to: { readonly backend: string; readonly model: string },
  outputTokens: number,
): number | undefined {
  return costOf(exchange, limit, to, estimate(exchange, outputTokens));
}

/** What usage at a backend costs. */
export function costOf(
  { plan, match, record }: Exchange,
  limit: Limit,
  { backend, model }: { readonly backend: string; readonly model: string },
  usage: TokenUsage,
): number | undefined {
  invariant(match, "limits are looked at after admission");
  const input = { usage, model, backend, routeName: record.route };
  return plan.limitCosts.cost(limit, input, plan.costs(match.route), record.startedAt);
}

function demandOf(exchange: Exchange, limit: Limit, values: readonly string[], refs: readonly BackendRef[]): Demand {
  const { endpoint, parsed } = exchange;
  if (limit.answerCost === undefined || limit.admission === "check" || endpoint?.metering === "free") {
    return { limit, values, answerEstimate: 0, assumed: 0 };
  }
  const outputMax = parsed?.outputTokensMax;
  const most = dearest(exchange, limit, refs, outputMax ?? limit.assumedOutputTokens);
  // A cap beyond the whole limit says nothing about this answer: many clients always send the largest.
  const isCapped = outputMax !== undefined && limit.requestCost + most <= limit.amount;
  const answerEstimate = isCapped ? most : dearest(exchange, limit, refs, 0);
  return { limit, values, answerEstimate, assumed: Math.max(0, most - answerEstimate) };
}

function dearest(exchange: Exchange, limit: Limit, refs: readonly BackendRef[], outputTokens: number): number {
  const usage = estimate(exchange, outputTokens);
  let most = 0;
  for (const ref of refs) {
    const to = { backend: ref.id, model: modelAt(exchange, ref) };
    most = Math.max(most, costOf(exchange, limit, to, usage) ?? 0);
  }
  return most;
}

/** Refuses what a limit on tokens or money cannot count. */
function refuseUnmetered(exchange: Exchange, limit: Limit, refs: readonly BackendRef[]): void {
  const { answerCost } = limit;
  if (limit.unmetered === "allow" || limit.shadow || answerCost === undefined || answerCost.from === "number") return;
  const { endpoint, plan, record } = exchange;
  if (endpoint === undefined || endpoint.metering === "free") return;
  if (endpoint.metering === "requests") {
    throw unmetered(limit, `answers of ${record.path} do not tell what they used`);
  }
  if (answerCost.from !== "price") return;
  for (const ref of refs) {
    const model = modelAt(exchange, ref);
    if (!plan.limitCosts.hasPrice(model, record.startedAt)) {
      throw unmetered(limit, `no price is known of the model ${JSON.stringify(model)}`);
    }
  }
}

function unmetered({ name }: Limit, why: string): GatewayError {
  return new GatewayError("unmetered", `cannot be counted by ${name}: ${why}`);
}

function modelAt({ parsed }: Exchange, ref: BackendRef): string {
  return ref.modelNameOverride ?? parsed?.model ?? "";
}

function estimate({ endpoint, inputEstimate }: Exchange, outputTokens: number): TokenUsage {
  const usage = emptyUsage();
  const isMetered = endpoint?.metering === "tokens";
  usage.inputTokens = isMetered ? inputEstimate : 0;
  usage.outputTokens = isMetered ? outputTokens : 0;
  usage.totalTokens = usage.inputTokens + usage.outputTokens;
  usage.estimated = true;
  return usage;
}
