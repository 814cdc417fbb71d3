import type { ResourceStatus, Rule, RuntimeConfig, SchemaName, StatusCondition } from "../config/runtime-config.ts";
import type { EndpointName } from "../endpoints/endpoint.ts";
import { findSchema } from "./registry.ts";

/**
 * Adds the condition EndpointsServed to routes of which a rule has backends that cannot serve what others of it can: whether a
 * request is answered there depends on the backend it comes to.
 */
export function withServedEndpoints({ routes, statuses }: RuntimeConfig): readonly ResourceStatus[] {
  const byRoute = new Map(routes.map(({ id, rules }) => [id, conditionOf(rules)]));
  return statuses.map((status) => {
    const condition = status.kind === "AIGatewayRoute" ? byRoute.get(status.id) : undefined;
    return condition === undefined ? status : { ...status, conditions: [...status.conditions, condition] };
  });
}

function conditionOf(rules: readonly Rule[]): StatusCondition | undefined {
  const gaps = rules.flatMap((rule) => gapsOf(rule).map((gap) => `rule ${rule.name ?? rule.index}: ${gap}`));
  if (gaps.length === 0) return undefined;
  return { type: "EndpointsServed", status: "False", reason: "PartlyServed", message: gaps.join("; ") };
}

/** What each backend of a rule lacks of what the others serve. */
function gapsOf({ backends }: Rule): string[] {
  const served = new Map(backends.map(({ backend }) => [backend.id, endpointsOf(backend.schema.name)]));
  const byAny = new Set([...served.values()].flat());
  return [...served].flatMap(([id, endpoints]) => {
    const missing = [...byAny].filter((endpoint) => !endpoints.includes(endpoint));
    return missing.length === 0 ? [] : [`backend ${id} cannot serve ${missing.join(", ")}`];
  });
}

function endpointsOf(schema: SchemaName): readonly EndpointName[] {
  return Object.keys(findSchema(schema)?.endpoints ?? {}) as EndpointName[];
}
