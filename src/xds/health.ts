/** How Envoy finds out which endpoints of a cluster to leave alone for a while. */
import type { ActiveHealthCheck, HealthCheck, PassiveHealthCheck } from "../config/traffic-policy.ts";
import type { ClusterJson } from "../gen/envoy/config/cluster/v3/cluster_pb.ts";
import type { OutlierDetectionJson } from "../gen/envoy/config/cluster/v3/outlier_detection_pb.ts";
import type { HealthCheckJson } from "../gen/envoy/config/core/v3/health_check_pb.ts";
import { duration } from "./names.ts";

/** Health checks of a cluster; none where none are configured. */
export function clusterHealth(
  health: HealthCheck | undefined,
  overHttp2: boolean,
): Pick<ClusterJson, "healthChecks" | "outlierDetection"> {
  return {
    ...(health?.active === undefined ? {} : { healthChecks: [activeCheck(health.active, overHttp2)] }),
    ...(health?.passive === undefined ? {} : { outlierDetection: outlierDetection(health.passive) }),
  };
}

function activeCheck(check: ActiveHealthCheck, overHttp2: boolean): HealthCheckJson {
  const { path, method, hostname, expectedStatuses } = check.http;
  return {
    timeout: duration(check.timeoutMs),
    interval: duration(check.intervalMs),
    unhealthyThreshold: check.unhealthyThreshold,
    healthyThreshold: check.healthyThreshold,
    httpHealthCheck: {
      path,
      codecClientType: overHttp2 ? "HTTP2" : "HTTP1",
      ...(hostname === undefined ? {} : { host: hostname }),
      ...(method === undefined ? {} : { method: method as "GET" }),
      // Ranges are half-open.
      expectedStatuses: expectedStatuses.map((status) => ({ start: String(status), end: String(status + 1) })),
    },
  };
}

const ALWAYS = 100;
const NEVER = 0;

/** Only what the policy names ejects an endpoint; Envoy's statistics over success rates do not. */
function outlierDetection(passive: PassiveHealthCheck): OutlierDetectionJson {
  return {
    splitExternalLocalOriginErrors: passive.splitExternalLocalOriginErrors,
    interval: duration(passive.intervalMs),
    baseEjectionTime: duration(passive.baseEjectionTimeMs),
    maxEjectionPercent: passive.maxEjectionPercent,
    // Backends of models have one or two endpoints, of which no common percentage is one.
    alwaysEjectOneHost: true,
    consecutive5xx: passive.consecutive5XxErrors,
    enforcingConsecutive5xx: enforcing(passive.consecutive5XxErrors),
    consecutiveGatewayFailure: passive.consecutiveGatewayErrors,
    enforcingConsecutiveGatewayFailure: enforcing(passive.consecutiveGatewayErrors),
    consecutiveLocalOriginFailure: passive.consecutiveLocalOriginFailures,
    enforcingConsecutiveLocalOriginFailure: enforcing(passive.consecutiveLocalOriginFailures),
    enforcingSuccessRate: NEVER,
    enforcingLocalOriginSuccessRate: NEVER,
  };
}

/** A threshold of 0 means "not by this". */
function enforcing(threshold: number): number {
  return threshold > 0 ? ALWAYS : NEVER;
}
