import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { formatFault } from "../errors/config-error.ts";
import { invariant } from "../errors/invariant.ts";
import { compileText, compileValid, LOADED_AT, type TestConfiguration } from "./test-configuration.ts";
import { testTls } from "./test-upstream-tls.ts";

const CA = readFileSync(new URL("../../testdata/tls/ca.pem", import.meta.url), "utf8");

/** The only backendRef of a configuration without faults. */
function onlyRef(text: string) {
  const { config } = compileValid(text);
  const ref = config.routes[0]?.rules[0]?.backends[0];
  invariant(ref, "the text has a backend");
  return ref;
}

function statusOf({ config }: TestConfiguration, kind: string): string[] {
  return config.statuses
    .filter((status) => status.kind === kind)
    .flatMap(({ id, conditions }) => conditions.map(({ type, message }) => `${id} ${type}: ${message}`));
}

const ROUTE = `apiVersion: aigateway.envoyproxy.io/v1beta1
kind: AIGatewayRoute
metadata: {name: r}
spec:
  rules:
    - backendRefs: [{name: openai}]
---
`;
const AI_BACKEND = `apiVersion: aigateway.envoyproxy.io/v1beta1
kind: AIServiceBackend
metadata: {name: openai}
spec:
  schema: {name: OpenAI}
  backendRef: {group: gateway.envoyproxy.io, kind: Backend, name: openai}
---
`;

function backend(spec: string): string {
  return `apiVersion: gateway.envoyproxy.io/v1alpha1
kind: Backend
metadata: {name: openai}
spec: ${spec}
---
`;
}

const PLAIN = backend("{endpoints: [{fqdn: {hostname: api.example, port: 80}}]}");
const TLS_POLICY = `apiVersion: gateway.networking.k8s.io/v1
kind: BackendTLSPolicy
metadata: {name: t}
spec:
  targetRefs: [{group: gateway.envoyproxy.io, kind: Backend, name: openai}]
  validation: {hostname: tls.example, wellKnownCACertificates: System}
---
`;

test("without a Gateway there is a listener on port 1975 that takes every route", () => {
  const { config } = compileValid(ROUTE + AI_BACKEND + PLAIN);
  assert.deepEqual(config.listeners, [
    {
      name: "default",
      port: 1975,
      hostname: undefined,
      bodyBytesMax: 64 * 1024 * 1024,
      tls: undefined,
      http3: false,
      routes: config.routes,
    },
  ]);
  assert.deepEqual(
    config.routes.map(({ id, hostnames }) => ({ id, hostnames })),
    [{ id: "default/r", hostnames: [] }],
  );
});

test("a rule is compiled with all it says", () => {
  const { config } = compileValid(`apiVersion: aigateway.envoyproxy.io/v1beta1
kind: AIGatewayRoute
metadata: {name: r, namespace: apps}
spec:
  hostnames: [llm.example]
  rules:
    - name: first
      matches:
        - headers:
            - {name: X-AI-EG-Model, value: m}
            - {name: X-Tenant, type: RegularExpression, value: "a|b"}
      backendRefs:
        - name: openai
          namespace: default
          modelNameOverride: n
          weight: 3
          priority: 1
          headerMutation: {set: [{name: X-One, value: "2"}], remove: [X-Three]}
          bodyMutation: {set: [{path: a, value: "1"}]}
      timeouts: {request: 0s, backendRequest: 10s}
      streamIdleTimeout: 1m
      modelsOwnedBy: me
      modelsCreatedAt: "2025-01-31T12:00:00Z"
    - {}
  llmRequestCosts: [{metadataKey: k, type: CEL, cel: "1u"}]
---
apiVersion: aigateway.envoyproxy.io/v1beta1
kind: AIServiceBackend
metadata: {name: openai}
spec:
  schema: {name: AzureOpenAI, version: v, prefix: p}
  backendRef: {group: gateway.envoyproxy.io, kind: Backend, name: openai}
  headerMutation: {set: [{name: x-one, value: "1"}, {name: x-two, value: "2"}]}
  bodyMutation: {remove: [b]}
---
apiVersion: gateway.networking.k8s.io/v1beta1
kind: ReferenceGrant
metadata: {name: g}
spec:
  from: [{group: aigateway.envoyproxy.io, kind: AIGatewayRoute, namespace: apps}]
  to: [{group: aigateway.envoyproxy.io, kind: AIServiceBackend, name: openai}]
---
${PLAIN}`);
  const [route] = config.routes;
  const [first, second] = route?.rules ?? [];
  assert.deepEqual(
    {
      ...first,
      key: first?.key.replace(/@\w+$/, "@hash"),
      backends: first?.backends.map(({ backend: of, ...ref }) => ({ ...ref, schema: of.schema, of: of.id })),
    },
    {
      name: "first",
      index: 0,
      key: "apps/r/0@hash",
      matches: [
        [
          { name: "x-ai-eg-model", type: "Exact", value: "m" },
          { name: "x-tenant", type: "RegularExpression", value: "a|b" },
        ],
      ],
      backends: [
        {
          id: "apps/openai/route/r/rule/0/ref/0",
          of: "default/openai",
          schema: { name: "AzureOpenAI", version: "v", prefix: "p" },
          weight: 3,
          priority: 1,
          modelNameOverride: "n",
          headerMutation: {
            set: [
              { name: "x-one", value: "2" },
              { name: "x-two", value: "2" },
            ],
            remove: ["x-three"],
          },
          bodyMutation: { set: [{ path: "a", value: "1" }], remove: ["b"] },
        },
      ],
      timeouts: { requestMs: 0, backendRequestMs: 10_000, streamIdleMs: 60_000 },
      modelsOwnedBy: "me",
      modelsCreatedAt: Date.UTC(2025, 0, 31, 12) / 1000,
    },
  );
  assert.deepEqual(second && { ...second, key: second.key.replace(/@\w+$/, "@hash") }, {
    name: undefined,
    index: 1,
    key: "apps/r/1@hash",
    matches: [],
    backends: [],
    timeouts: { requestMs: undefined, backendRequestMs: undefined, streamIdleMs: undefined },
    modelsOwnedBy: "Envoy AI Gateway",
    modelsCreatedAt: LOADED_AT,
  });
  const [cost] = route?.costs ?? [];
  invariant(cost, "there is a cost");
  assert.equal(
    formatFault(cost.fault("is wrong")),
    "f.yaml:25:54: AIGatewayRoute apps/r: spec.llmRequestCosts[0].cel: is wrong",
  );
});

const UPSTREAMS = [
  {
    name: "a name on the port of its scheme",
    in: backend("{endpoints: [{fqdn: {hostname: api.example, port: 80}}]}"),
    want: { authority: "api.example", protocol: "http/1.1", tls: undefined },
  },
  {
    name: "a name on another port",
    in: backend("{endpoints: [{fqdn: {hostname: api.example, port: 443}}]}"),
    want: { authority: "api.example:443", protocol: "http/1.1", tls: undefined },
  },
  {
    name: "an IPv6 address",
    in: backend('{endpoints: [{ip: {address: "::1", port: 8080}}]}'),
    want: { authority: "[::1]:8080", protocol: "http/1.1", tls: undefined },
  },
  {
    name: "a Unix socket with a host name",
    in: backend("{endpoints: [{hostname: api.example, unix: {path: /run/a.sock}}]}"),
    want: { authority: "api.example", protocol: "http/1.1", tls: undefined },
  },
  {
    name: "HTTP/2 in clear text",
    in: backend("{endpoints: [{fqdn: {hostname: api.example, port: 80}}], appProtocols: [gateway.envoyproxy.io/h2c]}"),
    want: { authority: "api.example", protocol: "h2", tls: undefined },
  },
  {
    name: "TLS by policy",
    in: backend("{endpoints: [{fqdn: {hostname: api.example, port: 443}}]}") + TLS_POLICY,
    want: {
      authority: "api.example",
      protocol: "http/1.1",
      tls: testTls({ serverName: "tls.example" }),
    },
  },
  {
    name: "TLS by the Backend itself",
    in: backend(
      "{endpoints: [{fqdn: {hostname: api.example, port: 8443}}], tls: {insecureSkipVerify: true, alpnProtocols: [h2]}}",
    ),
    want: {
      authority: "api.example:8443",
      protocol: "h2",
      tls: testTls({ serverName: "api.example", insecureSkipVerify: true }),
    },
  },
  {
    name: "a policy over what the Backend says",
    in:
      backend(
        "{endpoints: [{fqdn: {hostname: api.example, port: 443}}], tls: {insecureSkipVerify: true, sni: a.example}}",
      ) + TLS_POLICY,
    want: {
      authority: "api.example",
      protocol: "http/1.1",
      tls: testTls({ serverName: "tls.example" }),
    },
  },
  {
    name: "certificate authorities of its own",
    in: `${backend("{endpoints: [{fqdn: {hostname: api.example, port: 443}}], tls: {caCertificateRefs: [{group: '', kind: ConfigMap, name: ca}], sni: a.example}}")}
apiVersion: v1
kind: ConfigMap
metadata: {name: ca}
data: ${JSON.stringify({ "ca.crt": CA })}
---
`,
    want: {
      authority: "api.example",
      protocol: "http/1.1",
      tls: testTls({ serverName: "a.example", ca: CA }),
    },
  },
];

for (const { name, in: text, want } of UPSTREAMS) {
  test(`where a backend is and how it is reached: ${name}`, () => {
    const { upstream } = onlyRef(ROUTE + AI_BACKEND + text).backend;
    const { protocol, tls, endpoints } = upstream;
    assert.deepEqual({ authority: endpoints[0]?.authority, protocol, tls }, want);
    assert.equal(upstream.connectTimeoutMs, 10_000);
  });
}

test("HTTPS by its port but without TLS is worth a notice", () => {
  const { notices } = compileValid(
    ROUTE + AI_BACKEND + backend("{endpoints: [{fqdn: {hostname: a.example, port: 443}}]}"),
  );
  assert.deepEqual(notices, [
    "f.yaml:18:20: Backend default/openai: spec.endpoints[0]: is called in clear text on port 443; for HTTPS add a BackendTLSPolicy for Backend default/openai",
  ]);
});

const strictness = [
  { name: "is strict when told", in: "true", want: true, faults: [] },
  { name: "is not strict when told", in: "false", want: false, faults: [] },
  {
    name: "is either strict or not",
    in: "yes",
    want: false,
    faults: [
      'f.yaml:3:79: AIGatewayRoute default/r: metadata.annotations["aigateway.envoyproxy.io/strict-translation"]: "yes" is neither "true" nor "false"',
    ],
  },
];
for (const { name, in: value, want, faults } of strictness) {
  test(`a route ${name}`, () => {
    const annotated = `{name: r, annotations: {aigateway.envoyproxy.io/strict-translation: "${value}"}}`;
    const compiled = compileText(ROUTE.replace("{name: r}", annotated) + AI_BACKEND + PLAIN);
    assert.deepEqual(compiled.faults, faults);
    assert.deepEqual(
      compiled.config.routes.map(({ strictTranslation }) => strictTranslation),
      [want],
    );
  });
}

test("the same objects have the same version, whatever the text around them", () => {
  const version = (text: string) => compileValid(text).config.version;
  const text = ROUTE + AI_BACKEND + PLAIN;
  assert.match(version(text), /^[0-9a-f]{12}$/);
  assert.equal(version(text), version(`# a comment\n---\n${text}`));
  assert.notEqual(version(text), version(text.replace("port: 80", "port: 81")));
});

test("what this build cannot do is told in the status and leaves the rest in force", () => {
  const text = `apiVersion: aigateway.envoyproxy.io/v1beta1
kind: AIGatewayRoute
metadata: {name: r}
spec:
  rules:
    - backendRefs: [{name: openai}]
    - backendRefs: [{name: pool, group: inference.networking.k8s.io, kind: InferencePool}]
---
${AI_BACKEND}${backend("{type: DynamicResolver}")}`;
  const compiled = compileValid(text);
  assert.deepEqual(statusOf(compiled, "AIGatewayRoute"), [
    "default/r NotAccepted: InferencePool backends are not supported yet",
  ]);
  assert.deepEqual(statusOf(compiled, "AIServiceBackend"), [
    "default/openai NotAccepted: Backend default/openai of type DynamicResolver is not supported yet",
  ]);
  assert.deepEqual(
    compiled.config.routes.map(({ rules }) => rules.map(({ backends }) => backends.length)),
    [[0, 0]],
  );
});

test("a schema that nothing is translated to is told in the status", () => {
  const servedSchemas = new Set(["Anthropic" as const]);
  assert.deepEqual(statusOf(compileValid(ROUTE + AI_BACKEND + PLAIN, { servedSchemas }), "AIServiceBackend"), [
    "default/openai NotAccepted: schema OpenAI is not supported yet; supported are Anthropic",
  ]);
});
