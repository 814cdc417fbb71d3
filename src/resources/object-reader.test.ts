import assert from "node:assert/strict";
import { test } from "node:test";
import { formatFault } from "../errors/config-error.ts";
import { parseResources } from "./load.ts";

const unread = (path: string): string => {
  throw new Error(`ENOENT: ${path}`);
};

const CASES = [
  {
    name: "names that are none",
    in: `apiVersion: v1
kind: ConfigMap
metadata: {name: Über_Map, namespace: a.b}
---
apiVersion: v1
kind: ConfigMap
metadata: {}
`,
    want: [
      'f.yaml:3:18: ConfigMap a.b/Über_Map: metadata.name: must be lower-case letters, digits, - and . with a letter or digit at both ends, not "Über_Map"',
      'f.yaml:3:39: ConfigMap a.b/Über_Map: metadata.namespace: must be lower-case letters, digits and - with a letter or digit at both ends, not "a.b"',
      "f.yaml:7:11: ConfigMap: metadata.name: is required: lower-case letters, digits, - and . with a letter or digit at both ends",
    ],
  },
  {
    name: "the same object twice",
    in: `apiVersion: v1
kind: ConfigMap
metadata: {name: a}
---
apiVersion: v1
kind: ConfigMap
metadata:
  namespace: default
  name: a
`,
    want: [
      "f.yaml:9:9: ConfigMap default/a: metadata.name: is already defined at f.yaml:3:18; remove one of them or choose another name",
    ],
  },
  {
    name: "variables that are not set or no variables",
    in: `apiVersion: aigateway.envoyproxy.io/v1beta1
kind: AIServiceBackend
metadata: {name: b}
spec:
  schema: {name: OpenAI, prefix: "\${NOT_SET}", version: "\${1+1}"}
  backendRef: {group: gateway.envoyproxy.io, kind: Backend, name: b}
  headerMutation:
    set:
      - {name: a, value: "\${SET"}
`,
    want: [
      `f.yaml:5:34: AIServiceBackend default/b: spec.schema.prefix: the environment variable NOT_SET is not set: set it, or give a default with \${NOT_SET:-default}`,
      `f.yaml:5:57: AIServiceBackend default/b: spec.schema.version: "\${1+1}" is no variable: write \${NAME} or \${NAME:-default}, or $\${ for a literal \${`,
      `f.yaml:9:26: AIServiceBackend default/b: spec.headerMutation.set[0].value: "\${" is no variable: write \${NAME} or \${NAME:-default}, or $\${ for a literal \${`,
    ],
  },
  {
    name: "a value of a variable that does not fit, which is not shown",
    in: `apiVersion: gateway.envoyproxy.io/v1alpha1
kind: Backend
metadata: {name: b}
spec:
  endpoints:
    - fqdn: {hostname: "\${SECRET VALUE}", port: 1}
    - fqdn: {hostname: "\${SECRET}", port: "\${SECRET}"}
    - fqdn: {hostname: a.example, port: "\${PORT}"}
`,
    want: [
      `f.yaml:6:24: Backend default/b: spec.endpoints[0].fqdn.hostname: "\${SECRET VALUE}" is no variable: write \${NAME} or \${NAME:-default}, or $\${ for a literal \${`,
      `f.yaml:7:24: Backend default/b: spec.endpoints[1].fqdn.hostname: must be a lower-case host name without port, such as api.example.com, not "\${SECRET}"`,
      `f.yaml:7:43: Backend default/b: spec.endpoints[1].fqdn.port: must be a whole number, not the text "\${SECRET}"`,
    ],
  },
];

for (const { name, in: text, want } of CASES) {
  test(`what is wrong of an object is reported at its place: ${name}`, () => {
    const { faults } = parseResources([{ name: "f.yaml", text }], { SET: "1", SECRET: "s3cr3t!", PORT: "80" }, unread);
    assert.deepEqual(faults.map(formatFault), want);
  });
}

test("variables are replaced in values and stand for numbers where numbers belong", () => {
  const text = `apiVersion: gateway.envoyproxy.io/v1alpha1
kind: Backend
metadata: {name: b}
spec:
  endpoints:
    - fqdn:
        hostname: \${HOST:-a}.example
        port: \${PORT}
    - unix: {path: "/run/\${NAME:-x}/$\${literal}.sock"}
  tls:
    insecureSkipVerify: \${SKIP}
`;
  const { faults, set } = parseResources([{ name: "f.yaml", text }], { PORT: "8443", SKIP: "true", NAME: "" }, unread);
  assert.deepEqual(faults, []);
  assert.deepEqual(set.ofKind("Backend")[0]?.spec, {
    type: "Endpoints",
    endpoints: [{ fqdn: { hostname: "a.example", port: 8443 } }, { unix: { path: `/run/x/\${literal}.sock` } }],
    tls: { insecureSkipVerify: true },
  });
});

test("a variable cannot change the structure of a file", () => {
  const evil = `x\n    version: y # \${PORT}`;
  const text = `apiVersion: aigateway.envoyproxy.io/v1beta1
kind: AIServiceBackend
metadata: {name: b}
spec:
  schema:
    name: OpenAI
    prefix: \${EVIL}
  backendRef: {group: gateway.envoyproxy.io, kind: Backend, name: b}
`;
  const { set } = parseResources([{ name: "f.yaml", text }], { EVIL: evil }, unread);
  assert.deepEqual(set.ofKind("AIServiceBackend")[0]?.spec.schema, {
    name: "OpenAI",
    prefix: evil,
  });
});

test("kinds that are not read are collected with their places, their text untouched", () => {
  const text = `apiVersion: gateway.envoyproxy.io/v1alpha1
kind: EnvoyProxy
metadata: {name: p, namespace: infra}
spec: {anything: "\${NOT_SET}"}
---
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: {name: g}
`;
  const { faults, ignored, set } = parseResources([{ name: "f.yaml", text }], {}, unread);
  assert.deepEqual({ faults, all: set.all }, { faults: [], all: [] });
  assert.deepEqual(ignored, [
    {
      kind: "gateway.envoyproxy.io/v1alpha1 EnvoyProxy",
      id: "infra/p",
      source: { file: "f.yaml", line: 1, column: 1 },
    },
    {
      kind: "networking.istio.io/v1 Gateway",
      id: "default/g",
      source: { file: "f.yaml", line: 6, column: 1 },
    },
  ]);
});

test("valid fields that are not applied, and fields of others that are not known, are notices", () => {
  const text = `apiVersion: gateway.envoyproxy.io/v1alpha1
kind: BackendTrafficPolicy
metadata: {name: p}
spec:
  targetRefs: [{group: gateway.networking.k8s.io, kind: HTTPRoute, name: r}]
  dns: {}
  brandNew: {}
  timout: {}
`;
  const { faults, notices } = parseResources([{ name: "f.yaml", text }], {}, unread);
  assert.deepEqual(notices.map(formatFault), [
    "f.yaml:6:3: BackendTrafficPolicy default/p: spec.dns: is not applied by this gateway",
    "f.yaml:7:3: BackendTrafficPolicy default/p: spec.brandNew: is not known to this gateway and not applied",
  ]);
  assert.deepEqual(faults.map(formatFault), [
    'f.yaml:8:3: BackendTrafficPolicy default/p: spec.timout: is not a known field; did you mean "timeout"?',
  ]);
});

test("what a cluster adds to an object is let through", () => {
  const text = `apiVersion: v1
kind: ConfigMap
metadata:
  name: a
  uid: x
  creationTimestamp: "2025-01-31T12:00:00Z"
  managedFields: [{manager: kubectl}]
  labels: {a: b}
data: {}
status: {conditions: []}
`;
  const { faults, set } = parseResources([{ name: "f.yaml", text }], {}, unread);
  assert.deepEqual(faults, []);
  assert.deepEqual(set.ofKind("ConfigMap")[0]?.metadata, {
    name: "a",
    namespace: "default",
    labels: { a: "b" },
    annotations: {},
    creationTimestamp: Date.UTC(2025, 0, 31, 12) / 1000,
  });
});
