import assert from "node:assert/strict";
import { test } from "node:test";
import { formatFault } from "../errors/config-error.ts";
import { parseResources } from "./load.ts";

const unread = (path: string): string => {
  throw new Error(`ENOENT: ${path}`);
};

const CASES = [
  {
    name: "a port out of range and an address that is none",
    in: `apiVersion: gateway.envoyproxy.io/v1alpha1
kind: Backend
metadata: {name: b}
spec:
  endpoints:
    - fqdn: {hostname: a.example, port: 70000}
    - ip: {address: a.example, port: 80}
    - {}
`,
    want: [
      "f.yaml:6:41: Backend default/b: spec.endpoints[0].fqdn.port: must be at most 65535, not 70000",
      "f.yaml:7:21: Backend default/b: spec.endpoints[1].ip.address: is no IP address; give a name as fqdn: { hostname, port }",
      "f.yaml:8:7: Backend default/b: spec.endpoints[2]: exactly one of fqdn, ip and unix must be given, not 0",
    ],
  },
  {
    name: "a URL where a host name belongs",
    in: `apiVersion: gateway.envoyproxy.io/v1alpha1
kind: Backend
metadata: {name: b}
spec:
  endpoints:
    - fqdn: {hostname: "https://a.example", port: 443}
`,
    want: [
      'f.yaml:6:24: Backend default/b: spec.endpoints[0].fqdn.hostname: must be a lower-case host name without port, such as api.example.com, not "https://a.example"',
    ],
  },
  {
    name: "TLS trust that is given twice or not at all",
    in: `apiVersion: gateway.networking.k8s.io/v1
kind: BackendTLSPolicy
metadata: {name: t}
spec:
  targetRefs: [{group: gateway.envoyproxy.io, kind: Backend, name: b}]
  validation: {hostname: a.example}
---
apiVersion: gateway.envoyproxy.io/v1alpha1
kind: Backend
metadata: {name: b}
spec:
  endpoints: [{fqdn: {hostname: a.example, port: 443}}]
  tls: {wellKnownCACertificates: System, insecureSkipVerify: true}
`,
    want: [
      "f.yaml:6:15: BackendTLSPolicy default/t: spec.validation: exactly one of caCertificateRefs and wellKnownCACertificates: System must be given",
      "f.yaml:13:62: Backend default/b: spec.tls.insecureSkipVerify: must not be true where certificate authorities are given",
    ],
  },
];

for (const { name, in: text, want } of CASES) {
  test(`what is wrong in a Backend or BackendTLSPolicy is reported at its place: ${name}`, () => {
    const { faults } = parseResources([{ name: "f.yaml", text }], {}, unread);
    assert.deepEqual(faults.map(formatFault), want);
  });
}
