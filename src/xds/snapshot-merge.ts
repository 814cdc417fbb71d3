/** What Envoy has while one configuration takes the place of another. */
import type { RouteConfigurationJson } from "../gen/envoy/config/route/v3/route_pb.ts";
import type { EnvoyResources } from "./resources.ts";

/**
 * The next configuration with what the previous one had beside it. Names of clusters and what routes match change with what they
 * stand for, so requests that were routed by either of them find their way.
 */
export function mergeResources(previous: EnvoyResources, next: EnvoyResources): EnvoyResources {
  const routes = new Map(next.routes);
  for (const [name, before] of previous.routes) {
    const after = next.routes.get(name);
    routes.set(name, after === undefined ? before : mergeRoutes(before, after));
  }
  return {
    // Of listeners only the next ones: two cannot have the same address, and a port that is closed asks for nothing.
    listeners: next.listeners,
    routes,
    clusters: new Map([...previous.clusters, ...next.clusters]),
    endpoints: new Map([...previous.endpoints, ...next.endpoints]),
    secrets: new Map([...previous.secrets, ...next.secrets]),
  };
}

/** Each virtual host's last route takes whatever no other has taken, so it stays the last. */
function mergeRoutes(previous: RouteConfigurationJson, next: RouteConfigurationJson): RouteConfigurationJson {
  const before = new Map(previous.virtualHosts?.map((host) => [host.name, host.routes ?? []]));
  const virtualHosts = next.virtualHosts?.map((host) => {
    const routes = host.routes ?? [];
    const matched = new Set(routes.map(({ match }) => JSON.stringify(match)));
    const kept = (before.get(host.name) ?? []).filter(({ match }) => !matched.has(JSON.stringify(match)));
    return { ...host, routes: [...routes.slice(0, -1), ...kept, ...routes.slice(-1)] };
  });
  return { ...next, ...(virtualHosts && { virtualHosts }) };
}
