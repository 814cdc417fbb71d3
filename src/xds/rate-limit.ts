/**
 * Rate limits in Envoy's configuration: the filter, the cluster of the rate limit service, and what each route counts. A limit
 * becomes up to two descriptors with the same entries: one when the request comes, which may refuse it, and one when its
 * answer has ended, which charges what it cost
 * (https://www.envoyproxy.io/docs/envoy/latest/configuration/http/http_filters/rate_limit_filter).
 */
import type { JsonObject } from "@bufbuild/protobuf";
import type { Limit } from "../config/limits.ts";
import { DYNAMIC_METADATA } from "../exchange/envoy-names.ts";
import { rateLimitMetadataKey } from "../exchange/rate-limit-metadata.ts";
import type { ClusterJson } from "../gen/envoy/config/cluster/v3/cluster_pb.ts";
import type { RateLimit_ActionJson, RateLimitJson } from "../gen/envoy/config/route/v3/route_components_pb.ts";
import type { HttpProtocolOptionsJson } from "../gen/envoy/extensions/upstreams/http/v3/http_protocol_options_pb.ts";
import { AT_END, ENTRY, hitsAtRequest, isCountedByEnvoy, isKeyed, RATE_LIMIT_DOMAIN } from "../ratelimit/descriptor.ts";
import { duration, PROTOCOL_OPTIONS, typed } from "./names.ts";
import { type ProcessorTls, processorSocket } from "./processor-tls.ts";

/** Name of the filter, under which a route's `typed_per_filter_config` holds {@link routeRateLimits}. */
export const RATE_LIMIT_FILTER = "envoy.filters.http.ratelimit";

const CLUSTER = "aigw-rate-limit";

/** Where a rate limit service is, and how it is asked. */
export interface RateLimitService {
  readonly host: string;
  readonly port: number;
  /** Undefined = clear text. */
  readonly tls?: ProcessorTls | undefined;
  /** How long a request waits for an answer. */
  readonly timeoutMs: number;
  /** Whether requests are refused when there is none. */
  readonly denyOnFailure: boolean;
}

/** The HTTP filter; it stands after the processor, which tells it the model and the keys. */
export function rateLimitFilter({ denyOnFailure, timeoutMs }: RateLimitService): JsonObject {
  return {
    name: RATE_LIMIT_FILTER,
    typedConfig: {
      "@type": "type.googleapis.com/envoy.extensions.filters.http.ratelimit.v3.RateLimit",
      domain: RATE_LIMIT_DOMAIN,
      timeout: duration(timeoutMs),
      failureModeDeny: denyOnFailure,
      statusOnError: { code: "ServiceUnavailable" },
      enableXRatelimitHeaders: "DRAFT_VERSION_03",
      enableRetryAfterHeader: true,
      disableXEnvoyRatelimitedHeader: true,
      rateLimitService: { transportApiVersion: "V3", grpcService: { envoyGrpc: { clusterName: CLUSTER } } },
    },
  };
}

/** The cluster of the rate limit service. */
export function rateLimitCluster({ host, port, tls }: RateLimitService): ClusterJson {
  const endpoint = { address: { socketAddress: { address: host, portValue: port } } };
  const protocol: HttpProtocolOptionsJson = {
    explicitHttpConfig: {
      // A service that hangs is found out by a ping, not by a timeout of every request for minutes.
      http2ProtocolOptions: { connectionKeepalive: { interval: "5s", timeout: "2s" } },
    },
  };
  return {
    name: CLUSTER,
    type: "STRICT_DNS",
    connectTimeout: "1s",
    typedExtensionProtocolOptions: { [PROTOCOL_OPTIONS]: typed(PROTOCOL_OPTIONS, protocol) },
    // One call for every request under way, and one at the end of each.
    circuitBreakers: { thresholds: [{ maxRequests: 100_000, maxPendingRequests: 100_000 }] },
    loadAssignment: { clusterName: CLUSTER, endpoints: [{ lbEndpoints: [{ endpoint }] }] },
    ...(tls === undefined ? {} : { transportSocket: processorSocket(tls) }),
  };
}

/** The limits that Envoy counts for a route, in the order in which their places in the metadata are numbered. */
export function countedLimits(limits: readonly Limit[], routeId: string): Limit[] {
  return limits.filter((limit) => isCountedByEnvoy(limit) && limit.applies.routes?.includes(routeId));
}

/** What a route counts, for its `typed_per_filter_config` under {@link RATE_LIMIT_FILTER}; undefined = nothing. */
export function routeRateLimits(limits: readonly Limit[], routeId: string): JsonObject | undefined {
  const counted = countedLimits(limits, routeId);
  if (counted.length === 0) return undefined;
  const atRequests = counted.map((limit, index) => atRequest(limit, actionsOf(limit, index)));
  const atEnds = counted.flatMap((limit, index) => atEnd(limit, actionsOf(limit, index)));
  const rateLimits = atEnds.length === 0 ? atRequests : [...atRequests, ...atEnds, END];
  return {
    "@type": "type.googleapis.com/envoy.extensions.filters.http.ratelimit.v3.RateLimitPerRoute",
    rateLimits: rateLimits as unknown as JsonObject[],
  };
}

function actionsOf(limit: Limit, index: number): RateLimit_ActionJson[] {
  const which: RateLimit_ActionJson = { genericKey: { descriptorKey: ENTRY.limit, descriptorValue: limit.id } };
  if (!isKeyed(limit)) return [which];
  const metadataKey = { key: DYNAMIC_METADATA, path: [{ key: rateLimitMetadataKey(index) }] };
  return [which, { metadata: { descriptorKey: ENTRY.client, source: "DYNAMIC", metadataKey } }];
}

/** Tells our own service what it is asked at; to Envoy's it is a descriptor without a limit. */
const END: RateLimitJson = {
  actions: [{ genericKey: { descriptorKey: AT_END.key, descriptorValue: AT_END.value } }],
  hitsAddend: { number: "0" },
  applyOnStreamDone: true,
};

function atRequest(limit: Limit, actions: RateLimit_ActionJson[]): RateLimitJson {
  // What is only tried out is not told to callers.
  const hidden: RateLimitJson = limit.shadow ? { xRatelimitOption: "OFF" } : {};
  return { actions, hitsAddend: { number: String(hitsAtRequest(limit)) }, ...hidden };
}

function atEnd({ answerCost }: Limit, actions: RateLimit_ActionJson[]): RateLimitJson[] {
  switch (answerCost?.from) {
    case "number":
      return [{ actions, hitsAddend: { number: String(answerCost.number) }, applyOnStreamDone: true }];
    case "metadata": {
      const format = `%DYNAMIC_METADATA(${DYNAMIC_METADATA}:${answerCost.key})%`;
      return [{ actions, hitsAddend: { format }, applyOnStreamDone: true }];
    }
    default:
      return [];
  }
}
