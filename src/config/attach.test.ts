import assert from "node:assert/strict";
import { test } from "node:test";
import { formatFault } from "../errors/config-error.ts";
import { parseResources } from "../resources/load.ts";
import { compile } from "./compile.ts";

function compileText(text: string) {
  const { set, faults } = parseResources([{ name: "f.yaml", text }], {}, () => "");
  assert.deepEqual(faults.map(formatFault), []);
  const compiled = compile(set, { loadedAt: 1 });
  assert.deepEqual(compiled.faults.map(formatFault), []);
  return compiled;
}

function gateway(name: string, listeners: string, annotations = "{}"): string {
  return `apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: {name: ${name}, annotations: ${annotations}}
spec: {gatewayClassName: c, listeners: [${listeners}]}
---
`;
}

function route(spec: string, metadata = "name: r"): string {
  return `apiVersion: aigateway.envoyproxy.io/v1beta1
kind: AIGatewayRoute
metadata: {${metadata}}
spec: {rules: [], ${spec}}
---
`;
}

const HTTP = "{name: http, port: 80, protocol: HTTP}";
const HTTPS = "{name: https, port: 443, protocol: HTTPS}";

const HOSTNAMES = [
  { name: "neither says any", in: gateway("g", HTTP) + route("parentRefs: [{name: g}]"), want: [] },
  { name: "a route without parents belongs to the only Gateway", in: gateway("g", HTTP) + route(""), want: [] },
  {
    name: "only the route says one",
    in: gateway("g", HTTP) + route("parentRefs: [{name: g}], hostnames: [a.example]"),
    want: ["a.example"],
  },
  {
    name: "only the listener says one",
    in: gateway("g", "{name: a, port: 80, protocol: HTTP, hostname: a.example}") + route("parentRefs: [{name: g}]"),
    want: ["a.example"],
  },
  {
    name: "the listener covers one of the route's",
    in:
      gateway("g", '{name: a, port: 80, protocol: HTTP, hostname: "*.example"}') +
      route("parentRefs: [{name: g}], hostnames: [x.y.example, other.test, example]"),
    want: ["x.y.example"],
  },
  {
    name: "the route covers the listener's",
    in:
      gateway("g", "{name: a, port: 80, protocol: HTTP, hostname: a.example}") +
      route('parentRefs: [{name: g}], hostnames: ["*.example"]'),
    want: ["a.example"],
  },
  {
    name: "every host at one listener is every host",
    in:
      gateway("g", "{name: a, port: 80, protocol: HTTP, hostname: a.example}, {name: b, port: 81, protocol: HTTP}") +
      route("parentRefs: [{name: g}]"),
    want: [],
  },
  {
    name: "one listener is chosen by its name",
    in:
      gateway("g", "{name: a, port: 80, protocol: HTTP, hostname: a.example}, {name: b, port: 80, protocol: HTTP}") +
      route("parentRefs: [{name: g, sectionName: a}]"),
    want: ["a.example"],
  },
  {
    name: "another namespace is let in",
    in:
      gateway("g", "{name: a, port: 80, protocol: HTTP, allowedRoutes: {namespaces: {from: All}}}") +
      route("parentRefs: [{name: g, namespace: default}]", "name: r, namespace: other"),
    want: [],
  },
];

for (const { name, in: text, want } of HOSTNAMES) {
  test(`the hostnames a route is served under: ${name}`, () => {
    assert.deepEqual(
      compileText(text).config.routes.map(({ hostnames }) => hostnames),
      [want],
    );
  });
}

const REFUSED = [
  {
    name: "hostnames that differ",
    in:
      gateway("g", "{name: a, port: 80, protocol: HTTP, hostname: a.example}") +
      route("parentRefs: [{name: g}], hostnames: [b.example]"),
    want: "no listener it is attached to is served under one of its hostnames",
  },
  {
    name: "a namespace that is not let in",
    in: gateway("g", HTTP) + route("parentRefs: [{name: g, namespace: default}]", "name: r, namespace: other"),
    want: "no listener of Gateway default/g allows routes like it (allowedRoutes)",
  },
  {
    name: "only listeners with TLS",
    in: gateway("g", HTTPS) + route("parentRefs: [{name: g}]"),
    want: "no listener of Gateway default/g that it is attached to is served",
  },
  {
    name: "a Gateway that is not served",
    in:
      gateway("a", HTTP) +
      gateway("b", HTTP) +
      route("parentRefs: [{name: a}]", "name: q") +
      route("parentRefs: [{name: b}]"),
    want: "Gateway default/b is not served by this process",
  },
];

for (const { name, in: text, want } of REFUSED) {
  test(`a route that is attached to nothing is not served, and its status says why: ${name}`, () => {
    const { config } = compileText(text);
    assert.ok(!config.routes.some(({ id }) => id.endsWith("/r")));
    const status = config.statuses.find(({ kind, id }) => kind === "AIGatewayRoute" && id.endsWith("/r"));
    assert.deepEqual(status?.conditions, [
      { type: "NotAccepted", status: "False", reason: "ReconciliationFailed", message: want },
    ]);
  });
}

test("listeners that share a port are one", () => {
  const listeners =
    "{name: a, port: 80, protocol: HTTP, hostname: a.example}, {name: b, port: 80, protocol: HTTP, hostname: b.example}, {name: c, port: 81, protocol: HTTP, hostname: c.example}";
  assert.deepEqual(
    compileText(gateway("g", listeners)).config.listeners.map(({ name, port, hostname }) => ({ name, port, hostname })),
    [
      { name: "a", port: 80, hostname: undefined },
      { name: "c", port: 81, hostname: "c.example" },
    ],
  );
});

test("listeners with TLS are not served, which is told in the status of their Gateway", () => {
  const { config } = compileText(gateway("g", `${HTTP}, ${HTTPS}`));
  assert.deepEqual(
    config.listeners.map(({ name }) => name),
    ["http"],
  );
  assert.deepEqual(
    config.statuses.flatMap(({ conditions }) => conditions.map(({ message }) => message)),
    ["listener https is not served: protocol HTTPS is not supported yet, write HTTP"],
  );
});

test("a route for one port is served on all, which is worth a notice", () => {
  const { notices } = compileText(
    gateway("g", `${HTTP}, {name: other, port: 81, protocol: HTTP}`) + route("parentRefs: [{name: g, port: 81}]"),
  );
  assert.deepEqual(notices.map(formatFault), [
    "f.yaml:9:31: AIGatewayRoute default/r: spec.parentRefs: is also served on port 80: this gateway does not keep routes to single ports",
  ]);
});

function clientPolicy(target: string, limit: string): string {
  return `apiVersion: gateway.envoyproxy.io/v1alpha1
kind: ClientTrafficPolicy
metadata: {name: p-${limit.toLowerCase()}}
spec:
  targetRefs: [{group: gateway.networking.k8s.io, kind: Gateway, name: g${target}}]
  connection: {bufferLimit: ${limit}}
---
`;
}

test("the largest body is that of the policy for the listener, else of that for the Gateway, else 64 MiB", () => {
  const listeners = `${HTTP}, {name: other, port: 81, protocol: HTTP}`;
  const limits = (text: string) => compileText(text).config.listeners.map(({ bodyBytesMax }) => bodyBytesMax);
  assert.deepEqual(limits(gateway("g", listeners)), [67_108_864, 67_108_864]);
  assert.deepEqual(
    limits(gateway("g", listeners) + clientPolicy("", "1Ki") + clientPolicy(", sectionName: other", "2Ki")),
    [1024, 2048],
  );
});

test("a BackendTrafficPolicy for the route, else for its Gateway, gives timeouts that rules do not", () => {
  const traffic = (kind: string, name: string, connect: string) => `apiVersion: gateway.envoyproxy.io/v1alpha1
kind: BackendTrafficPolicy
metadata: {name: ${kind.toLowerCase()}}
spec:
  targetRefs: [{group: gateway.networking.k8s.io, kind: ${kind}, name: ${name}}]
  timeout: {tcp: {connectTimeout: ${connect}}, http: {requestTimeout: 90s}}
---
`;
  const text = `${gateway("g", HTTP)}apiVersion: aigateway.envoyproxy.io/v1beta1
kind: AIGatewayRoute
metadata: {name: r}
spec:
  rules:
    - backendRefs: [{name: b}]
    - timeouts: {request: 5s}
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
  const timeouts = (more: string) => {
    const rules = compileText(text + more).config.routes[0]?.rules ?? [];
    return [rules[0]?.backends[0]?.backend.upstream.connectTimeoutMs, ...rules.map((rule) => rule.timeouts.requestMs)];
  };
  assert.deepEqual(timeouts(""), [10_000, undefined, 5_000]);
  assert.deepEqual(timeouts(traffic("Gateway", "g", "3s")), [3_000, 90_000, 5_000]);
  assert.deepEqual(timeouts(traffic("Gateway", "g", "3s") + traffic("HTTPRoute", "r", "1s")), [1_000, 90_000, 5_000]);
});

test("costs of a whole Gateway are those of the GatewayConfig it names", () => {
  const configs = ["used", "unused"].map(
    (name) => `apiVersion: aigateway.envoyproxy.io/v1beta1
kind: GatewayConfig
metadata: {name: ${name}}
spec: {globalLLMRequestCosts: [{metadataKey: ${name}, type: TotalToken}]}
---
`,
  );
  const { config, notices } = compileText(
    gateway("g", HTTP, "{aigateway.envoyproxy.io/gateway-config: used}") + configs.join(""),
  );
  assert.deepEqual(
    config.globalCosts.map(({ metadataKey, type }) => ({ metadataKey, type })),
    [{ metadataKey: "used", type: "TotalToken" }],
  );
  assert.deepEqual(notices.map(formatFault), [
    "f.yaml:13:18: GatewayConfig default/unused: metadata.name: is not in use: no served Gateway names it in the annotation aigateway.envoyproxy.io/gateway-config",
  ]);
});
