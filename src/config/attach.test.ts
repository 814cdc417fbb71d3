import assert from "node:assert/strict";
import { test } from "node:test";
import { compileValid } from "./test-configuration.ts";

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
const PASSTHROUGH = "{name: https, port: 443, protocol: HTTPS, tls: {mode: Passthrough}}";

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
      compileValid(text).config.routes.map(({ hostnames }) => hostnames),
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
    name: "only listeners that cannot be served",
    in: gateway("g", PASSTHROUGH) + route("parentRefs: [{name: g}]"),
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
    const { config } = compileValid(text);
    assert.ok(!config.routes.some(({ id }) => id.endsWith("/r")));
    const status = config.statuses.find(({ kind, id }) => kind === "AIGatewayRoute" && id.endsWith("/r"));
    assert.deepEqual(status?.conditions, [
      { type: "NotAccepted", status: "False", reason: "ReconciliationFailed", message: want },
    ]);
  });
}

test("a port has the routes of its listeners, under the hostnames they share with these", () => {
  const { config, notices } = compileValid(
    gateway(
      "g",
      `{name: a, port: 80, protocol: HTTP, hostname: a.example}, {name: b, port: 80, protocol: HTTP, hostname: b.example},
       {name: any, port: 81, protocol: HTTP}, {name: none, port: 82, protocol: HTTP}`,
    ) +
      route("parentRefs: [{name: g, port: 80}, {name: g, port: 81}]", "name: both") +
      route("parentRefs: [{name: g, sectionName: b}]", "name: only-b") +
      route("parentRefs: [{name: g, port: 81}], hostnames: [c.example]", "name: only-c"),
  );
  assert.deepEqual(
    config.listeners.map(({ port, routes }) => ({ port, routes: routes.map(({ id, hostnames }) => [id, hostnames]) })),
    [
      {
        port: 80,
        routes: [
          ["default/both", ["a.example", "b.example"]],
          ["default/only-b", ["b.example"]],
        ],
      },
      {
        port: 81,
        routes: [
          ["default/both", []],
          ["default/only-c", ["c.example"]],
        ],
      },
      { port: 82, routes: [] },
    ],
  );
  assert.deepEqual(
    config.routes.map(({ id, hostnames }) => [id, hostnames]),
    [
      ["default/both", []],
      ["default/only-b", ["b.example"]],
      ["default/only-c", ["c.example"]],
    ],
  );
  assert.deepEqual(notices, []);
});

test("a route that several ports serve has the same rules at each", () => {
  const listeners = "{name: a, port: 80, protocol: HTTP, hostname: a.example}, {name: b, port: 81, protocol: HTTP}";
  const { config } = compileValid(gateway("g", listeners) + route("parentRefs: [{name: g}]"));
  const [first, second] = config.listeners.map(({ routes }) => routes[0]);
  assert.ok(first !== undefined);
  assert.equal(first.rules, second?.rules);
  assert.equal(first.costs, second?.costs);
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
  const { config, notices } = compileValid(
    gateway("g", HTTP, "{aigateway.envoyproxy.io/gateway-config: used}") + configs.join(""),
  );
  assert.deepEqual(
    config.globalCosts.map(({ metadataKey, type }) => ({ metadataKey, type })),
    [{ metadataKey: "used", type: "TotalToken" }],
  );
  assert.deepEqual(notices, [
    "f.yaml:13:18: GatewayConfig default/unused: metadata.name: is not in use: no served Gateway names it in the annotation aigateway.envoyproxy.io/gateway-config",
  ]);
});
