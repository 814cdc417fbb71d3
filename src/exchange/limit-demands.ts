/** What a request asks of its limits before anybody knows what its answer costs. */
import type { Limit } from "../config/limits.ts";
import type { BackendRef } from "../config/runtime-config.ts";
import { GatewayError } from "../errors/gateway-error.ts";
import type { Demand } from "../ratelimit/admission.ts";
import { isCountedByEnvoy } from "../ratelimit/descriptor.ts";
import type { PreparedLimit } from "../ratelimit/match.ts";
import { areCapped, costOfInput, costWithOutput, type Estimates, estimatesFor } from "./estimates.ts";
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
  let estimates: Estimates | undefined;
  for (const prepared of limits) {
    const { limit } = prepared;
    if (!isForModels(exchange, limit, refs)) continue;
    if (context.limitsInEnvoy && isCountedByEnvoy(limit)) continue;
    // What costs nothing is not refused because nothing is left.
    if (endpoint?.metering === "free" && limit.requestCost === 0) continue;
    const values = prepared.valuesOf(limited);
    if (values === undefined) continue;
    refuseUnmetered(exchange, limit, refs);
    if (limit.answerCost === undefined || limit.admission === "check" || endpoint?.metering === "free") {
      demands.push({ limit, values, answerEstimate: 0, assumed: 0 });
    } else {
      estimates ??= estimatesFor(exchange, refs);
      demands.push(demandOf(estimates, limit, values));
    }
  }
  return demands;
}

function demandOf(estimates: Estimates, limit: Limit, values: readonly string[]): Demand {
  const most = costWithOutput(estimates, limit);
  // A cap beyond the whole limit says nothing about this answer: many clients always send the largest.
  const isCapped = limit.requestCost + most <= limit.amount && areCapped(estimates);
  const answerEstimate = isCapped ? most : costOfInput(estimates, limit);
  return { limit, values, answerEstimate, assumed: Math.max(0, most - answerEstimate) };
}

/** Whether a limit is for all models, or for one that a backend is asked for. */
function isForModels(exchange: Exchange, { applies }: Limit, refs: readonly BackendRef[]): boolean {
  const { requestModels } = applies;
  return requestModels === undefined || refs.some((ref) => requestModels.includes(modelAt(exchange, ref)));
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
