import assert from "node:assert/strict";
import { test } from "node:test";
import { formatFault } from "../errors/config-error.ts";
import { parseResources } from "./load.ts";

const unread = (path: string): string => {
  throw new Error(`ENOENT: ${path}`);
};

const CASES = [
  {
    name: "listeners that are the same",
    in: `apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: {name: g}
spec:
  gatewayClassName: c
  listeners:
    - {name: a, port: 80, protocol: HTTP}
    - {name: b, port: 80, protocol: HTTP}
    - {name: b, port: 81, protocol: HTTP}
`,
    want: [
      "f.yaml:8:7: Gateway default/g: spec.listeners[1]: has the port, protocol and hostname of listeners[0]; change one of them",
      "f.yaml:9:14: Gateway default/g: spec.listeners[2].name: has the same name as entry [1]; remove one",
    ],
  },
  {
    name: "policies without and with too many targets",
    in: `apiVersion: gateway.envoyproxy.io/v1alpha1
kind: ClientTrafficPolicy
metadata: {name: a}
spec: {connection: {bufferLimit: lots}}
---
apiVersion: gateway.envoyproxy.io/v1alpha1
kind: BackendTrafficPolicy
metadata: {name: a}
spec:
  targetRef: {group: gateway.networking.k8s.io, kind: Gateway, name: g}
  targetRefs: []
`,
    want: [
      "f.yaml:4:7: ClientTrafficPolicy default/a: spec.targetRefs: is required",
      'f.yaml:4:34: ClientTrafficPolicy default/a: spec.connection.bufferLimit: must be an amount such as 50Mi or 1048576, not "lots"',
      "f.yaml:10:14: BackendTrafficPolicy default/a: spec.targetRef: must not be given beside targetRefs; move it there",
    ],
  },
  {
    name: "a provider that is no Backend",
    in: `apiVersion: aigateway.envoyproxy.io/v1beta1
kind: AIServiceBackend
metadata: {name: b}
spec:
  schema: {name: OpenAI}
  backendRef: {name: b}
`,
    want: [
      "f.yaml:6:15: AIServiceBackend default/b: spec.backendRef: must have group: gateway.envoyproxy.io and kind: Backend",
    ],
  },
];

for (const { name, in: text, want } of CASES) {
  test(`what is wrong in other kinds is reported at its place: ${name}`, () => {
    const { faults } = parseResources([{ name: "f.yaml", text }], {}, unread);
    assert.deepEqual(faults.map(formatFault), want);
  });
}
