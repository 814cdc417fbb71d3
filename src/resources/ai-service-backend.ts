import * as Type from "typebox";
import { type CrossFieldRule, defineKind } from "./kind.ts";
import { HTTPBodyMutation, HTTPHeaderMutation } from "./mutations.ts";
import type { Resource } from "./resource.ts";
import { NamespaceName, ObjectName, object, Port } from "./schema.ts";

/** Text that gets into a path or a query as it is: no step can lead out of it, nothing can end it, nothing is decoded. */
const PlainPath = Type.String({
  maxLength: 1024,
  pattern: "^/*(?:(?!\\.{1,2}(?:/|$))[A-Za-z0-9._~:@+=-]+(?:/(?!\\.{1,2}(?:/|$))[A-Za-z0-9._~:@+=-]+)*)?/*$",
  "x-expects": "a plain path such as v1 or openai/v1: letters, digits and - . _ ~ : @ + = between single slashes",
});

const Spec = object({
  schema: object({
    name: Type.Enum([
      "OpenAI",
      "Cohere",
      "AWSBedrock",
      "AzureOpenAI",
      "GCPVertexAI",
      "GCPAnthropic",
      "Anthropic",
      "AWSAnthropic",
    ]),
    version: Type.Optional(PlainPath),
    prefix: Type.Optional(PlainPath),
  }),
  backendRef: object({
    group: Type.String({ default: "" }),
    kind: Type.String({ default: "Service" }),
    name: ObjectName,
    namespace: Type.Optional(NamespaceName),
    port: Type.Optional(Port),
  }),
  headerMutation: Type.Optional(HTTPHeaderMutation),
  bodyMutation: Type.Optional(HTTPBodyMutation),
});
type Spec = Type.Static<typeof Spec>;

/** A provider: the API it speaks and where it is. */
export type AIServiceBackend = Resource<Spec>;

/** The address is a Backend of Envoy Gateway; nothing else can carry a host name. */
const backendRefIsABackend: CrossFieldRule<Spec> = ({ backendRef: { group, kind } }) => {
  if (group === "gateway.envoyproxy.io" && kind === "Backend") return [];
  return [{ path: ["backendRef"], reason: "must have group: gateway.envoyproxy.io and kind: Backend" }];
};

/** AIServiceBackend of aigateway.envoyproxy.io. */
export const AI_SERVICE_BACKEND = defineKind({
  kind: "AIServiceBackend",
  group: "aigateway.envoyproxy.io",
  versions: ["v1beta1", "v1alpha1"],
  schema: Spec,
  rules: [backendRefIsABackend],
});
