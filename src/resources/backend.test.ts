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
    name: "clouds' metadata services",
    in: `apiVersion: gateway.envoyproxy.io/v1alpha1
kind: Backend
metadata: {name: b}
spec:
  endpoints:
    - fqdn: {hostname: metadata.google.internal, port: 80}
    - fqdn: {hostname: "2852039166", port: 80}
    - ip: {address: "::ffff:169.254.169.254", port: 80}
    - ip: {address: 169.254.20.10, port: 80}
`,
    want: [
      "f.yaml:6:24: Backend default/b: spec.endpoints[0].fqdn.hostname: is a cloud's metadata service, which hands out the gateway's own credentials; it is never called",
      "f.yaml:7:24: Backend default/b: spec.endpoints[1].fqdn.hostname: is a cloud's metadata service, which hands out the gateway's own credentials; it is never called",
      "f.yaml:8:21: Backend default/b: spec.endpoints[2].ip.address: is a cloud's metadata service, which hands out the gateway's own credentials; it is never called",
    ],
  },
  {
    name: "versions of TLS that nobody speaks",
    in: `apiVersion: gateway.envoyproxy.io/v1alpha1
kind: Backend
metadata: {name: b}
spec:
  endpoints: [{ip: {address: 127.0.0.1, port: 443}}]
  tls: {maxVersion: "1.1"}
---
apiVersion: gateway.envoyproxy.io/v1alpha1
kind: Backend
metadata: {name: c}
spec:
  endpoints: [{ip: {address: 127.0.0.1, port: 443}}]
  tls: {minVersion: "1.3", maxVersion: "1.2"}
`,
    want: [
      "f.yaml:6:21: Backend default/b: spec.tls.maxVersion: must be 1.2 or 1.3; older ones are not spoken (RFC 8996)",
      "f.yaml:13:40: Backend default/c: spec.tls.maxVersion: must not be below minVersion",
    ],
  },
  {
    name: "names in certificates without their field",
    in: `apiVersion: gateway.networking.k8s.io/v1
kind: BackendTLSPolicy
metadata: {name: t}
spec:
  targetRefs: [{group: gateway.envoyproxy.io, kind: Backend, name: b}]
  validation:
    hostname: a.example
    wellKnownCACertificates: System
    subjectAltNames:
      - {type: URI, hostname: a.example}
      - {type: Hostname, hostname: a.example, uri: "spiffe://a"}
      - {type: URI, uri: no-scheme}
      - {type: URI, uri: "spiffe://a,b"}
      - {type: URI, uri: "spiffe://a"}
`,
    want: [
      "f.yaml:10:9: BackendTLSPolicy default/t: spec.validation.subjectAltNames[0]: uri is required with type: URI",
      "f.yaml:11:9: BackendTLSPolicy default/t: spec.validation.subjectAltNames[1]: uri must not be given with type: Hostname",
      'f.yaml:12:26: BackendTLSPolicy default/t: spec.validation.subjectAltNames[2].uri: must be a URI with its scheme, such as spiffe://example.com/ns/models, not "no-scheme"',
      'f.yaml:13:26: BackendTLSPolicy default/t: spec.validation.subjectAltNames[3].uri: must be a URI with its scheme, such as spiffe://example.com/ns/models, not "spiffe://a,b"',
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

const HOSTILE_HOSTS = [
  "a.example#b",
  "a@b.example",
  "a.example/b",
  "a.example\\\\b",
  "a.example?b",
  "a b.example",
  "a.example:80",
  "%31%36%39.254.169.254",
  "METADATA.google.internal",
  "metadata.google.internal.",
  "a.example\\r\\nx: y",
  "[::1]",
];
for (const field of ["fqdn: {hostname: HOST, port: 80}", "ip: {address: HOST, port: 80}", "hostname: HOST"]) {
  for (const host of HOSTILE_HOSTS) {
    test(`"${host}" is no host: ${field}`, () => {
      const text = `apiVersion: gateway.envoyproxy.io/v1alpha1
kind: Backend
metadata: {name: b}
spec:
  endpoints: [{${field.replace("HOST", `"${host}"`)}, unix: {path: /s}}]
`;
      const { faults } = parseResources([{ name: "f.yaml", text }], {}, unread);
      assert.match(faults.map(formatFault).join(), /must be a lower-case host name|is no IP address/);
    });
  }
}
