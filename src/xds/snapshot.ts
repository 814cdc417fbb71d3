/** Envoy's whole configuration at one moment, packed once for every Envoy that asks for it. */
import type { Any } from "@bufbuild/protobuf/wkt";
import type { EnvoyResources } from "./resources.ts";

/** Type URLs of the resources that are served. */
export const TYPE_URLS = {
  clusters: "type.googleapis.com/envoy.config.cluster.v3.Cluster",
  endpoints: "type.googleapis.com/envoy.config.endpoint.v3.ClusterLoadAssignment",
  listeners: "type.googleapis.com/envoy.config.listener.v3.Listener",
  routes: "type.googleapis.com/envoy.config.route.v3.RouteConfiguration",
  secrets: "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.Secret",
} as const satisfies Record<keyof EnvoyResources, string>;

/** A resource as it goes to Envoy. */
export interface PackedResource {
  /** Hash of its bytes. */
  readonly version: string;
  readonly resource: Any;
}

/** Resources of one type by name. */
export type PackedResources = ReadonlyMap<string, PackedResource>;

/** Immutable; two of equal contents have the same version. */
export interface Snapshot {
  readonly version: string;
  /** By type URL. */
  readonly types: ReadonlyMap<string, PackedResources>;
}
