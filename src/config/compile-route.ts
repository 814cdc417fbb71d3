/** From an AIGatewayRoute to a route that can be matched. */
import { createHash } from "node:crypto";
import {
  type AIGatewayRoute,
  type AIGatewayRouteBackendRef,
  type AIGatewayRouteRule,
  STRICT_TRANSLATION_ANNOTATION,
} from "../resources/ai-gateway-route.ts";
import { durationMs } from "../resources/duration.ts";
import { faultAt, idOf } from "../resources/field-path.ts";
import type { LLMRequestCost } from "../resources/llm-request-cost.ts";
import type { FieldPath, Resource } from "../resources/resource.ts";
import type { CallerAuth } from "./callers.ts";
import type { Compilation } from "./compilation.ts";
import { mergeBodyMutations, mergeHeaderMutations } from "./merge-mutations.ts";
import type { References } from "./references.ts";
import { regexFault } from "./regex-fault.ts";
import type { Backends } from "./resolve-backend.ts";
import type { BackendRef, BodyMutation, CostRule, HeaderMatch, HeaderMutation, Route, Rule } from "./runtime-config.ts";
import type { TrafficPolicy } from "./traffic-policy.ts";

const ROUTE = { group: "aigateway.envoyproxy.io", kind: "AIGatewayRoute" };
const POOL_REFUSAL = "InferencePool backends are not supported yet";

/** What a route is compiled with. */
export interface RouteContext {
  readonly compilation: Compilation;
  readonly references: References;
  readonly backends: Backends;
  readonly traffic: TrafficPolicy | undefined;
  readonly callers: CallerAuth | undefined;
  /** Creation time of models whose route has none, in Unix seconds. */
  readonly loadedAt: number;
}

/** Compiles a route; what is wrong in it is left out after a fault. */
export function compileRoute(route: AIGatewayRoute, hostnames: readonly string[], context: RouteContext): Route {
  return {
    id: idOf(route),
    hostnames,
    rules: route.spec.rules.map((rule, index) => compileRule(route, rule, index, context)),
    costs: compileCosts(route, ["spec", "llmRequestCosts"], route.spec.llmRequestCosts ?? []),
    strictTranslation: isStrict(route, context),
    traffic: context.traffic,
    callers: context.callers,
  };
}

function isStrict(route: AIGatewayRoute, { compilation }: RouteContext): boolean {
  const value = route.metadata.annotations[STRICT_TRANSLATION_ANNOTATION];
  if (value !== undefined && value !== "true" && value !== "false") {
    const path = ["metadata", "annotations", STRICT_TRANSLATION_ANNOTATION];
    compilation.fault(route, path, `${JSON.stringify(value)} is neither "true" nor "false"`);
  }
  return value === "true";
}

/** Cost rules, to be prepared where they are used: `fault` gives what is found then its place. */
export function compileCosts(
  resource: Resource<unknown>,
  path: FieldPath,
  costs: readonly LLMRequestCost[],
): CostRule[] {
  return costs.map(({ metadataKey, type, cel }, index): CostRule => {
    // Located now, so that the text need not be kept as long as the configuration is in force.
    const located = faultAt(resource, [...path, index, cel === undefined ? "type" : "cel"], "");
    return { metadataKey, type, cel, fault: (reason) => ({ ...located, reason }) };
  });
}

function compileRule(route: AIGatewayRoute, rule: AIGatewayRouteRule, index: number, context: RouteContext): Rule {
  const path = ["spec", "rules", index];
  const { modelsCreatedAt } = rule;
  const backends = (rule.backendRefs ?? []).flatMap((ref, position) => {
    const compiled = compileRef(route, ref, { rule: index, ref: position }, context);
    return compiled === undefined ? [] : [compiled];
  });
  return {
    name: rule.name,
    index,
    key: `${idOf(route)}/${index}@${hashOf(backends)}`,
    matches: (rule.matches ?? []).map(({ headers = [] }, match) =>
      compileMatch(route, headers, [...path, "matches", match, "headers"], context.compilation),
    ),
    backends,
    timeouts: {
      // Undefined where nobody said anything: a limit nobody chose (60 s in a cluster) cuts streams that are well.
      requestMs: durationMs(rule.timeouts?.request ?? "") ?? context.traffic?.timeouts.requestMs,
      backendRequestMs: durationMs(rule.timeouts?.backendRequest ?? ""),
      streamIdleMs: durationMs(rule.streamIdleTimeout ?? "") ?? context.traffic?.timeouts.streamIdleMs,
    },
    modelsOwnedBy: rule.modelsOwnedBy,
    modelsCreatedAt:
      modelsCreatedAt === undefined
        ? (route.metadata.creationTimestamp ?? context.loadedAt)
        : Math.floor(Date.parse(modelsCreatedAt) / 1000),
  };
}

const HASH_CHARS = 10;

/** Tells sets of backends apart by where requests go. */
function hashOf(backends: readonly BackendRef[]): string {
  const parts = backends.map(({ id, backend, weight, priority }) => [
    id,
    backend.id,
    backend.upstream,
    weight,
    priority,
  ]);
  return createHash("sha256").update(JSON.stringify(parts)).digest("hex").slice(0, HASH_CHARS);
}

function compileMatch(
  route: AIGatewayRoute,
  headers: readonly HeaderMatch[],
  path: FieldPath,
  compilation: Compilation,
): HeaderMatch[] {
  return headers.map(({ name, type, value }, index) => {
    const why = type === "RegularExpression" ? regexFault(value) : undefined;
    if (why !== undefined) {
      compilation.fault(route, [...path, index, "value"], `is no RE2 regular expression: ${why}`);
    }
    return { name: name.toLowerCase(), type, value };
  });
}

function compileRef(
  route: AIGatewayRoute,
  ref: AIGatewayRouteBackendRef,
  at: { rule: number; ref: number },
  { compilation, references, backends, traffic }: RouteContext,
): BackendRef | undefined {
  if (ref.kind !== undefined) {
    compilation.refuse(route, POOL_REFUSAL);
    return undefined;
  }
  const resource = references.resolve({
    from: route,
    path: ["spec", "rules", at.rule, "backendRefs", at.ref],
    kind: "AIServiceBackend",
    name: ref.name,
    namespace: ref.namespace,
    grantedTo: [ROUTE],
  });
  const backend = resource && backends.get(resource);
  if (resource === undefined || backend === undefined) return undefined;
  const { upstream } = backend;
  const connectTimeoutMs = traffic?.timeouts.connectMs ?? upstream.connectTimeoutMs;
  return {
    // The namespace is the route's even where the backend is in another one: access logs and cost rules know it so.
    id: `${route.metadata.namespace}/${ref.name}/route/${route.metadata.name}/rule/${at.rule}/ref/${at.ref}`,
    backend: { ...backend, upstream: { ...upstream, connectTimeoutMs } },
    weight: ref.weight,
    priority: ref.priority,
    modelNameOverride: ref.modelNameOverride || undefined,
    headerMutation: mergeHeaderMutations(
      headerMutation(resource.spec.headerMutation),
      headerMutation(ref.headerMutation),
    ),
    bodyMutation: mergeBodyMutations(bodyMutation(resource.spec.bodyMutation), bodyMutation(ref.bodyMutation)),
  };
}

type WrittenHeaderMutation = AIGatewayRouteBackendRef["headerMutation"];
type WrittenBodyMutation = AIGatewayRouteBackendRef["bodyMutation"];

function headerMutation(written: WrittenHeaderMutation): HeaderMutation | undefined {
  if (written === undefined) return undefined;
  return {
    set: (written.set ?? []).map(({ name, value }) => ({ name: name.toLowerCase(), value })),
    remove: (written.remove ?? []).map((name) => name.toLowerCase()),
  };
}

function bodyMutation(written: WrittenBodyMutation): BodyMutation | undefined {
  return written && { set: written.set ?? [], remove: written.remove ?? [] };
}
