import * as Type from "typebox";
import { durationMs } from "./duration.ts";
import { ActiveHealthCheck, PassiveHealthCheck } from "./health-check.ts";
import { type CrossFieldRule, defineKind } from "./kind.ts";
import { balancingIsComplete, LoadBalancer } from "./load-balancer.ts";
import { hasOneKindOfTarget } from "./policy-target.ts";
import { RateLimit, rateLimitIsComplete } from "./rate-limit.ts";
import type { Resource } from "./resource.ts";
import { Duration, HttpStatus, open, PolicyTargetRef, PositiveDuration, unapplied, unappliedFields } from "./schema.ts";

const Timeout = open({
  tcp: Type.Optional(open({ connectTimeout: Type.Optional(PositiveDuration) })),
  http: Type.Optional(
    open({
      requestTimeout: Type.Optional(Duration),
      connectionIdleTimeout: Type.Optional(Duration),
      maxConnectionDuration: Type.Optional(Duration),
      streamIdleTimeout: Type.Optional(Duration),
      maxStreamDuration: unapplied(),
    }),
  ),
});

const RetryTrigger = Type.Enum([
  "5xx",
  "gateway-error",
  "reset",
  "reset-before-request",
  "connect-failure",
  "retriable-4xx",
  "refused-stream",
  "retriable-status-codes",
  "cancelled",
  "deadline-exceeded",
  "internal",
  "resource-exhausted",
  "unavailable",
]);

const Retry = open({
  numRetries: Type.Integer({ minimum: 0, default: 2 }),
  numAttemptsPerPriority: Type.Optional(Type.Integer({ minimum: 0 })),
  retryOn: Type.Optional(
    open({
      triggers: Type.Optional(Type.Array(RetryTrigger)),
      httpStatusCodes: Type.Optional(Type.Array(HttpStatus)),
    }),
  ),
  perRetry: Type.Optional(
    open({
      timeout: Type.Optional(Duration),
      backOff: Type.Optional(
        open({ baseInterval: Type.Optional(PositiveDuration), maxInterval: Type.Optional(PositiveDuration) }),
      ),
    }),
  ),
});

/** Largest number that Envoy's configuration holds here. */
const UINT32_MAX = 2 ** 32 - 1;
const Limit = Type.Integer({ minimum: 0, maximum: UINT32_MAX, default: 1024 });

const CircuitBreaker = open({
  maxConnections: Limit,
  maxPendingRequests: Limit,
  maxParallelRequests: Limit,
  maxParallelRetries: Limit,
  maxRequestsPerConnection: Type.Optional(Type.Integer({ minimum: 0, maximum: UINT32_MAX })),
  perEndpoint: unapplied(),
  retryBudget: unapplied(),
});

const HealthCheck = open({
  active: Type.Optional(ActiveHealthCheck),
  passive: Type.Optional(PassiveHealthCheck),
  panicThreshold: Type.Optional(Type.Integer({ minimum: 0, maximum: 100 })),
});

const Spec = open({
  targetRef: Type.Optional(PolicyTargetRef),
  targetRefs: Type.Optional(Type.Array(PolicyTargetRef, { maxItems: 16 })),
  targetSelectors: unapplied("is not applied by this gateway: name the targets in targetRefs"),
  timeout: Type.Optional(Timeout),
  retry: Type.Optional(Retry),
  healthCheck: Type.Optional(HealthCheck),
  circuitBreaker: Type.Optional(CircuitBreaker),
  loadBalancer: Type.Optional(LoadBalancer),
  rateLimit: Type.Optional(RateLimit),
  ...unappliedFields(
    "mergeType",
    "proxyProtocol",
    "tcpKeepalive",
    "connection",
    "dns",
    "http2",
    "bandwidthLimit",
    "faultInjection",
    "admissionControl",
    "useClientProtocol",
    "compression",
    "compressor",
    "responseOverride",
    "httpUpgrade",
    "requestBuffer",
    "telemetry",
    "routingType",
  ),
});
type Spec = Type.Static<typeof Spec>;

/** How the gateway talks to the backends of a route or of a whole Gateway
 * (https://gateway.envoyproxy.io/latest/api/extension_types/#backendtrafficpolicy). */
export type BackendTrafficPolicy = Resource<Spec>;

/** The longest wait between tries is not shorter than the first one. */
const backOffGrows: CrossFieldRule<Spec> = ({ retry }) => {
  const { baseInterval, maxInterval } = retry?.perRetry?.backOff ?? {};
  const base = durationMs(baseInterval ?? "");
  const max = durationMs(maxInterval ?? "");
  if (base === undefined || max === undefined || base <= max) return [];
  const reason = `must not be shorter than baseInterval (${baseInterval})`;
  return [{ path: ["retry", "perRetry", "backOff", "maxInterval"], reason }];
};

/** Settings of a health check come with its type. */
const checkHasItsType: CrossFieldRule<Spec> = ({ healthCheck }) => {
  const active = healthCheck?.active;
  if (active?.type !== "HTTP" || active.http !== undefined) return [];
  return [
    { path: ["healthCheck", "active", "http"], reason: "is required with type HTTP, e.g. http: {path: /health}" },
  ];
};

/** BackendTrafficPolicy of gateway.envoyproxy.io. */
export const BACKEND_TRAFFIC_POLICY = defineKind({
  kind: "BackendTrafficPolicy",
  group: "gateway.envoyproxy.io",
  versions: ["v1alpha1"],
  schema: Spec,
  rules: [hasOneKindOfTarget, backOffGrows, checkHasItsType, balancingIsComplete, rateLimitIsComplete],
});
