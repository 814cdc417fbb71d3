import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import type { UpstreamTls } from "./runtime-config.ts";
import { compileText, compileValid, withoutPlaces } from "./test-configuration.ts";

function file(name: string): string {
  return readFileSync(new URL(`../../testdata/tls/${name}`, import.meta.url), "utf8");
}

const ROUTE = `apiVersion: aigateway.envoyproxy.io/v1beta1
kind: AIGatewayRoute
metadata: {name: r}
spec: {rules: [{backendRefs: [{name: one}, {name: two}]}]}
---
apiVersion: aigateway.envoyproxy.io/v1beta1
kind: AIServiceBackend
metadata: {name: one}
spec: {schema: {name: OpenAI}, backendRef: {name: b, kind: Backend, group: gateway.envoyproxy.io}}
---
apiVersion: aigateway.envoyproxy.io/v1beta1
kind: AIServiceBackend
metadata: {name: two}
spec: {schema: {name: OpenAI}, backendRef: {name: b, kind: Backend, group: gateway.envoyproxy.io}}
---
`;

function backend(tls: string): string {
  return `apiVersion: gateway.envoyproxy.io/v1alpha1
kind: Backend
metadata: {name: b}
spec:
  endpoints: [{fqdn: {hostname: api.example, port: 443}}]
  tls: ${tls}
---
`;
}

function policy(validation: string, more = ""): string {
  return `apiVersion: gateway.networking.k8s.io/v1
kind: BackendTLSPolicy
metadata: {name: p}
spec:
  targetRefs: [{group: gateway.envoyproxy.io, kind: Backend, name: b}]
  validation: ${validation}
  ${more}
---
`;
}

function secret(name: string, chain: string, key: string, namespace = "default"): string {
  return `apiVersion: v1
kind: Secret
metadata: {name: ${name}, namespace: ${namespace}}
type: kubernetes.io/tls
stringData: ${JSON.stringify({ "tls.crt": chain, "tls.key": key })}
---
`;
}

function authority(name: string, pem: string): string {
  return `apiVersion: v1
kind: ConfigMap
metadata: {name: ${name}}
data: ${JSON.stringify({ "ca.crt": pem })}
---
`;
}

function gateway(more: string): string {
  return `apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: {name: g}
spec:
  gatewayClassName: c
  listeners: [{name: http, port: 80, protocol: HTTP}]
  ${more}
---
`;
}

/** TLS of the one backend of a configuration without faults. */
function tlsOf(text: string): UpstreamTls | undefined {
  const { config } = compileValid(ROUTE + text);
  return config.routes[0]?.rules[0]?.backends[0]?.backend.upstream.tls;
}

const A = secret("a", file("gateway-a.pem"), file("gateway.key"));
const B = secret("b", file("gateway-b.pem"), file("gateway.key"));
const OF_BACKEND = backend("{clientCertificateRef: {name: a}}");
const OF_GATEWAY = gateway("tls: {backend: {clientCertificateRef: {name: b}}}");

const certificates = [
  { name: "the Backend's", in: OF_BACKEND + A, want: "gateway-a.pem" },
  { name: "the Gateway's", in: backend("{}") + OF_GATEWAY + B, want: "gateway-b.pem" },
  {
    name: "the Gateway's by its older name",
    in: backend("{}") + gateway("backendTLS: {clientCertificateRef: {name: b}}") + B,
    want: "gateway-b.pem",
  },
  { name: "the Backend's rather than the Gateway's", in: OF_BACKEND + OF_GATEWAY + A + B, want: "gateway-a.pem" },
  {
    name: "the Backend's beside what a policy says",
    in: OF_BACKEND + A + policy("{hostname: tls.example, wellKnownCACertificates: System}"),
    want: "gateway-a.pem",
  },
];
for (const { name, in: text, want } of certificates) {
  test(`a certificate for backends is ${name}`, () => {
    const client = tlsOf(text)?.client;
    assert.equal(client?.chain, file(want));
    assert.equal(client?.key.reveal(), file("gateway.key"));
    assert.doesNotMatch(JSON.stringify(client), /PRIVATE KEY/);
  });
}

test("a backend in clear text is presented nothing", () => {
  const text = backend("{}").replace("  tls: {}\n", "") + OF_GATEWAY + B;
  assert.equal(tlsOf(text), undefined);
});

test("another certificate is another rule, so that no host goes on with the old one", () => {
  const keyOf = (name: string) =>
    compileValid(ROUTE + OF_BACKEND + secret("a", file(name), file("gateway.key"))).config.routes[0]?.rules[0]?.key;
  assert.equal(keyOf("gateway-a.pem"), keyOf("gateway-a.pem"));
  assert.notEqual(keyOf("gateway-a.pem"), keyOf("gateway-b.pem"));
});

test("a policy says which names a certificate may carry, and several authorities are one bundle", () => {
  const validation = `
    hostname: sni.example
    caCertificateRefs: [{group: "", kind: ConfigMap, name: one}, {group: "", kind: ConfigMap, name: two}]
    subjectAltNames: [{type: Hostname, hostname: "*.example"}, {type: URI, uri: "spiffe://example/models"}]`;
  const both = authority("one", `# a comment\n${file("ca.pem")}`) + authority("two", file("backend-ca.pem"));
  const tls = tlsOf(backend("{}") + policy(validation) + both);
  assert.equal(tls?.serverName, "sni.example");
  assert.equal(tls?.ca, file("ca.pem") + file("backend-ca.pem"));
  assert.deepEqual(tls?.subjectAltNames, [
    { type: "DNS", value: "*.example" },
    { type: "URI", value: "spiffe://example/models" },
  ]);
});

test("versions, suites, curves and algorithms are the Backend's", () => {
  const text = `{minVersion: "1.3", maxVersion: "1.3", ciphers: [AES128-SHA], ecdhCurves: [X25519], signatureAlgorithms: [ed25519]}`;
  assert.deepEqual(tlsOf(backend(text))?.parameters, {
    minVersion: "TLSv1.3",
    maxVersion: "TLSv1.3",
    ciphers: ["AES128-SHA"],
    curves: ["X25519"],
    signatureAlgorithms: ["ed25519"],
  });
});

const REF = "Backend default/b: spec.tls.clientCertificateRef";
const faulty = [
  {
    name: "a key that is not the certificate's",
    in: OF_BACKEND + secret("a", file("gateway-a.pem"), file("server.key")),
    want: `${REF}.name: Secret default/a holds a tls.key that does not belong to the first certificate of tls.crt`,
  },
  {
    name: "a certificate that is none",
    in: OF_BACKEND + secret("a", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----", file("gateway.key")),
    want: `${REF}.name: Secret default/a must hold certificates in PEM under the key tls.crt`,
  },
  {
    name: "a Secret that is not there",
    in: OF_BACKEND,
    want: `${REF}.name: there is no Secret default/a`,
  },
  {
    name: "a Secret of another namespace without its permission",
    in: backend("{clientCertificateRef: {name: a, namespace: other}}") + A.replace("default", "other"),
    want: `${REF}.namespace: Secret other/a may not be used from the namespace default: add a ReferenceGrant to the namespace other with from {group: gateway.envoyproxy.io, kind: Backend, namespace: default} and to {group: "", kind: Secret}`,
  },
  {
    name: "an authority that is none",
    in:
      backend("{caCertificateRefs: [{group: '', kind: ConfigMap, name: ca}]}") +
      authority("ca", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----"),
    want: "Backend default/b: spec.tls.caCertificateRefs[0]: ConfigMap default/ca must hold certificates in PEM under the key ca.crt",
  },
];
for (const { name, in: text, want } of faulty) {
  test(`is a fault, told once: ${name}`, () => {
    const { faults } = compileText(ROUTE + text);
    assert.equal(faults.length, 1);
    assert.match(faults[0] ?? "", /^f\.yaml:\d+:\d+: /);
    assert.equal(faults[0]?.slice(faults[0].indexOf(" ") + 1), want);
  });
}

const noticed = [
  {
    name: "a certificate that has expired",
    in: OF_BACKEND + secret("a", file("gateway-expired.pem"), file("gateway.key")),
    want: `${REF}.name: Secret default/a holds a certificate that expired on 2020-01-02`,
  },
  {
    name: "an authority that has expired",
    in:
      backend("{caCertificateRefs: [{group: '', kind: ConfigMap, name: ca}]}") +
      authority("ca", file("gateway-expired.pem")),
    want: "Backend default/b: spec.tls.caCertificateRefs[0]: ConfigMap default/ca holds a certificate that expired on 2020-01-02",
  },
  {
    name: "versions older than are spoken",
    in: backend(`{minVersion: "1.0"}`),
    want: "Backend default/b: spec.tls.minVersion: TLS 1.2 is the oldest version that this gateway speaks",
  },
  {
    name: "a section of a Backend",
    in:
      backend("{}") +
      policy("{hostname: a.example, wellKnownCACertificates: System}").replace("name: b}", "name: b, sectionName: s}"),
    want: "BackendTLSPolicy default/p: spec.targetRefs[0].sectionName: is not applied: the policy is for all of the Backend",
  },
];
for (const { name, in: text, want } of noticed) {
  test(`is used, and noticed once: ${name}`, () => {
    const { notices } = compileValid(ROUTE + text);
    assert.deepEqual(withoutPlaces(notices), [want]);
  });
}

test("options of a policy are noticed when it is read", () => {
  const text = policy("{hostname: a.example, wellKnownCACertificates: System}", "options: {example.com/x: y}");
  assert.deepEqual(withoutPlaces(compileText(text).notices), [
    "BackendTLSPolicy default/p: spec.options: is not applied by this gateway: it knows no options",
  ]);
});
