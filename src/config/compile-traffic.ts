/** From a BackendTrafficPolicy to settings that need no more interpretation. Envoy Gateway's words and defaults:
 * https://gateway.envoyproxy.io/latest/api/extension_types/#backendtrafficpolicyspec */
import type { BackendTrafficPolicy } from "../resources/backend-traffic-policy.ts";
import { durationMs } from "../resources/duration.ts";
import type { Compilation } from "./compilation.ts";
import type {
  ActiveHealthCheck,
  CircuitBreaker,
  HealthCheck,
  LoadBalancer,
  PassiveHealthCheck,
  RetryPolicy,
  TrafficPolicy,
  TrafficTimeouts,
} from "./traffic-policy.ts";

type Spec = BackendTrafficPolicy["spec"];

/** What is retried unless the policy says otherwise. */
const DEFAULT_TRIGGERS = ["connect-failure", "refused-stream", "unavailable", "cancelled", "retriable-status-codes"];
const DEFAULT_STATUS_CODES = [503];
const BY_STATUS_CODE = "retriable-status-codes";
/** Envoy's own first wait (https://www.envoyproxy.io/docs/envoy/latest/configuration/http/http_filters/router_filter). */
const BACKOFF_BASE_MS = 25;

/** Compiles a policy; what cannot be applied is left out after a notice. */
export function compileTraffic(policy: BackendTrafficPolicy, compilation: Compilation): TrafficPolicy {
  const { spec } = policy;
  return {
    timeouts: timeouts(spec.timeout),
    retry: spec.retry && retry(policy, spec.retry, compilation),
    healthCheck: spec.healthCheck && healthCheck(policy, spec.healthCheck, compilation),
    circuitBreaker: spec.circuitBreaker && circuitBreaker(spec.circuitBreaker),
    loadBalancer: spec.loadBalancer && loadBalancer(policy, spec.loadBalancer, compilation),
  };
}

function ms(duration: string | undefined): number | undefined {
  return duration === undefined ? undefined : durationMs(duration);
}

function timeouts(timeout: Spec["timeout"]): TrafficTimeouts {
  const { http, tcp } = timeout ?? {};
  return {
    connectMs: ms(tcp?.connectTimeout),
    requestMs: ms(http?.requestTimeout),
    connectionIdleMs: ms(http?.connectionIdleTimeout),
    maxConnectionDurationMs: ms(http?.maxConnectionDuration),
    streamIdleMs: ms(http?.streamIdleTimeout),
  };
}

function retry(
  policy: BackendTrafficPolicy,
  { numRetries, numAttemptsPerPriority, retryOn, perRetry }: NonNullable<Spec["retry"]>,
  compilation: Compilation,
): RetryPolicy {
  const triggers = retryOn === undefined ? DEFAULT_TRIGGERS : (retryOn.triggers ?? []);
  const statusCodes = retryOn === undefined ? DEFAULT_STATUS_CODES : (retryOn.httpStatusCodes ?? []);
  if (statusCodes.length > 0 && !triggers.includes(BY_STATUS_CODE)) {
    const reason = `has no effect without ${BY_STATUS_CODE} among the triggers`;
    compilation.notice(policy, ["spec", "retry", "retryOn", "httpStatusCodes"], reason);
  }
  const maxMs = ms(perRetry?.backOff?.maxInterval);
  const baseMs = ms(perRetry?.backOff?.baseInterval);
  return {
    numRetries,
    // 0 is the same as none: the first priority with healthy hosts takes every try.
    attemptsPerPriority: numAttemptsPerPriority || undefined,
    perTryTimeoutMs: ms(perRetry?.timeout),
    backoffBaseMs: baseMs ?? (maxMs && Math.min(BACKOFF_BASE_MS, maxMs)),
    backoffMaxMs: maxMs,
    triggers,
    statusCodes,
  };
}

function healthCheck(
  policy: BackendTrafficPolicy,
  { active, passive, panicThreshold }: NonNullable<Spec["healthCheck"]>,
  compilation: Compilation,
): HealthCheck {
  if (active !== undefined && active.type !== "HTTP") {
    const reason = `a health check of type ${active.type} is not applied by this gateway: backends speak HTTP`;
    compilation.notice(policy, ["spec", "healthCheck", "active", "type"], reason);
  }
  return { active: active && activeCheck(active), passive: passive && passiveCheck(passive), panicThreshold };
}

type WrittenCheck = NonNullable<NonNullable<Spec["healthCheck"]>["active"]>;

function activeCheck({ type, http, ...check }: WrittenCheck): ActiveHealthCheck | undefined {
  if (type !== "HTTP" || http === undefined) return undefined;
  return {
    timeoutMs: ms(check.timeout) ?? 0,
    intervalMs: ms(check.interval) ?? 0,
    unhealthyThreshold: check.unhealthyThreshold,
    healthyThreshold: check.healthyThreshold,
    http: {
      path: http.path,
      method: http.method,
      hostname: http.hostname,
      expectedStatuses: http.expectedStatuses ?? [],
    },
  };
}

function passiveCheck(check: NonNullable<NonNullable<Spec["healthCheck"]>["passive"]>): PassiveHealthCheck {
  return {
    splitExternalLocalOriginErrors: check.splitExternalLocalOriginErrors,
    intervalMs: ms(check.interval) ?? 0,
    consecutiveLocalOriginFailures: check.consecutiveLocalOriginFailures,
    consecutiveGatewayErrors: check.consecutiveGatewayErrors,
    consecutive5XxErrors: check.consecutive5XxErrors,
    baseEjectionTimeMs: ms(check.baseEjectionTime) ?? 0,
    maxEjectionPercent: check.maxEjectionPercent,
  };
}

function circuitBreaker(breaker: NonNullable<Spec["circuitBreaker"]>): CircuitBreaker {
  return {
    maxConnections: breaker.maxConnections,
    maxPendingRequests: breaker.maxPendingRequests,
    maxParallelRequests: breaker.maxParallelRequests,
    maxParallelRetries: breaker.maxParallelRetries,
    maxRequestsPerConnection: breaker.maxRequestsPerConnection,
  };
}

function loadBalancer(
  policy: BackendTrafficPolicy,
  { type, consistentHash }: NonNullable<Spec["loadBalancer"]>,
  compilation: Compilation,
): LoadBalancer | undefined {
  const path = ["spec", "loadBalancer"];
  if (type === "BackendUtilization" || type === "DynamicModule") {
    compilation.notice(policy, [...path, "type"], `type ${type} is not applied by this gateway`);
    return undefined;
  }
  if (type !== "ConsistentHash") return { type, hash: undefined };
  const hash = consistentHash?.type;
  if (hash === "SourceIP") return { type, hash: { type: "SourceIP" } };
  const names =
    hash === "Headers" ? (consistentHash?.headers ?? []).map(({ name }) => name) : [consistentHash?.header?.name];
  const [header, ...others] = names;
  if (header === undefined || hash === "Cookie" || hash === "QueryParams") {
    compilation.notice(policy, [...path, "consistentHash", "type"], `type ${hash} is not applied by this gateway`);
    return undefined;
  }
  if (others.length > 0) {
    const reason = "only the first header is applied by this gateway";
    compilation.notice(policy, [...path, "consistentHash", "headers"], reason);
  }
  return { type, hash: { type: "Header", header: header.toLowerCase() } };
}
