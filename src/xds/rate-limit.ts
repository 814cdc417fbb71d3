/**
 * Rate limits in Envoy's configuration: the filter, the cluster of the rate limit service, and what each route counts. A rule
 * becomes up to two descriptors with the same entries: one when the request comes, which may refuse it, and one when its
 * answer has ended, which charges what it cost
 * (https://www.envoyproxy.io/docs/envoy/latest/configuration/http/http_filters/rate_limit_filter).
 */
import type { JsonObject } from "@bufbuild/protobuf";
import type { Route } from "../config/runtime-config.ts";
import type { RateLimitCost, RateLimitRule } from "../config/traffic-policy.ts";
import { DYNAMIC_METADATA } from "../exchange/envoy-names.ts";
import { isKeyed, rateLimitMetadataKey } from "../exchange/rate-limit-metadata.ts";
import type {
  RateLimit_Action_MaskedRemoteAddressJson,
  RateLimit_ActionJson,
  RateLimitJson,
} from "../gen/envoy/config/route/v3/route_components_pb.ts";
import { networkOf } from "./rate-limit-cidr.ts";

/** Domain of all our limits in the rate limit service. */
export const RATE_LIMIT_DOMAIN = "aigw";

/** Name of the filter, under which a route's `typed_per_filter_config` holds {@link routeRateLimits}. */
export const RATE_LIMIT_FILTER = "envoy.filters.http.ratelimit";

const CLUSTER = "aigw-rate-limit";
/** How long a request waits for the rate limit service before the failure mode decides. */
const TIMEOUT = "0.1s";

/** Keys of a descriptor's entries; those of addresses are Envoy's. */
export const ENTRY = {
  rule: "rule",
  client: "client",
  network: "masked_remote_address",
  address: "remote_address",
} as const;

/** Where a rate limit service is. */
export interface RateLimitService {
  readonly host: string;
  readonly port: number;
}

/** The HTTP filter; it stands after the processor, which tells it the model and the keys. */
export function rateLimitFilter({ denyOnFailure }: { readonly denyOnFailure: boolean }): JsonObject {
  return {
    name: RATE_LIMIT_FILTER,
    typedConfig: {
      "@type": "type.googleapis.com/envoy.extensions.filters.http.ratelimit.v3.RateLimit",
      domain: RATE_LIMIT_DOMAIN,
      timeout: TIMEOUT,
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
export function rateLimitCluster({ host, port }: RateLimitService): JsonObject {
  const endpoint = { address: { socketAddress: { address: host, portValue: port } } };
  return {
    name: CLUSTER,
    type: "STRICT_DNS",
    connectTimeout: "1s",
    typedExtensionProtocolOptions: {
      "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": {
        "@type": "type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions",
        explicitHttpConfig: {
          // A service that hangs is found out by a ping, not by a timeout of every request for minutes.
          http2ProtocolOptions: { connectionKeepalive: { interval: "5s", timeout: "2s" } },
        },
      },
    },
    // One call for every request under way, and one at the end of each.
    circuitBreakers: { thresholds: [{ maxRequests: 100_000, maxPendingRequests: 100_000 }] },
    loadAssignment: { clusterName: CLUSTER, endpoints: [{ lbEndpoints: [{ endpoint }] }] },
  };
}

/** What a route counts, for its `typed_per_filter_config` under {@link RATE_LIMIT_FILTER}; undefined = nothing. */
export function routeRateLimits(route: Route): JsonObject | undefined {
  const limit = route.traffic?.rateLimit;
  if (limit === undefined || limit.rules.length === 0) return undefined;
  const rateLimits = limit.rules.flatMap((rule, index) => {
    const value = ruleValue({ policy: limit.policy, route: route.id, index });
    const actions = [{ genericKey: { descriptorKey: ENTRY.rule, descriptorValue: value } }, ...actionsOf(rule, index)];
    return [atRequest(rule, actions), ...atEnd(rule, actions)];
  });
  return {
    "@type": "type.googleapis.com/envoy.extensions.filters.http.ratelimit.v3.RateLimitPerRoute",
    rateLimits: rateLimits as unknown as JsonObject[],
  };
}

/**
 * The first entry of a rule's descriptors. Every route has counters of its own, also when its policy is for the whole
 * Gateway (https://gateway.envoyproxy.io/docs/tasks/traffic/global-rate-limit/).
 */
export function ruleValue(rule: { readonly policy: string; readonly route: string; readonly index: number }): string {
  return `policy/${rule.policy}/route/${rule.route}/rule/${rule.index}`;
}

/** An entry of a rule's descriptors after the first, in its order. */
export interface DescriptorEntry {
  readonly key: string;
  /** Undefined: each value counts for itself. */
  readonly value: string | undefined;
}

/** The entries that follow the first, in the order of the actions that make them. */
export function entriesOf(rule: RateLimitRule): DescriptorEntry[] {
  const entries: DescriptorEntry[] = [];
  if (isKeyed(rule)) entries.push({ key: ENTRY.client, value: undefined });
  for (const { source } of rule.selectors)
    if (source) entries.push({ key: ENTRY.network, value: networkOf(source.cidr).text });
  if (hasDistinctAddress(rule)) entries.push({ key: ENTRY.address, value: undefined });
  return entries;
}

function actionsOf(rule: RateLimitRule, index: number): RateLimit_ActionJson[] {
  const actions: RateLimit_ActionJson[] = [];
  if (isKeyed(rule)) {
    const metadataKey = { key: DYNAMIC_METADATA, path: [{ key: rateLimitMetadataKey(index) }] };
    actions.push({ metadata: { descriptorKey: ENTRY.client, source: "DYNAMIC", metadataKey } });
  }
  for (const { source } of rule.selectors) if (source) actions.push({ maskedRemoteAddress: mask(source.cidr) });
  if (hasDistinctAddress(rule)) actions.push({ remoteAddress: {} });
  return actions;
}

/** The service knows only the range's own network: an address elsewhere, or of the other family, is masked to another. */
function mask(cidr: string): RateLimit_Action_MaskedRemoteAddressJson {
  const { family, bits } = networkOf(cidr);
  return family === "v4" ? { v4PrefixMaskLen: bits } : { v6PrefixMaskLen: bits };
}

function hasDistinctAddress({ selectors }: RateLimitRule): boolean {
  return selectors.some(({ source }) => source?.type === "Distinct");
}

function atRequest(rule: RateLimitRule, actions: RateLimit_ActionJson[]): RateLimitJson {
  // The service refuses what is over the limit: asked about a limit of 0 without a hit, it would let everything through.
  const cost: RateLimitCost = rule.requests === 0 ? { from: "Number", number: 1 } : rule.requestCost;
  // What is only tried out is not told to callers.
  const hidden: RateLimitJson = rule.shadowMode ? { xRatelimitOption: "OFF" } : {};
  return { actions, hitsAddend: hitsAddend(cost), ...hidden };
}

function atEnd({ responseCost }: RateLimitRule, actions: RateLimit_ActionJson[]): RateLimitJson[] {
  if (responseCost === undefined) return [];
  return [{ actions, hitsAddend: hitsAddend(responseCost), applyOnStreamDone: true }];
}

function hitsAddend(cost: RateLimitCost): NonNullable<RateLimitJson["hitsAddend"]> {
  return cost.from === "Number"
    ? { number: String(cost.number) }
    : { format: `%DYNAMIC_METADATA(${cost.namespace}:${cost.key})%` };
}
