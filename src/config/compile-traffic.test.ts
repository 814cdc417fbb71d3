import assert from "node:assert/strict";
import { test } from "node:test";
import { compileText, withoutPlaces } from "./test-configuration.ts";
import type { TrafficPolicy } from "./traffic-policy.ts";

function compilePolicy(spec: string) {
  const text = `apiVersion: aigateway.envoyproxy.io/v1beta1
kind: AIGatewayRoute
metadata: {name: r}
spec: {rules: []}
---
apiVersion: gateway.envoyproxy.io/v1alpha1
kind: BackendTrafficPolicy
metadata: {name: p}
spec:
  targetRefs: [{group: gateway.networking.k8s.io, kind: HTTPRoute, name: r}]
  ${spec}
`;
  const { config, notices, faults } = compileText(text, { host: "envoy" });
  const [traffic] = config.routes.map((route) => route.traffic);
  const told = withoutPlaces(notices).map((notice) => notice.replace("BackendTrafficPolicy default/p: ", ""));
  return { traffic, notices: told, faults };
}

const RETRY = {
  numRetries: 2,
  attemptsPerPriority: undefined,
  perTryTimeoutMs: undefined,
  backoffBaseMs: undefined,
  backoffMaxMs: undefined,
  triggers: ["connect-failure", "refused-stream", "unavailable", "cancelled", "retriable-status-codes"],
  statusCodes: [503],
};
const PASSIVE = {
  splitExternalLocalOriginErrors: false,
  intervalMs: 3_000,
  consecutiveLocalOriginFailures: 5,
  consecutiveGatewayErrors: 0,
  consecutive5XxErrors: 5,
  baseEjectionTimeMs: 30_000,
  maxEjectionPercent: 10,
};
const ACTIVE = {
  timeoutMs: 1_000,
  intervalMs: 3_000,
  unhealthyThreshold: 3,
  healthyThreshold: 1,
  http: { path: "/", method: undefined, hostname: undefined, expectedStatuses: [] },
};

const COMPILED: { name: string; in: string; want: Partial<TrafficPolicy> }[] = [
  {
    name: "timeouts",
    in: "timeout: {tcp: {connectTimeout: 1s}, http: {requestTimeout: 0s, connectionIdleTimeout: 2m, maxConnectionDuration: 1h, streamIdleTimeout: 10s}}",
    want: {
      timeouts: {
        connectMs: 1_000,
        requestMs: 0,
        connectionIdleMs: 120_000,
        maxConnectionDurationMs: 3_600_000,
        streamIdleMs: 10_000,
      },
    },
  },
  { name: "retries that nobody described", in: "retry: {}", want: { retry: RETRY } },
  {
    name: "retries",
    in: `retry:
    numRetries: 4
    numAttemptsPerPriority: 1
    retryOn: {triggers: [5xx, retriable-status-codes], httpStatusCodes: [429, 503]}
    perRetry: {timeout: 20s, backOff: {baseInterval: 100ms, maxInterval: 10s}}`,
    want: {
      retry: {
        numRetries: 4,
        attemptsPerPriority: 1,
        perTryTimeoutMs: 20_000,
        backoffBaseMs: 100,
        backoffMaxMs: 10_000,
        triggers: ["5xx", "retriable-status-codes"],
        statusCodes: [429, 503],
      },
    },
  },
  {
    name: "retries whose first wait is Envoy's",
    in: "retry: {numAttemptsPerPriority: 0, perRetry: {backOff: {maxInterval: 1s}}}",
    want: { retry: { ...RETRY, backoffBaseMs: 25, backoffMaxMs: 1_000 } },
  },
  {
    name: "retries whose longest wait is shorter than Envoy's first",
    in: "retry: {perRetry: {backOff: {maxInterval: 10ms}}}",
    want: { retry: { ...RETRY, backoffBaseMs: 10, backoffMaxMs: 10 } },
  },
  {
    name: "health checks that nobody described",
    in: "healthCheck: {active: {type: HTTP, http: {path: /}}, passive: {}}",
    want: { healthCheck: { active: ACTIVE, passive: PASSIVE, panicThreshold: undefined } },
  },
  {
    name: "health checks",
    in: `healthCheck:
    active:
      type: HTTP
      timeout: 500ms
      interval: 1s
      unhealthyThreshold: 2
      healthyThreshold: 4
      http: {path: /health, method: HEAD, hostname: a.example, expectedStatuses: [200, 204]}
    passive:
      splitExternalLocalOriginErrors: true
      interval: 1s
      consecutiveLocalOriginFailures: 1
      consecutiveGatewayErrors: 2
      consecutive5XxErrors: 3
      baseEjectionTime: 4s
      maxEjectionPercent: 100
    panicThreshold: 0`,
    want: {
      healthCheck: {
        active: {
          timeoutMs: 500,
          intervalMs: 1_000,
          unhealthyThreshold: 2,
          healthyThreshold: 4,
          http: { path: "/health", method: "HEAD", hostname: "a.example", expectedStatuses: [200, 204] },
        },
        passive: {
          splitExternalLocalOriginErrors: true,
          intervalMs: 1_000,
          consecutiveLocalOriginFailures: 1,
          consecutiveGatewayErrors: 2,
          consecutive5XxErrors: 3,
          baseEjectionTimeMs: 4_000,
          maxEjectionPercent: 100,
        },
        panicThreshold: 0,
      },
    },
  },
  {
    name: "circuit breakers",
    in: "circuitBreaker: {maxConnections: 9, maxRequestsPerConnection: 8}",
    want: {
      circuitBreaker: {
        maxConnections: 9,
        maxPendingRequests: 1024,
        maxParallelRequests: 1024,
        maxParallelRetries: 1024,
        maxRequestsPerConnection: 8,
      },
    },
  },
  {
    name: "load balancing",
    in: "loadBalancer: {type: RoundRobin}",
    want: { loadBalancer: { type: "RoundRobin", hash: undefined } },
  },
  {
    name: "load balancing by address",
    in: "loadBalancer: {type: ConsistentHash, consistentHash: {type: SourceIP}}",
    want: { loadBalancer: { type: "ConsistentHash", hash: { type: "SourceIP" } } },
  },
  {
    name: "load balancing by a header",
    in: "loadBalancer: {type: ConsistentHash, consistentHash: {type: Header, header: {name: X-Session}}}",
    want: { loadBalancer: { type: "ConsistentHash", hash: { type: "Header", header: "x-session" } } },
  },
  {
    name: "load balancing by the only one of several headers",
    in: "loadBalancer: {type: ConsistentHash, consistentHash: {type: Headers, headers: [{name: X-Session}]}}",
    want: { loadBalancer: { type: "ConsistentHash", hash: { type: "Header", header: "x-session" } } },
  },
];

for (const { name, in: spec, want } of COMPILED) {
  test(`a policy is compiled with all it says: ${name}`, () => {
    const { traffic, notices, faults } = compilePolicy(spec);
    assert.deepEqual([notices, faults], [[], []]);
    assert.deepEqual(traffic, {
      timeouts: {
        connectMs: undefined,
        requestMs: undefined,
        connectionIdleMs: undefined,
        maxConnectionDurationMs: undefined,
        streamIdleMs: undefined,
      },
      retry: undefined,
      healthCheck: undefined,
      circuitBreaker: undefined,
      loadBalancer: undefined,
      ...want,
    });
  });
}

const NOTICES = [
  {
    name: "status codes that nothing looks at",
    in: "retry: {retryOn: {triggers: [5xx], httpStatusCodes: [429]}}",
    want: "spec.retry.retryOn.httpStatusCodes: has no effect without retriable-status-codes among the triggers",
  },
  {
    name: "a health check that is not over HTTP",
    in: "healthCheck: {active: {type: TCP, tcp: {}}}",
    want: "spec.healthCheck.active.type: a health check of type TCP is not applied by this gateway: backends speak HTTP",
  },
  {
    name: "a cookie to balance by",
    in: "loadBalancer: {type: ConsistentHash, consistentHash: {type: Cookie, cookie: {name: c}}}",
    want: "spec.loadBalancer.consistentHash.type: type Cookie is not applied by this gateway",
  },
  {
    name: "several headers to balance by",
    in: "loadBalancer: {type: ConsistentHash, consistentHash: {type: Headers, headers: [{name: a}, {name: b}]}}",
    want: "spec.loadBalancer.consistentHash.headers: only the first header is applied by this gateway",
  },
  {
    name: "load reports to balance by",
    in: "loadBalancer: {type: BackendUtilization}",
    want: "spec.loadBalancer.type: type BackendUtilization is not applied by this gateway",
  },
];

for (const { name, in: spec, want } of NOTICES) {
  test(`what a policy says but is not applied is worth a notice: ${name}`, () => {
    assert.deepEqual(compilePolicy(spec).notices, [want]);
  });
}

test("slow start is known but not applied", () => {
  const text = `apiVersion: gateway.envoyproxy.io/v1alpha1
kind: BackendTrafficPolicy
metadata: {name: p}
spec: {targetRefs: [], loadBalancer: {type: RoundRobin, slowStart: {window: 1s}}}
`;
  assert.deepEqual(compileText(text, { host: "envoy" }).notices, [
    "f.yaml:4:57: BackendTrafficPolicy default/p: spec.loadBalancer.slowStart: is not applied by this gateway",
  ]);
});
