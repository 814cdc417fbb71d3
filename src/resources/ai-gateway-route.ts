import * as Type from "typebox";
import { durationMs } from "./duration.ts";
import { type CrossFieldRule, defineKind, type Violation } from "./kind.ts";
import { celViolation, LLMRequestCost } from "./llm-request-cost.ts";
import { HTTPBodyMutation, HTTPHeaderMutation } from "./mutations.ts";
import type { Resource } from "./resource.ts";
import {
  Duration,
  HeaderName,
  Hostname,
  listMap,
  NamespaceName,
  NonEmpty,
  ObjectName,
  object,
  Port,
} from "./schema.ts";

const ParentRef = object({
  group: Type.String({ default: "gateway.networking.k8s.io" }),
  kind: Type.String({ default: "Gateway" }),
  namespace: Type.Optional(NamespaceName),
  name: ObjectName,
  sectionName: Type.Optional(NonEmpty),
  port: Type.Optional(Port),
});

const BackendRef = object({
  name: NonEmpty,
  namespace: Type.Optional(NamespaceName),
  group: Type.Optional(Type.String()),
  kind: Type.Optional(Type.String()),
  modelNameOverride: Type.Optional(Type.String()),
  headerMutation: Type.Optional(HTTPHeaderMutation),
  bodyMutation: Type.Optional(HTTPBodyMutation),
  weight: Type.Integer({ minimum: 0, maximum: 2 ** 31 - 1, default: 1 }),
  priority: Type.Integer({ minimum: 0, maximum: 2 ** 32 - 1, default: 0 }),
});

const HeaderMatch = object({
  type: Type.Enum(["Exact", "RegularExpression"], { default: "Exact" }),
  name: HeaderName,
  value: Type.String({ minLength: 1, maxLength: 4096 }),
});

const Rule = object({
  name: Type.Optional(ObjectName),
  backendRefs: Type.Optional(Type.Array(BackendRef, { maxItems: 128 })),
  matches: Type.Optional(
    Type.Array(object({ headers: Type.Optional(listMap(HeaderMatch, ["name"], { maxItems: 16 })) }), { maxItems: 128 }),
  ),
  timeouts: Type.Optional(object({ request: Type.Optional(Duration), backendRequest: Type.Optional(Duration) })),
  streamIdleTimeout: Type.Optional(Duration),
  modelsOwnedBy: Type.String({ default: "Envoy AI Gateway" }),
  modelsCreatedAt: Type.Optional(Type.String()),
});

const Spec = object({
  parentRefs: Type.Optional(Type.Array(ParentRef, { maxItems: 16 })),
  hostnames: Type.Optional(Type.Array(Hostname, { maxItems: 16 })),
  rules: Type.Array(Rule, { maxItems: 15 }),
  llmRequestCosts: Type.Optional(Type.Array(LLMRequestCost, { maxItems: 36 })),
});
type Spec = Type.Static<typeof Spec>;

/** Annotation of a route: "true" = a request that cannot be told to a backend in full is refused. */
export const STRICT_TRANSLATION_ANNOTATION = "aigateway.envoyproxy.io/strict-translation";

/** Which requests go to which backends. */
export type AIGatewayRoute = Resource<Spec>;
/** One rule of a route. */
export type AIGatewayRouteRule = Type.Static<typeof Rule>;
/** One backend of a rule. */
export type AIGatewayRouteBackendRef = Type.Static<typeof BackendRef>;

const RESERVED_RULE_NAME = "route-not-found";
const POOL = { group: "inference.networking.k8s.io", kind: "InferencePool" };
const RFC3339 = /^\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:\d\d)$/;

/** Parents are Gateways. */
const parentsAreGateways: CrossFieldRule<Spec> = ({ parentRefs = [] }) =>
  parentRefs.flatMap(({ kind, group }, index) => {
    if (kind === "Gateway" && group === "gateway.networking.k8s.io") return [];
    const field = kind === "Gateway" ? "group" : "kind";
    return [
      { path: ["parentRefs", index, field], reason: "only a Gateway of gateway.networking.k8s.io can be a parent" },
    ];
  });

/** Names of rules are unique within their route. */
const ruleNamesAreUnique: CrossFieldRule<Spec> = ({ rules }) =>
  rules.flatMap(({ name }, index) => {
    const first = rules.findIndex((other) => other.name === name);
    if (name === undefined || first === index) return [];
    return [
      { path: ["rules", index, "name"], reason: `"${name}" is already the name of rules[${first}]; choose another` },
    ];
  });

/** One rule name belongs to the rule that is generated in the cluster. */
const ruleNameIsNotReserved: CrossFieldRule<Spec> = ({ rules }) =>
  rules.flatMap(({ name }, index) =>
    name === RESERVED_RULE_NAME
      ? [{ path: ["rules", index, "name"], reason: `"${RESERVED_RULE_NAME}" is reserved; choose another` }]
      : [],
  );

/** Group and kind of a backend come together and name an InferencePool. */
const backendRefsAreOfAKnownKind: CrossFieldRule<Spec> = ({ rules }) =>
  rules.flatMap(({ backendRefs = [] }, rule) =>
    backendRefs.flatMap(({ group, kind }, ref): Violation[] => {
      const path = ["rules", rule, "backendRefs", ref];
      if (group === undefined && kind === undefined) return [];
      if (group === undefined || kind === undefined) {
        return [{ path, reason: "group and kind must come together; leave both out for an AIServiceBackend" }];
      }
      if (group === POOL.group && kind === POOL.kind) return [];
      const reason = `only an ${POOL.kind} of ${POOL.group} can be named by group and kind; leave both out for an AIServiceBackend`;
      return [{ path: [...path, kind === POOL.kind ? "group" : "kind"], reason }];
    }),
  );

/** An InferencePool is the only backend of its rule. */
const poolStandsAlone: CrossFieldRule<Spec> = ({ rules }) =>
  rules.flatMap(({ backendRefs = [] }, rule) => {
    const pool = backendRefs.findIndex(({ kind }) => kind === POOL.kind);
    if (pool === -1 || backendRefs.length === 1) return [];
    return [
      { path: ["rules", rule, "backendRefs", pool], reason: "an InferencePool must be the only backend of its rule" },
    ];
  });

/** A try cannot take longer than the request it belongs to, unless that has no limit. */
const triesFitIntoRequest: CrossFieldRule<Spec> = ({ rules }) =>
  rules.flatMap(({ timeouts }, rule) => {
    const request = durationMs(timeouts?.request ?? "");
    const backendRequest = durationMs(timeouts?.backendRequest ?? "");
    if (request === undefined || backendRequest === undefined || request === 0 || backendRequest <= request) return [];
    const reason = `must not be longer than timeouts.request (${timeouts?.request})`;
    return [{ path: ["rules", rule, "timeouts", "backendRequest"], reason }];
  });

/** A creation time is a date and time of RFC 3339. */
const createdAtIsATime: CrossFieldRule<Spec> = ({ rules }) =>
  rules.flatMap(({ modelsCreatedAt: time }, rule) => {
    if (time === undefined || (RFC3339.test(time) && !Number.isNaN(Date.parse(time)))) return [];
    const reason = "must be a date and time such as 2025-01-31T12:00:00Z";
    return [{ path: ["rules", rule, "modelsCreatedAt"], reason }];
  });

/** A cost of type CEL has an expression, and only that type has one. */
const celComesWithItsType: CrossFieldRule<Spec> = ({ llmRequestCosts = [] }) =>
  llmRequestCosts.flatMap((cost, index) => celViolation(cost, ["llmRequestCosts", index]));

/** AIGatewayRoute of aigateway.envoyproxy.io. */
export const AI_GATEWAY_ROUTE = defineKind({
  kind: "AIGatewayRoute",
  group: "aigateway.envoyproxy.io",
  versions: ["v1beta1", "v1alpha1"],
  schema: Spec,
  rules: [
    parentsAreGateways,
    ruleNamesAreUnique,
    ruleNameIsNotReserved,
    backendRefsAreOfAKnownKind,
    poolStandsAlone,
    triesFitIntoRequest,
    createdAtIsATime,
    celComesWithItsType,
  ],
});
