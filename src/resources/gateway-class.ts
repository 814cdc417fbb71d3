import * as Type from "typebox";
import { defineKind } from "./kind.ts";
import type { Resource } from "./resource.ts";
import { NonEmpty, open, unapplied } from "./schema.ts";

const Spec = open({
  controllerName: NonEmpty,
  description: Type.Optional(Type.String()),
  parametersRef: unapplied("configures pods of a cluster; this gateway has none"),
});

/** Kind of Gateway; standalone there is one, so that only its form is checked. */
export type GatewayClass = Resource<Type.Static<typeof Spec>>;

/** GatewayClass of gateway.networking.k8s.io. */
export const GATEWAY_CLASS = defineKind({
  kind: "GatewayClass",
  group: "gateway.networking.k8s.io",
  versions: ["v1", "v1beta1"],
  schema: Spec,
  clusterScoped: true,
});
