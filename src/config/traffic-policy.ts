/**
 * How traffic to the backends of a route is handled: what BackendTrafficPolicy says, resolved for a route. Durations are in
 * milliseconds; undefined = the host's default.
 */

/** Policy in force for one route. */
export interface TrafficPolicy {
  readonly timeouts: TrafficTimeouts;
  readonly retry: RetryPolicy | undefined;
  readonly healthCheck: HealthCheck | undefined;
  readonly circuitBreaker: CircuitBreaker | undefined;
  readonly loadBalancer: LoadBalancer | undefined;
}

export interface TrafficTimeouts {
  readonly connectMs: number | undefined;
  /** 0 = none. */
  readonly requestMs: number | undefined;
  readonly connectionIdleMs: number | undefined;
  readonly maxConnectionDurationMs: number | undefined;
  readonly streamIdleMs: number | undefined;
}

export interface RetryPolicy {
  readonly numRetries: number;
  /** After how many tries within one priority the next priority is taken. */
  readonly attemptsPerPriority: number | undefined;
  readonly perTryTimeoutMs: number | undefined;
  readonly backoffBaseMs: number | undefined;
  readonly backoffMaxMs: number | undefined;
  /** In Envoy's words (`connect-failure`, `retriable-status-codes`, `5xx`, …). */
  readonly triggers: readonly string[];
  readonly statusCodes: readonly number[];
}

export interface HealthCheck {
  readonly active: ActiveHealthCheck | undefined;
  readonly passive: PassiveHealthCheck | undefined;
  /** Percent of healthy hosts under which all are used. */
  readonly panicThreshold: number | undefined;
}

export interface ActiveHealthCheck {
  readonly timeoutMs: number;
  readonly intervalMs: number;
  readonly unhealthyThreshold: number;
  readonly healthyThreshold: number;
  readonly http: {
    readonly path: string;
    readonly method: string | undefined;
    readonly hostname: string | undefined;
    readonly expectedStatuses: readonly number[];
  };
}

/** Outlier detection. */
export interface PassiveHealthCheck {
  readonly splitExternalLocalOriginErrors: boolean;
  readonly intervalMs: number;
  readonly consecutiveLocalOriginFailures: number;
  readonly consecutiveGatewayErrors: number;
  readonly consecutive5XxErrors: number;
  readonly baseEjectionTimeMs: number;
  readonly maxEjectionPercent: number;
}

export interface CircuitBreaker {
  readonly maxConnections: number | undefined;
  readonly maxPendingRequests: number | undefined;
  readonly maxParallelRequests: number | undefined;
  readonly maxParallelRetries: number | undefined;
  readonly maxRequestsPerConnection: number | undefined;
}

export interface LoadBalancer {
  readonly type: "RoundRobin" | "LeastRequest" | "Random" | "ConsistentHash";
  /** For ConsistentHash. */
  readonly hash: { readonly type: "SourceIP" } | { readonly type: "Header"; readonly header: string } | undefined;
}
