import * as Type from "typebox";
import { type CrossFieldRule, defineKind } from "./kind.ts";
import { celViolation, LLMRequestCost } from "./llm-request-cost.ts";
import type { Resource } from "./resource.ts";
import { listMap, NonEmpty, object, unapplied } from "./schema.ts";

const Spec = object(
  {
    extProc: unapplied("configures the sidecar of a cluster; this gateway has none"),
    globalLLMRequestCosts: Type.Optional(listMap(LLMRequestCost, ["metadataKey"], { maxItems: 36 })),
    forwardProxy: Type.Optional(
      object({ address: NonEmpty }, { "x-unapplied": "is not applied by this gateway: it calls providers directly" }),
    ),
  },
  // Nothing of it has to be given.
  { default: {} },
);
type Spec = Type.Static<typeof Spec>;

/** Settings of a Gateway, which names it in the annotation {@link GATEWAY_CONFIG_ANNOTATION}. */
export type GatewayConfig = Resource<Spec>;

/** Annotation of a Gateway with the name of its GatewayConfig, in the same namespace. */
export const GATEWAY_CONFIG_ANNOTATION = "aigateway.envoyproxy.io/gateway-config";

/** A cost of type CEL has an expression, and only that type has one. */
const celComesWithItsType: CrossFieldRule<Spec> = ({ globalLLMRequestCosts = [] }) =>
  globalLLMRequestCosts.flatMap((cost, index) => celViolation(cost, ["globalLLMRequestCosts", index]));

/** GatewayConfig of aigateway.envoyproxy.io. */
export const GATEWAY_CONFIG = defineKind({
  kind: "GatewayConfig",
  group: "aigateway.envoyproxy.io",
  versions: ["v1beta1", "v1alpha1"],
  schema: Spec,
  rules: [celComesWithItsType],
});
