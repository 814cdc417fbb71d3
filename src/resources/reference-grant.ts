import * as Type from "typebox";
import { defineKind } from "./kind.ts";
import type { Resource } from "./resource.ts";
import { NamespaceName, NonEmpty, ObjectName, object } from "./schema.ts";

const Spec = object({
  from: Type.Array(object({ group: Type.String(), kind: NonEmpty, namespace: NamespaceName }), {
    minItems: 1,
    maxItems: 16,
  }),
  to: Type.Array(object({ group: Type.String(), kind: NonEmpty, name: Type.Optional(ObjectName) }), {
    minItems: 1,
    maxItems: 16,
  }),
});

/** Permission to refer to objects of its namespace from another one (https://gateway-api.sigs.k8s.io/api-types/referencegrant/). */
export type ReferenceGrant = Resource<Type.Static<typeof Spec>>;

/** ReferenceGrant of gateway.networking.k8s.io. */
export const REFERENCE_GRANT = defineKind({
  kind: "ReferenceGrant",
  group: "gateway.networking.k8s.io",
  versions: ["v1", "v1beta1"],
  schema: Spec,
});
