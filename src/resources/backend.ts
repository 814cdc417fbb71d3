import * as Type from "typebox";
import { type CrossFieldRule, defineKind, type Violation } from "./kind.ts";
import type { Resource } from "./resource.ts";
import { NonEmpty, ObjectName, open, Port, PreciseHostname, SecretRef, unapplied, unappliedFields } from "./schema.ts";

const Endpoint = open({
  hostname: Type.Optional(PreciseHostname),
  fqdn: Type.Optional(open({ hostname: PreciseHostname, port: Port })),
  ip: Type.Optional(open({ address: NonEmpty, port: Port })),
  unix: Type.Optional(open({ path: Type.String({ minLength: 1, maxLength: 108 }) })),
  zone: unapplied(),
});

/** TLS towards the endpoints; a BackendTLSPolicy has precedence field by field. */
const Tls = open({
  caCertificateRefs: Type.Optional(
    Type.Array(open({ group: Type.String(), kind: NonEmpty, name: ObjectName }), { maxItems: 8 }),
  ),
  wellKnownCACertificates: Type.Optional(Type.Enum(["System"])),
  insecureSkipVerify: Type.Optional(Type.Boolean()),
  sni: Type.Optional(PreciseHostname),
  alpnProtocols: Type.Optional(Type.Array(Type.Enum(["http/1.0", "http/1.1", "h2"]))),
  clientCertificateRef: Type.Optional(
    open({ ...SecretRef.properties }, { "x-unapplied": "is not applied by this gateway: it presents no certificate" }),
  ),
  ...unappliedFields("minVersion", "maxVersion", "ciphers", "ecdhCurves", "signatureAlgorithms"),
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
  rules: [endpointsAreOfOneKind, endpointsFitTheType, addressesAreNumeric, trustIsOfOneKind],
});
