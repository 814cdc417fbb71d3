/** What Envoy starts with: who it is, where its configuration comes from, and limits for itself. */
import type { BootstrapJson } from "../gen/envoy/config/bootstrap/v3/bootstrap_pb.ts";
import { duration, PROTOCOL_OPTIONS, typed } from "./names.ts";

/** The cluster of our discovery service. */
const XDS_CLUSTER = "aigw-xds";
/** Connections from callers that one Envoy takes. */
const CONNECTIONS_MAX = 50_000;
/** How long DNS may take before what is known so far is used: a provider whose name does not resolve must not hold up others. */
const DNS_SECONDS = 2;
const DNS_TRIES = 2;

/** What is different in each Envoy. */
export interface BootstrapOptions {
  readonly nodeId: string;
  /** Unix socket of the discovery service. */
  readonly xdsSocket: string;
  /** Port of Envoy's own admin page, on the loopback; 0 = chosen by the system. */
  readonly adminPort: number;
}

/** The bootstrap of an Envoy that gets everything else from our discovery service. */
export function bootstrap({ nodeId, xdsSocket, adminPort }: BootstrapOptions): BootstrapJson {
  const ads = { ads: {}, resourceApiVersion: "V3" } as const;
  return {
    node: { id: nodeId, cluster: "aigw" },
    ...envoyItself(adminPort),
    dynamicResources: {
      adsConfig: {
        apiType: "DELTA_GRPC",
        transportApiVersion: "V3",
        setNodeOnFirstMessageOnly: true,
        grpcServices: [{ envoyGrpc: { clusterName: XDS_CLUSTER } }],
      },
      cdsConfig: ads,
      ldsConfig: ads,
    },
    staticResources: {
      clusters: [
        {
          name: XDS_CLUSTER,
          type: "STATIC",
          connectTimeout: duration(5_000),
          loadAssignment: {
            clusterName: XDS_CLUSTER,
            endpoints: [{ lbEndpoints: [{ endpoint: { address: { pipe: { path: xdsSocket } } } }] }],
          },
          typedExtensionProtocolOptions: {
            [PROTOCOL_OPTIONS]: typed(PROTOCOL_OPTIONS, {
              explicitHttpConfig: {
                http2ProtocolOptions: { connectionKeepalive: { interval: "30s", timeout: "5s" } },
              },
            }),
          },
        },
      ],
    },
  };
}

/** The part that does not depend on where the configuration comes from. */
export function envoyItself(adminPort: number): BootstrapJson {
  return {
    admin: { address: { socketAddress: { address: "127.0.0.1", portValue: adminPort } } },
    layeredRuntime: {
      layers: [
        {
          name: "aigw",
          staticLayer: {
            // Ends calls to the processor without a reset, of which HTTP/2 servers take only so many.
            "envoy.reloadable_features.ext_proc_graceful_grpc_close": true,
          },
        },
      ],
    },
    typedDnsResolverConfig: {
      name: "envoy.network.dns_resolver.cares",
      typedConfig: typed("envoy.extensions.network.dns_resolver.cares.v3.CaresDnsResolverConfig", {
        queryTimeoutSeconds: DNS_SECONDS,
        queryTries: DNS_TRIES,
      }),
    },
    overloadManager: {
      resourceMonitors: [
        {
          name: "envoy.resource_monitors.global_downstream_max_connections",
          typedConfig: typed(
            "envoy.extensions.resource_monitors.downstream_connections.v3.DownstreamConnectionsConfig",
            { maxActiveDownstreamConnections: String(CONNECTIONS_MAX) },
          ),
        },
      ],
    },
  };
}
