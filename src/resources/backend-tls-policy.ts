import * as Type from "typebox";
import { type CrossFieldRule, defineKind, type Violation } from "./kind.ts";
import type { Resource } from "./resource.ts";
import { Hostname, NonEmpty, ObjectName, open, PolicyTargetRef, PreciseHostname, unapplied } from "./schema.ts";

/** A name that the server's certificate may carry. */
const SubjectAltName = open({
  type: Type.Enum(["Hostname", "URI"]),
  hostname: Type.Optional(Hostname),
  /** Such as a SPIFFE id. */
  uri: Type.Optional(
    Type.String({
      minLength: 1,
      maxLength: 253,
      // Without commas, quotes and backslashes, so that no list of names can be misread.
      pattern: '^[A-Za-z][A-Za-z0-9+.-]*:(?:(?![",\\\\])[\\x21-\\x7e])+$',
      "x-expects": "a URI with its scheme, such as spiffe://example.com/ns/models",
    }),
  ),
});

const Spec = open({
  targetRefs: Type.Array(PolicyTargetRef, { minItems: 1, maxItems: 16 }),
  validation: open({
    caCertificateRefs: Type.Optional(
      Type.Array(open({ group: Type.String(), kind: NonEmpty, name: ObjectName }), { maxItems: 8 }),
    ),
    wellKnownCACertificates: Type.Optional(Type.Enum(["System"])),
    hostname: PreciseHostname,
    subjectAltNames: Type.Optional(Type.Array(SubjectAltName, { maxItems: 5 })),
  }),
  options: unapplied("is not applied by this gateway: it knows no options"),
});
type Spec = Type.Static<typeof Spec>;

/** TLS towards a Backend (https://gateway-api.sigs.k8s.io/api-types/backendtlspolicy/). */
export type BackendTLSPolicy = Resource<Spec>;

/** Certificates are checked against given authorities or the system's. */
const trustIsOfOneKind: CrossFieldRule<Spec> = ({
  validation: { caCertificateRefs = [], wellKnownCACertificates },
}) => {
  if (caCertificateRefs.length > 0 !== (wellKnownCACertificates !== undefined)) return [];
  const reason = "exactly one of caCertificateRefs and wellKnownCACertificates: System must be given";
  return [{ path: ["validation"], reason }];
};

/** A name stands in the field of its type. */
const subjectAltNamesFitTheirType: CrossFieldRule<Spec> = ({ validation: { subjectAltNames = [] } }) =>
  subjectAltNames.flatMap(({ type, hostname, uri }, index): Violation[] => {
    const path = ["validation", "subjectAltNames", index];
    const [field, given, other, otherGiven] =
      type === "URI" ? ["uri", uri, "hostname", hostname] : ["hostname", hostname, "uri", uri];
    if (given === undefined) return [{ path, reason: `${field} is required with type: ${type}` }];
    return otherGiven === undefined ? [] : [{ path, reason: `${other} must not be given with type: ${type}` }];
  });

/** BackendTLSPolicy of gateway.networking.k8s.io. */
export const BACKEND_TLS_POLICY = defineKind({
  kind: "BackendTLSPolicy",
  group: "gateway.networking.k8s.io",
  versions: ["v1", "v1alpha3"],
  schema: Spec,
  rules: [trustIsOfOneKind, subjectAltNamesFitTheirType],
});
