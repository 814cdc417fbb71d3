/** Everything as one file, for an Envoy that somebody else runs and for looking at. */
import { stringify } from "yaml";
import type { RuntimeConfig } from "../config/runtime-config.ts";
import type { BootstrapJson } from "../gen/envoy/config/bootstrap/v3/bootstrap_pb.ts";
import type { ClusterJson } from "../gen/envoy/config/cluster/v3/cluster_pb.ts";
import { fromAny, toAny } from "./any.ts";
import { envoyItself } from "./bootstrap.ts";
import { listenerResources } from "./listener.ts";
import { envoyResources, listenerOptions, type XdsOptions } from "./resources.ts";

/**
 * The whole configuration as a static bootstrap in YAML, its fields named as in Envoy's documentation; private keys of listeners
 * are in it.
 */
export function staticBootstrap(config: RuntimeConfig, options: XdsOptions & { readonly adminPort: number }): string {
  const { routes, clusters, endpoints, secrets } = envoyResources(config, options);
  const bootstrap: BootstrapJson = {
    node: { id: "aigw", cluster: "aigw" },
    ...envoyItself(options.adminPort),
    staticResources: {
      listeners: config.listeners.flatMap((listener) =>
        listenerResources(listener, listenerOptions(config, options), {
          routes: ({ name }) => ({ routeConfig: routes.get(name) ?? {} }),
          // A secret without a source is looked for in this file.
          secret: (name) => ({ name }),
        }),
      ),
      clusters: [...clusters.values()].map((cluster): ClusterJson => {
        const { edsClusterConfig, ...rest } = cluster;
        const loadAssignment = endpoints.get(cluster.name ?? "");
        if (edsClusterConfig === undefined || loadAssignment === undefined) return cluster;
        return { ...rest, type: "STATIC", loadAssignment };
      }),
      secrets: [...secrets.values()],
    },
  };
  const { "@type": _, ...documented } = fromAny(toAny("envoy.config.bootstrap.v3.Bootstrap", bootstrap)) as object & {
    "@type"?: string;
  };
  return stringify(documented, { aliasDuplicateObjects: false, lineWidth: 0 });
}
