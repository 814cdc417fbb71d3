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
    name: "a TLS mode that is none",
    in: `apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: {name: g}
spec:
  gatewayClassName: c
  listeners:
    - {name: e, port: 446, protocol: HTTPS, tls: {mode: Terminated}}
`,
    want: [
      'f.yaml:7:57: Gateway default/g: spec.listeners[0].tls.mode: must be one of Terminate, Passthrough, not "Terminated"; did you mean "Terminate"?',
    ],
  },
  {
    name: "TLS where it does not belong, and none where it does",
    in: `apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: {name: g}
spec:
  gatewayClassName: c
  listeners:
    - {name: a, port: 80, protocol: HTTP, tls: {certificateRefs: [{name: s}]}}
    - {name: b, port: 443, protocol: HTTPS}
    - {name: c, port: 444, protocol: HTTPS, tls: {mode: Terminate, certificateRefs: []}}
    - {name: d, port: 445, protocol: HTTPS, tls: {mode: Passthrough}}
`,
    want: [
      "f.yaml:7:48: Gateway default/g: spec.listeners[0].tls: must not be given with protocol HTTP; write protocol HTTPS",
      "f.yaml:8:7: Gateway default/g: spec.listeners[1].tls: certificateRefs is required with protocol HTTPS; name a Secret with tls.crt and tls.key",
      "f.yaml:9:50: Gateway default/g: spec.listeners[2].tls: certificateRefs is required with protocol HTTPS; name a Secret with tls.crt and tls.key",
    ],
  },
  {
    name: "HTTP and HTTPS on one port",
    in: `apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: {name: g}
spec:
  gatewayClassName: c
  listeners:
    - {name: a, port: 80, protocol: HTTP}
    - {name: b, port: 80, protocol: HTTPS, tls: {certificateRefs: [{name: s}]}}
    - {name: c, port: 80, protocol: HTTP, hostname: c.example}
    - {name: d, port: 80, protocol: UDP}
`,
    want: [
      "f.yaml:8:23: Gateway default/g: spec.listeners[1].port: port 80 has the protocol HTTP in listeners[0]; choose another port",
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
