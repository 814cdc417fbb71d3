import assert from "node:assert/strict";
import { test } from "node:test";
import type { HostKind } from "./compile.ts";
import { compileValid, withoutPlaces } from "./test-configuration.ts";

function notices(text: string, host: HostKind = "envoy"): string[] {
  return withoutPlaces(compileValid(text, { host }).notices);
}

const CONFIG = `apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: {name: g}
spec: {gatewayClassName: c, listeners: [{name: http, port: 80, protocol: HTTP}]}
---
apiVersion: aigateway.envoyproxy.io/v1beta1
kind: AIGatewayRoute
metadata: {name: r}
spec:
  rules:
    - backendRefs: [{name: b}]
    - timeouts: {request: 5s}
      streamIdleTimeout: 7s
---
apiVersion: aigateway.envoyproxy.io/v1beta1
kind: AIServiceBackend
metadata: {name: b}
spec:
  schema: {name: OpenAI}
  backendRef: {group: gateway.envoyproxy.io, kind: Backend, name: b}
---
apiVersion: gateway.envoyproxy.io/v1alpha1
kind: Backend
metadata: {name: b}
spec: {endpoints: [{fqdn: {hostname: a.example, port: 80}}]}
---
`;

function policy(name: string, target: string, spec: string): string {
  return `apiVersion: gateway.envoyproxy.io/v1alpha1
kind: BackendTrafficPolicy
metadata: {name: ${name}}
spec:
  targetRefs: [{group: gateway.networking.k8s.io, ${target}}]
  ${spec}
---
`;
}

const GATEWAY = "kind: Gateway, name: g";
const ROUTE = "kind: HTTPRoute, name: r";
const timeout = (connect: string) => `timeout: {tcp: {connectTimeout: ${connect}}, http: {requestTimeout: 90s}}`;

test("a BackendTrafficPolicy for the route, else for its Gateway, gives timeouts that rules do not", () => {
  const timeouts = (more: string) => {
    const rules = compileValid(CONFIG + more).config.routes[0]?.rules ?? [];
    return [rules[0]?.backends[0]?.backend.upstream.connectTimeoutMs, ...rules.map((rule) => rule.timeouts.requestMs)];
  };
  assert.deepEqual(timeouts(""), [10_000, undefined, 5_000]);
  assert.deepEqual(timeouts(policy("a", GATEWAY, timeout("3s"))), [3_000, 90_000, 5_000]);
  assert.deepEqual(
    timeouts(policy("a", GATEWAY, timeout("3s")) + policy("b", ROUTE, timeout("1s"))),
    [1_000, 90_000, 5_000],
  );
});

test("a policy's idle limit of streams holds for rules without one", () => {
  const { config } = compileValid(CONFIG + policy("a", GATEWAY, "timeout: {http: {streamIdleTimeout: 9s}}"));
  assert.deepEqual(
    config.routes[0]?.rules.map(({ timeouts }) => timeouts.streamIdleMs),
    [9_000, 7_000],
  );
});

test("a policy for the route takes the place of its Gateway's as a whole", () => {
  const traffic = (text: string) => compileValid(CONFIG + text).config.routes[0]?.traffic;
  const ofGateway = policy("a", GATEWAY, "retry: {numRetries: 5}");
  assert.equal(traffic(""), undefined);
  assert.equal(traffic(ofGateway)?.retry?.numRetries, 5);
  assert.equal(traffic(ofGateway + policy("b", ROUTE, timeout("1s")))?.retry, undefined);
});

test("routes of a port carry the policy", () => {
  const { config } = compileValid(CONFIG + policy("a", GATEWAY, "retry: {}"));
  assert.equal(config.listeners[0]?.routes[0]?.traffic?.retry?.numRetries, 2);
});

const IGNORED = [
  {
    name: "a second policy for the same target",
    in: policy("a", ROUTE, "retry: {}") + policy("b", "kind: AIGatewayRoute, name: r", "retry: {}"),
    want: "BackendTrafficPolicy default/b: spec.targetRefs[0]: is not applied: BackendTrafficPolicy default/a is already for it",
  },
  {
    name: "a policy for a part of a route",
    in: policy("a", `${ROUTE}, sectionName: x`, "retry: {numRetries: 1}"),
    want: "BackendTrafficPolicy default/a: spec.targetRefs[0].sectionName: is not applied by this gateway: a BackendTrafficPolicy is for a whole route or Gateway",
  },
  {
    name: "a policy for something else",
    in: policy("a", "kind: TCPRoute, name: r", "retry: {numRetries: 1}"),
    want: "BackendTrafficPolicy default/a: spec.targetRefs[0]: a target of kind TCPRoute is not applied by this gateway",
  },
];

for (const { name, in: text, want } of IGNORED) {
  test(`a policy that is not applied is worth a notice: ${name}`, () => {
    assert.deepEqual(notices(CONFIG + text), [want]);
  });
}

test("a policy for a part of a route is not applied to the whole", () => {
  const { config } = compileValid(CONFIG + policy("a", `${ROUTE}, sectionName: x`, "retry: {}"));
  assert.equal(config.routes[0]?.traffic, undefined);
});

test("what only the Envoy host applies is told when the embedded host serves", () => {
  const text = policy(
    "a",
    GATEWAY,
    `retry: {}
  healthCheck: {passive: {}}
  circuitBreaker: {}
  loadBalancer: {type: Random}
  timeout: {http: {requestTimeout: 1s, streamIdleTimeout: 1s, connectionIdleTimeout: 1s, maxConnectionDuration: 1s}}`,
  );
  assert.deepEqual(notices(CONFIG + text, "envoy"), []);
  assert.deepEqual(
    notices(CONFIG + text, "embedded"),
    [
      "retry",
      "healthCheck",
      "circuitBreaker",
      "loadBalancer",
      "timeout.http.connectionIdleTimeout",
      "timeout.http.maxConnectionDuration",
    ].map(
      (field) =>
        `BackendTrafficPolicy default/a: spec.${field}: is applied only by the Envoy host: aigw run --host envoy`,
    ),
  );
});
