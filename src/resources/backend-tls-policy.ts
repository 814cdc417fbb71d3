import * as Type from "typebox";
import { type CrossFieldRule, defineKind } from "./kind.ts";
import type { Resource } from "./resource.ts";
import { NonEmpty, ObjectName, open, PolicyTargetRef, PreciseHostname, unapplied } from "./schema.ts";

const Spec = open({
  targetRefs: Type.Array(PolicyTargetRef, { minItems: 1, maxItems: 16 }),
  validation: open({
    caCertificateRefs: Type.Optional(
      Type.Array(open({ group: Type.String(), kind: NonEmpty, name: ObjectName }), { maxItems: 8 }),
    ),
    wellKnownCACertificates: Type.Optional(Type.Enum(["System"])),
    hostname: PreciseHostname,
    subjectAltNames: unapplied("is not applied by this gateway: certificates are checked for hostname only"),
  }),
  options: unapplied(),
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

/** BackendTLSPolicy of gateway.networking.k8s.io. */
export const BACKEND_TLS_POLICY = defineKind({
  kind: "BackendTLSPolicy",
  group: "gateway.networking.k8s.io",
  versions: ["v1", "v1alpha3"],
  schema: Spec,
  rules: [trustIsOfOneKind],
});
