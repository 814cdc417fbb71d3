/**
 * The route table of a listener
 * (https://www.envoyproxy.io/docs/envoy/latest/api-v3/config/route/v3/route_components.proto). It decides nothing: hosts, models and
 * headers were matched by the processor, which names the rule in a header.
 */
import type { Limit } from "../config/limits.ts";
import type { Listener, Route, Rule } from "../config/runtime-config.ts";
import type { LoadBalancer, RetryPolicy } from "../config/traffic-policy.ts";
import { ROUTE_HEADER, STATIC_METADATA } from "../exchange/envoy-names.ts";
import { BODY_IDLE_MS, timeLimits } from "../exchange/time-limits.ts";
import type { RetryPolicyJson, RouteActionJson, RouteJson } from "../gen/envoy/config/route/v3/route_components_pb.ts";
import type { RouteConfigurationJson } from "../gen/envoy/config/route/v3/route_pb.ts";
import { bufferBytes } from "./listener.ts";
import { clusterName, clusterStatName, duration, NOWHERE_CLUSTER, typed, usableRefs } from "./names.ts";
import { RATE_LIMIT_FILTER, routeRateLimits } from "./rate-limit.ts";
import { TO_OTHER_HOSTS } from "./retry-hosts.ts";

/** What a provider must not see: our own headers, and those that Envoy adds for services behind it. */
const INTERNAL_HEADERS = [
  ROUTE_HEADER,
  ROUTE_HEADER,
  "x-ai-eg-model",
  "x-ai-eg-original-path",
  "x-envoy-original-path",
  "x-envoy-external-address",
  "x-envoy-internal",
  "x-forwarded-proto",
];

/** How much later than the limit of an attempt Envoy ends the request: an attempt that fails may be followed by another. */
const GRACE_MS = 10_000;

/**
 * The route table of a listener.
 *
 * @param limits Those of which Envoy counts what it can.
 */
export function routeConfiguration(listener: Listener, limits: readonly Limit[]): RouteConfigurationJson {
  const routes = listener.routes.flatMap((route) => {
    const rateLimits = routeRateLimits(limits, route.id);
    return route.rules
      .filter((rule) => usableRefs(rule).length > 0)
      .map((rule) => ({
        ...ruleRoute(route, rule),
        ...(rateLimits === undefined ? {} : { typedPerFilterConfig: { [RATE_LIMIT_FILTER]: rateLimits } }),
      }));
  });
  return {
    name: listener.name,
    virtualHosts: [
      {
        name: "all",
        domains: ["*"],
        // Over HTTP/3, where no window is that large.
        requestBodyBufferLimit: String(bufferBytes(listener)),
        routes: [...routes, UNROUTED],
      },
    ],
  };
}

/**
 * Envoy looks for a route before its filters run, and without one it would not ask the processor. Nothing may go further on
 * this one, so it leads to a cluster without endpoints. Its idle limit is that of a caller who does not go on sending.
 */
const UNROUTED: RouteJson = {
  name: "unrouted",
  match: { prefix: "/" },
  route: { cluster: NOWHERE_CLUSTER, timeout: "0s", idleTimeout: duration(BODY_IDLE_MS) },
};

function ruleRoute(route: Route, rule: Rule): RouteJson {
  return {
    name: clusterStatName(route, rule),
    match: { prefix: "/", headers: [{ name: ROUTE_HEADER, stringMatch: { exact: rule.key } }] },
    route: action(route, rule),
    metadata: { filterMetadata: { [STATIC_METADATA]: { aigw_route_name: route.id } } },
    requestHeadersToRemove: INTERNAL_HEADERS,
  };
}

function action(route: Route, rule: Rule): RouteActionJson {
  const { traffic } = route;
  const streamIdleMs = rule.timeouts.streamIdleMs ?? traffic?.timeouts.streamIdleMs;
  const { firstByteMs, idleMs, totalMs } = timeLimits({ ...rule.timeouts, streamIdleMs });
  // Envoy has one limit for silence before and after the first byte. Where only defaults are in force, the longer one holds.
  const silenceMs = streamIdleMs === undefined ? Math.max(firstByteMs, idleMs) : idleMs;
  const hash = hashPolicy(traffic?.loadBalancer);
  return {
    cluster: clusterName(route, rule),
    // Endpoints carry the name that the provider expects.
    autoHostRewrite: true,
    timeout: limit(totalMs + GRACE_MS),
    // Silence of both sides: a caller who stops reading, and a stream whose attempt has lost its own limit (see below).
    idleTimeout: limit(silenceMs + GRACE_MS),
    retryPolicy: retryPolicy(traffic?.retry, firstByteMs, silenceMs),
    ...(hash === undefined ? {} : { hashPolicy: [hash] }),
  };
}

/**
 * The limits of each attempt, and which failed ones are followed by another. It is the processor that ends requests which take
 * too long, with an error its caller understands; Envoy's limits are for a processor that does not. Only the beginning of
 * an attempt that may be followed by another is Envoy's to wait for.
 */
function retryPolicy(retry: RetryPolicy | undefined, firstByteMs: number, silenceMs: number): RetryPolicyJson {
  const perTryMs = Math.min(firstByteMs, retry?.perTryTimeoutMs || Number.POSITIVE_INFINITY);
  return {
    ...(retry === undefined ? {} : { perTryTimeout: limit(perTryMs) }),
    perTryIdleTimeout: limit(silenceMs + GRACE_MS),
    ...(retry === undefined ? UNSENT : retries(retry)),
  };
}

/** Without a policy only what certainly has not reached the provider is sent once more. */
const UNSENT: RetryPolicyJson = { retryOn: "connect-failure,refused-stream,reset-before-request", numRetries: 1 };

function retries(retry: RetryPolicy): RetryPolicyJson {
  const { attemptsPerPriority, backoffBaseMs, backoffMaxMs, statusCodes } = retry;
  const triggers = new Set(retry.triggers);
  if (statusCodes.length > 0) triggers.add("retriable-status-codes");
  return {
    retryOn: [...triggers].join(","),
    numRetries: retry.numRetries,
    retriableStatusCodes: [...statusCodes],
    ...TO_OTHER_HOSTS,
    ...(attemptsPerPriority === undefined ? {} : { retryPriority: previousPriorities(attemptsPerPriority) }),
    ...backOff(backoffBaseMs, backoffMaxMs),
  };
}

function previousPriorities(updateFrequency: number): NonNullable<RetryPolicyJson["retryPriority"]> {
  const type = "envoy.extensions.retry.priority.previous_priorities.v3.PreviousPrioritiesConfig";
  return { name: "envoy.retry_priorities.previous_priorities", typedConfig: typed(type, { updateFrequency }) };
}

/** Envoy's default base. */
const BACKOFF_BASE_MS = 25;

function backOff(baseMs: number | undefined, maxMs: number | undefined): Pick<RetryPolicyJson, "retryBackOff"> {
  if (baseMs === undefined && maxMs === undefined) return {};
  // Envoy refuses a base of 0 and one above the most.
  const base = Math.max(1, Math.min(baseMs ?? BACKOFF_BASE_MS, maxMs ?? Number.POSITIVE_INFINITY));
  return {
    retryBackOff: {
      baseInterval: duration(base),
      ...(maxMs === undefined ? {} : { maxInterval: duration(maxMs) }),
    },
  };
}

function hashPolicy(loadBalancer: LoadBalancer | undefined): NonNullable<RouteActionJson["hashPolicy"]>[0] | undefined {
  const { hash } = loadBalancer ?? {};
  if (hash === undefined) return undefined;
  return hash.type === "SourceIP"
    ? { connectionProperties: { sourceIp: true } }
    : { header: { headerName: hash.header } };
}

/** A limit as Envoy writes it: 0 = none. */
function limit(ms: number): string {
  return Number.isFinite(ms) ? duration(ms) : "0s";
}
