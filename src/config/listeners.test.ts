import assert from "node:assert/strict";
import { generateKeyPairSync } from "node:crypto";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { compileText, compileValid, withoutPlaces } from "./test-configuration.ts";

const CHAIN = file("server.pem");
const OTHER_CHAIN = file("other-name.pem");
const KEY = file("server.key");

function file(name: string): string {
  return readFileSync(new URL(`../../testdata/tls/${name}`, import.meta.url), "utf8");
}

function gateway(listeners: string, more = ""): string {
  return `apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: {name: g}
spec:
  gatewayClassName: c
  ${more}
  listeners:
    ${listeners.trim()}
---
`;
}

function https(name: string, secret: string, hostname = ""): string {
  return `
    - name: ${name}
      port: 443
      protocol: HTTPS
      ${hostname && `hostname: "${hostname}"`}
      tls: {certificateRefs: [{name: ${secret}}]}`;
}

function secret(name: string, data: Record<string, string>, namespace = "default"): string {
  return `apiVersion: v1
kind: Secret
metadata: {name: ${name}, namespace: ${namespace}}
type: kubernetes.io/tls
stringData: ${JSON.stringify(data)}
---
`;
}

function clientPolicy(name: string, spec: string, section = ""): string {
  return `apiVersion: gateway.envoyproxy.io/v1alpha1
kind: ClientTrafficPolicy
metadata: {name: ${name}}
spec:
  targetRefs: [{group: gateway.networking.k8s.io, kind: Gateway, name: g${section && `, sectionName: ${section}`}}]
  ${spec}
---
`;
}

const HTTP = "- {name: http, port: 80, protocol: HTTP}";
const PAIR = { "tls.crt": CHAIN, "tls.key": KEY };
const OTHER_PAIR = { "tls.crt": OTHER_CHAIN, "tls.key": KEY };

test("listeners that share a port are one", () => {
  const { config } = compileValid(
    gateway(`- {name: a, port: 80, protocol: HTTP, hostname: a.example}
    - {name: b, port: 80, protocol: HTTP, hostname: b.example}
    - {name: c, port: 81, protocol: HTTP, hostname: c.example}`),
  );
  assert.deepEqual(
    config.listeners.map(({ name, port, hostname }) => ({ name, port, hostname })),
    [
      { name: "a", port: 80, hostname: undefined },
      { name: "c", port: 81, hostname: "c.example" },
    ],
  );
});

test("an HTTPS listener has its certificate; the key is not shown", () => {
  const { config } = compileValid(gateway(HTTP + https("https", "pair")) + secret("pair", PAIR));
  const [clear, tls] = config.listeners;
  assert.equal(clear?.tls, undefined);
  const [certificate] = tls?.tls?.certificates ?? [];
  assert.deepEqual([certificate?.chain, certificate?.key.reveal()], [CHAIN, KEY]);
  assert.ok(!JSON.stringify(tls).includes("PRIVATE KEY"));
});

test("a port with several certificates prefers those of more specific hostnames", () => {
  const listeners = [
    https("any", "pair"),
    https("wild", "pair", "*.example"),
    https("longer", "pair", "*.a.example"),
    https("name", "other", "x.example"),
  ];
  const { config } = compileValid(gateway(listeners.join("")) + secret("pair", PAIR) + secret("other", OTHER_PAIR));
  assert.deepEqual(
    config.listeners.map(({ name, tls }) => [name, tls?.certificates.map(({ hostname }) => hostname)]),
    [["any", ["x.example", "*.a.example", "*.example", undefined]]],
  );
});

const GRANT = `apiVersion: gateway.networking.k8s.io/v1beta1
kind: ReferenceGrant
metadata: {name: g, namespace: certs}
spec:
  from: [{group: gateway.networking.k8s.io, kind: Gateway, namespace: default}]
  to: [{group: "", kind: Secret}]
---
`;
const ELSEWHERE = gateway(`- name: https
      port: 443
      protocol: HTTPS
      tls: {certificateRefs: [{name: pair, namespace: certs}]}`);

test("a certificate of another namespace needs a grant", () => {
  assert.deepEqual(compileText(ELSEWHERE + secret("pair", PAIR, "certs") + GRANT).faults, []);
  assert.deepEqual(compileText(ELSEWHERE + secret("pair", PAIR, "certs")).faults, [
    'f.yaml:11:55: Gateway default/g: spec.listeners[0].tls.certificateRefs[0].namespace: Secret certs/pair may not be used from the namespace default: add a ReferenceGrant to the namespace certs with from {group: gateway.networking.k8s.io, kind: Gateway, namespace: default} and to {group: "", kind: Secret}',
  ]);
});

const strangeKey = generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey;
const STRANGE_KEY = strangeKey.export({ type: "pkcs8", format: "pem" }).toString();
const LOCKED_KEY = strangeKey
  .export({ type: "pkcs8", format: "pem", cipher: "aes-256-cbc", passphrase: "p" })
  .toString();

const FAULTY = [
  {
    name: "no such Secret",
    in: {},
    ref: "{name: missing}",
    want: "name: there is no Secret default/missing; there is pair",
  },
  { name: "an object of another kind", in: PAIR, ref: "{name: pair, kind: ConfigMap}", want: undefined },
  {
    name: "no certificate",
    in: { "tls.key": KEY },
    want: "name: Secret default/pair must hold certificates in PEM under the key tls.crt",
  },
  {
    name: "a certificate that is none",
    in: { ...PAIR, "tls.crt": "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----" },
    want: "name: Secret default/pair must hold certificates in PEM under the key tls.crt",
  },
  {
    name: "a broken certificate behind a good one",
    in: { ...PAIR, "tls.crt": `${CHAIN}-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----` },
    want: "name: Secret default/pair must hold certificates in PEM under the key tls.crt",
  },
  {
    name: "no key",
    in: { "tls.crt": CHAIN },
    want: "name: Secret default/pair must hold a private key in PEM, without a passphrase, under the key tls.key",
  },
  {
    name: "a key with a passphrase",
    in: { ...PAIR, "tls.key": LOCKED_KEY },
    want: "name: Secret default/pair must hold a private key in PEM, without a passphrase, under the key tls.key",
  },
  {
    name: "a key of another certificate",
    in: { ...PAIR, "tls.key": STRANGE_KEY },
    want: "name: Secret default/pair holds a tls.key that does not belong to the first certificate of tls.crt",
  },
];

for (const { name, in: data, ref = "{name: pair}", want } of FAULTY) {
  test(`a listener's certificate is a fault at its reference: ${name}`, () => {
    const listener = `- {name: https, port: 443, protocol: HTTPS, tls: {certificateRefs: [${ref}]}}`;
    const { faults } = compileText(gateway(listener) + secret("pair", data));
    const at = "Gateway default/g: spec.listeners[0].tls.certificateRefs[0]";
    const reason = want === undefined ? ": must refer to a Secret; leave out group and kind" : `.${want}`;
    assert.deepEqual(withoutPlaces(faults), [at + reason]);
  });
}

const UNSERVED = [
  {
    name: "TLS that is passed through",
    in: gateway("- {name: l, port: 443, protocol: HTTPS, tls: {mode: Passthrough}}"),
    want: "TLS mode Passthrough is not supported: requests must be read to be routed",
  },
  {
    name: "another protocol",
    in: gateway("- {name: l, port: 443, protocol: TCP}"),
    want: "protocol TCP is not supported yet, write HTTP or HTTPS",
  },
  {
    name: "a demand for client certificates",
    in: gateway(
      "- {name: l, port: 443, protocol: HTTPS, tls: {certificateRefs: [{name: pair}], frontendValidation: {}}}",
    ),
    want: "client certificates are not supported yet",
  },
  {
    name: "the Gateway's demand for client certificates",
    in: gateway(https("l", "pair"), "tls: {frontend: {default: {validation: {}}}}"),
    want: "client certificates are not supported yet",
  },
  {
    name: "a policy's demand for client certificates",
    in: gateway(https("l", "pair")) + clientPolicy("p", "tls: {clientValidation: {optional: false}}"),
    want: "client certificates (ClientTrafficPolicy default/p) are not supported yet",
  },
];

for (const { name, in: text, want } of UNSERVED) {
  test(`a listener that cannot be served as written is not, and its Gateway's status says why: ${name}`, () => {
    const { config } = compileValid(text + secret("pair", PAIR));
    assert.deepEqual(config.listeners, []);
    assert.deepEqual(
      config.statuses.flatMap(({ conditions }) => conditions.map(({ type, message }) => `${type}: ${message}`)),
      [`NotAccepted: listener l is not served: ${want}`],
    );
  });
}

test("the largest body is that of the policy for the listener, else of that for the Gateway, else 64 MiB", () => {
  const listeners = gateway(`${HTTP}\n    - {name: other, port: 81, protocol: HTTP}`);
  const limits = (text: string) => compileValid(text).config.listeners.map(({ bodyBytesMax }) => bodyBytesMax);
  const ofGateway = clientPolicy("all", "connection: {bufferLimit: 1Ki}");
  assert.deepEqual(limits(listeners), [67_108_864, 67_108_864]);
  assert.deepEqual(
    limits(listeners + ofGateway + clientPolicy("one", "connection: {bufferLimit: 2Ki}", "other")),
    [1024, 2048],
  );
  assert.deepEqual(limits(listeners + ofGateway + clientPolicy("one", "http3: {}", "other")), [1024, 67_108_864]);
});

test("HTTP/3 is for ports with TLS, and a notice tells that the embedded host has none", () => {
  const text = gateway(HTTP + https("https", "pair")) + secret("pair", PAIR) + clientPolicy("p", "http3: {}");
  const { config, notices } = compileValid(text);
  assert.deepEqual(
    config.listeners.map(({ name, http3 }) => [name, http3]),
    [
      ["http", false],
      ["https", true],
    ],
  );
  assert.deepEqual(withoutPlaces(notices), [
    "ClientTrafficPolicy default/p: spec.http3: is applied only by the Envoy host: aigw run --host envoy",
  ]);
  assert.deepEqual(compileValid(text, { host: "envoy" }).notices, []);
});
