/**
 * Envoy's configuration from ours, as plain data in Envoy's own JSON (https://www.envoyproxy.io/docs/envoy/latest/api-v3/api):
 * one file per resource type, this one puts them together. Pure: the same RuntimeConfig gives the same resources.
 *
 * Envoy does what it is good at (sockets, TLS, connection pools, retries, outlier detection); every decision about a request is
 * our processor's, which tells Envoy the rule it has chosen in a header that the route table matches exactly.
 */
import type { RuntimeConfig } from "../config/runtime-config.ts";
import type { ClusterJson } from "../gen/envoy/config/cluster/v3/cluster_pb.ts";
import type { ClusterLoadAssignmentJson } from "../gen/envoy/config/endpoint/v3/endpoint_pb.ts";
import type { ListenerJson } from "../gen/envoy/config/listener/v3/listener_pb.ts";
import type { RouteConfigurationJson } from "../gen/envoy/config/route/v3/route_pb.ts";
import type { SecretJson } from "../gen/envoy/extensions/transport_sockets/tls/v3/secret_pb.ts";
import { nowhereCluster, processorCluster, ruleCluster } from "./cluster.ts";
import { isNamed, ruleEndpoints } from "./endpoints.ts";
import { type Delivery, listenerResources } from "./listener.ts";
import { clusterName, usableRefs } from "./names.ts";
import type { ProcessorTls } from "./processor-tls.ts";
import { type RateLimitService, rateLimitCluster } from "./rate-limit.ts";
import { routeConfiguration } from "./route.ts";
import { listenerSecrets } from "./secret.ts";

/** What the configuration does not say about the Envoy that serves it. */
export interface XdsOptions {
  /** Address that listeners are bound to. */
  readonly bindAddress: string;
  /** Port of every listener instead of its own; 0 = chosen by the system. */
  readonly portOverride?: number | undefined;
  /** Where the processor listens: a Unix socket's path or `host:port` per worker process. */
  readonly processor: { readonly sockets: readonly string[]; readonly tls?: ProcessorTls | undefined };
  /** How long the processor may take for one message. */
  readonly messageTimeoutMs: number;
  /** File with the CAs that providers are verified by. */
  readonly systemCaPath: string;
  /** Undefined = Envoy counts nothing. */
  readonly rateLimitService?: RateLimitService | undefined;
}

/** Resources by name, as the discovery service serves them. */
export interface EnvoyResources {
  readonly listeners: ReadonlyMap<string, ListenerJson>;
  readonly routes: ReadonlyMap<string, RouteConfigurationJson>;
  readonly clusters: ReadonlyMap<string, ClusterJson>;
  readonly endpoints: ReadonlyMap<string, ClusterLoadAssignmentJson>;
  readonly secrets: ReadonlyMap<string, SecretJson>;
}

const ADS = { ads: {}, resourceApiVersion: "V3" } as const;

/** Everything but the listeners' own resources comes by name over the stream that brought them. */
const BY_NAME: Delivery = {
  routes: ({ name }) => ({ rds: { routeConfigName: name, configSource: ADS } }),
  secret: (name) => ({ name, sdsConfig: ADS }),
};

/** Options of the listeners of a configuration. */
export function listenerOptions({ limits }: RuntimeConfig, options: XdsOptions) {
  const looked = limits.flatMap(({ conditions, per }) => [...conditions.map(({ attribute }) => attribute), ...per]);
  return { ...options, tellsAddress: looked.some(({ from }) => from === "address") };
}

/** All resources of a configuration. */
export function envoyResources(config: RuntimeConfig, options: XdsOptions): EnvoyResources {
  const rules = config.routes.flatMap((route) =>
    route.rules.filter((rule) => usableRefs(rule).length > 0).map((rule) => ({ route, rule })),
  );
  const clusters = rules.map(({ route, rule }) => ruleCluster(route, rule, options));
  const { rateLimitService } = options;
  const countedThere = rateLimitService === undefined ? [] : config.limits;
  const { sockets, tls } = options.processor;
  if (rateLimitService !== undefined) clusters.push(rateLimitCluster(rateLimitService));
  clusters.push(processorCluster(sockets, tls), nowhereCluster());
  return {
    listeners: byName(
      config.listeners.flatMap((listener) => listenerResources(listener, listenerOptions(config, options), BY_NAME)),
    ),
    routes: byName(config.listeners.map((listener) => routeConfiguration(listener, countedThere))),
    clusters: byName(clusters),
    endpoints: new Map(
      rules
        .filter(({ rule }) => !isNamed(rule))
        .map(({ route, rule }) => [clusterName(route, rule), ruleEndpoints(route, rule)]),
    ),
    secrets: byName(config.listeners.flatMap(listenerSecrets)),
  };
}

function byName<Resource extends { name?: string }>(resources: readonly Resource[]): ReadonlyMap<string, Resource> {
  return new Map(resources.map((resource) => [resource.name ?? "", resource]));
}
