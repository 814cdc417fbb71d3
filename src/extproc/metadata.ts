/**
 * Dynamic metadata of a request, for Envoy's access log, rate limits and Lua: the keys that users of Envoy AI Gateway
 * know, in the namespace `io.envoy.ai_gateway`.
 */

import { DYNAMIC_METADATA, SETTLED_KEY } from "../exchange/envoy-names.ts";
import type { Exchange } from "../exchange/exchange.ts";
import { rateLimitMetadata } from "../exchange/rate-limit-metadata.ts";
import { usageSoFar } from "../exchange/settle.ts";
import { price } from "../telemetry/price.ts";
import type { RequestRecord } from "../telemetry/request-record.ts";
import type { DynamicMetadata } from "./codec/messages.ts";

/** Values by key. */
export type Metadata = Readonly<Record<string, string | number>>;

/** Header that names the session of an agent, and the key its value is told under. */
const SESSION_HEADER = "agent-session-id";
const SESSION_KEY = "session.id";

const NOTHING: Metadata = {};

/** Metadata as Envoy takes it. */
export function named(metadata: Metadata): DynamicMetadata {
  return { [DYNAMIC_METADATA]: metadata };
}

/** What Envoy's rate limit filter, where it counts, needs to know of an admitted request. */
export function limitMetadata(exchange: Exchange): Metadata {
  if (!exchange.context.limitsInEnvoy) return NOTHING;
  const limits = exchange.plan.limits.ofRoute(exchange.record.route);
  return limits.length === 0 ? NOTHING : rateLimitMetadata(limits, exchange.limited);
}

/** What is known when an attempt begins. */
export function attemptMetadata({ record, headers }: Exchange, contentLength: number | undefined): Metadata {
  const metadata: Record<string, string | number> = {
    backend_name: record.backend,
    // The header that says it goes no further than Envoy's routes, which is before access logs read it.
    original_model: record.originalModel,
  };
  if (contentLength !== undefined) metadata["content_length"] = contentLength;
  const session = headers.get(SESSION_HEADER);
  if (session !== undefined && session !== "") metadata[SESSION_KEY] = session;
  return metadata;
}

/** What a stream has cost so far, so that one that is cut off is charged too; it replaces what was told before. */
export function runningMetadata(exchange: Exchange): Metadata {
  const { record, match, plan } = exchange;
  const usage = usageSoFar(exchange);
  if (match === undefined || usage === undefined) return {};
  const { costs } = plan
    .costs(match.route)
    .evaluate({ usage, model: record.requestModel, backend: record.backend, routeName: record.route });
  return withCosts(answerFacts(record), costs);
}

/** What a settled request used; prices it. */
export function settledMetadata({ record, context }: Exchange): Metadata {
  for (const error of price(record)) {
    context.log.warn("cost not computed", { requestId: record.requestId, error });
  }
  if (record.backendName === "") return { [SETTLED_KEY]: 1 };
  const metadata = withCosts(answerFacts(record), record.costs);
  metadata[SETTLED_KEY] = 1;
  if (record.responseModel !== "") metadata["response_model"] = record.responseModel;
  if (record.stream && record.firstByteMs > 0) {
    metadata["token_latency_ttft"] = Math.trunc(record.firstByteMs - record.startMs);
    if (record.events > 1) {
      metadata["token_latency_itl"] = (record.endMs - record.firstByteMs) / (record.events - 1);
    }
  }
  return metadata;
}

function answerFacts(record: RequestRecord): Record<string, string | number> {
  return {
    model_name_override: record.requestModel,
    ai_service_backend_name: record.backendName,
    route_name: record.route,
  };
}

function withCosts(
  metadata: Record<string, string | number>,
  costs: readonly (string | number)[],
): Record<string, string | number> {
  for (let i = 0; i < costs.length; i += 2) metadata[String(costs[i])] = costs[i + 1] as number;
  return metadata;
}
