import * as Type from "typebox";
import { type CrossFieldRule, defineKind, type Violation } from "./kind.ts";
import { isMetadataHost } from "./metadata-address.ts";
import type { Resource } from "./resource.ts";
import { NonEmpty, ObjectName, open, Port, PreciseHostname, SecretRef, unapplied } from "./schema.ts";

const Endpoint = open({
  hostname: Type.Optional(PreciseHostname),
  fqdn: Type.Optional(open({ hostname: PreciseHostname, port: Port })),
  ip: Type.Optional(open({ address: NonEmpty, port: Port })),
  unix: Type.Optional(open({ path: Type.String({ minLength: 1, maxLength: 108 }) })),
  zone: unapplied(),
});

const TlsVersion = Type.Enum(["Auto", "1.0", "1.1", "1.2", "1.3"]);

/** Suites of TLS 1.2 that the libraries of both hosts have
 * (https://www.envoyproxy.io/docs/envoy/latest/api-v3/extensions/transport_sockets/tls/v3/common.proto). */
export const CIPHERS: readonly string[] = [
  "ECDHE-ECDSA-AES128-GCM-SHA256",
  "ECDHE-RSA-AES128-GCM-SHA256",
  "ECDHE-ECDSA-AES256-GCM-SHA384",
  "ECDHE-RSA-AES256-GCM-SHA384",
  "ECDHE-ECDSA-CHACHA20-POLY1305",
  "ECDHE-RSA-CHACHA20-POLY1305",
  "ECDHE-ECDSA-AES128-SHA",
  "ECDHE-RSA-AES128-SHA",
  "ECDHE-ECDSA-AES256-SHA",
  "ECDHE-RSA-AES256-SHA",
  "AES128-GCM-SHA256",
  "AES256-GCM-SHA384",
  "AES128-SHA",
  "AES256-SHA",
];
/** Curves for the key exchange, likewise. */
export const CURVES: readonly string[] = ["X25519", "P-256", "P-384", "P-521"];
/** Signature algorithms, likewise. */
export const SIGNATURE_ALGORITHMS: readonly string[] = [
  "ecdsa_secp256r1_sha256",
  "ecdsa_secp384r1_sha384",
  "ecdsa_secp521r1_sha512",
  "ed25519",
  "rsa_pss_rsae_sha256",
  "rsa_pss_rsae_sha384",
  "rsa_pss_rsae_sha512",
  "rsa_pkcs1_sha256",
  "rsa_pkcs1_sha384",
  "rsa_pkcs1_sha512",
];

/** TLS towards the endpoints; where there is a BackendTLSPolicy, it alone says how certificates are checked. */
const Tls = open({
  caCertificateRefs: Type.Optional(
    Type.Array(open({ group: Type.String(), kind: NonEmpty, name: ObjectName }), { maxItems: 8 }),
  ),
  wellKnownCACertificates: Type.Optional(Type.Enum(["System"])),
  insecureSkipVerify: Type.Optional(Type.Boolean()),
  sni: Type.Optional(PreciseHostname),
  alpnProtocols: Type.Optional(Type.Array(Type.Enum(["http/1.0", "http/1.1", "h2"]))),
  clientCertificateRef: Type.Optional(SecretRef),
  minVersion: Type.Optional(TlsVersion),
  maxVersion: Type.Optional(TlsVersion),
  ciphers: Type.Optional(Type.Array(Type.Enum(CIPHERS))),
  ecdhCurves: Type.Optional(Type.Array(Type.Enum(CURVES))),
  signatureAlgorithms: Type.Optional(Type.Array(Type.Enum(SIGNATURE_ALGORITHMS))),
});

const Spec = open({
  type: Type.Enum(["Endpoints", "DynamicResolver"], { default: "Endpoints" }),
  endpoints: Type.Optional(Type.Array(Endpoint, { minItems: 1, maxItems: 256 })),
  appProtocols: Type.Optional(
    Type.Array(Type.Enum(["gateway.envoyproxy.io/h2c", "gateway.envoyproxy.io/ws", "gateway.envoyproxy.io/wss"])),
  ),
  tls: Type.Optional(Tls),
  fallback: unapplied("is not applied by this gateway: use priority in the backendRefs of the AIGatewayRoute"),
});
type Spec = Type.Static<typeof Spec>;

/** Addresses of a provider (https://gateway.envoyproxy.io/latest/api/extension_types/#backend). */
export type Backend = Resource<Spec>;
/** One address. */
export type BackendEndpoint = Type.Static<typeof Endpoint>;
/** TLS as a Backend says it. */
export type BackendTls = Type.Static<typeof Tls>;

/** An endpoint is a name, an address or a socket. */
const endpointsAreOfOneKind: CrossFieldRule<Spec> = ({ endpoints = [] }) =>
  endpoints.flatMap(({ fqdn, ip, unix }, index): Violation[] => {
    const given = [fqdn, ip, unix].filter((address) => address !== undefined).length;
    if (given === 1) return [];
    return [{ path: ["endpoints", index], reason: `exactly one of fqdn, ip and unix must be given, not ${given}` }];
  });

/** Only a dynamic resolver has no endpoints. */
const endpointsFitTheType: CrossFieldRule<Spec> = ({ type, endpoints }) => {
  if (type === "Endpoints" && endpoints === undefined) return [{ path: ["endpoints"], reason: "is required" }];
  if (type === "DynamicResolver" && endpoints !== undefined) {
    return [{ path: ["endpoints"], reason: "must not be given with type: DynamicResolver" }];
  }
  return [];
};

/** IP addresses are addresses, not names. */
const addressesAreNumeric: CrossFieldRule<Spec> = ({ endpoints = [] }) =>
  endpoints.flatMap(({ ip }, index): Violation[] => {
    if (ip === undefined || IPV4.test(ip.address) || isIPv6(ip.address)) return [];
    const reason = "is no IP address; give a name as fqdn: { hostname, port }";
    return [{ path: ["endpoints", index, "ip", "address"], reason }];
  });

const IPV4 = /^(25[0-5]|2[0-4]\d|1?\d?\d)(\.(25[0-5]|2[0-4]\d|1?\d?\d)){3}$/;

function isIPv6(address: string): boolean {
  return address.includes(":") && URL.canParse(`http://[${address}]/`);
}

/** A cloud's metadata service is no provider, and what it would answer is the gateway's own identity. */
const endpointsAreNoMetadata: CrossFieldRule<Spec> = ({ endpoints = [] }) =>
  endpoints.flatMap(({ fqdn, ip }, index): Violation[] => {
    const [field, host] = fqdn === undefined ? ["ip.address", ip?.address] : ["fqdn.hostname", fqdn.hostname];
    if (host === undefined || !isMetadataHost(host)) return [];
    const reason = "is a cloud's metadata service, which hands out the gateway's own credentials; it is never called";
    return [{ path: ["endpoints", index, ...field.split(".")], reason }];
  });

/** Versions of TLS are a range. */
const tlsVersionsAreInOrder: CrossFieldRule<Spec> = ({ tls: { minVersion = "Auto", maxVersion = "Auto" } = {} }) => {
  if (maxVersion === "1.0" || maxVersion === "1.1") {
    return [{ path: ["tls", "maxVersion"], reason: "must be 1.2 or 1.3; older ones are not spoken (RFC 8996)" }];
  }
  if (minVersion !== "1.3" || maxVersion !== "1.2") return [];
  return [{ path: ["tls", "maxVersion"], reason: "must not be below minVersion" }];
};

/** Certificates are checked against given authorities or the system's, or not at all. */
const trustIsOfOneKind: CrossFieldRule<Spec> = ({ tls }) => {
  if (tls === undefined) return [];
  const refs = tls.caCertificateRefs !== undefined && tls.caCertificateRefs.length > 0;
  const system = tls.wellKnownCACertificates !== undefined;
  if (refs && system) {
    return [{ path: ["tls"], reason: "only one of caCertificateRefs and wellKnownCACertificates may be given" }];
  }
  if (tls.insecureSkipVerify === true && (refs || system)) {
    return [
      { path: ["tls", "insecureSkipVerify"], reason: "must not be true where certificate authorities are given" },
    ];
  }
  return [];
};

/** Backend of gateway.envoyproxy.io. */
export const BACKEND = defineKind({
  kind: "Backend",
  group: "gateway.envoyproxy.io",
  versions: ["v1alpha1"],
  schema: Spec,
  rules: [
    endpointsAreOfOneKind,
    endpointsFitTheType,
    addressesAreNumeric,
    endpointsAreNoMetadata,
    trustIsOfOneKind,
    tlsVersionsAreInOrder,
  ],
});
