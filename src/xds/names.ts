/** Names that the parts of Envoy's configuration know each other by, and that its users know from dashboards and logs. */
import type { AnyJson } from "@bufbuild/protobuf/wkt";
import type { BackendRef, Route, Rule } from "../config/runtime-config.ts";

/** The cluster of our external processor. */
export const PROCESSOR_CLUSTER = "aigw-processor";
/** A cluster without endpoints: where requests go that nobody has routed. */
export const NOWHERE_CLUSTER = "aigw-none";

/** The backendRefs of a rule that can be chosen at all. */
export function usableRefs({ backends }: Rule): readonly BackendRef[] {
  return backends.filter(({ weight }) => weight > 0);
}

/** What statistics and access logs call the cluster of a rule. */
export function clusterStatName(route: Route, rule: Rule): string {
  return `httproute/${route.id}/rule/${rule.index}`;
}

/**
 * The cluster of a rule. Its name changes with the rule's key, so that a reload never puts other backends under a request that
 * was signed for the old ones.
 */
export function clusterName(route: Route, rule: Rule): string {
  return `${clusterStatName(route, rule)}${rule.key.slice(rule.key.lastIndexOf("@"))}`;
}

/** The JSON form of an extension's configuration: a message that says its type. */
export function typed<Message extends object>(type: string, message: Message): AnyJson {
  return { "@type": `type.googleapis.com/${type}`, ...message };
}

/** Type of a cluster's HTTP options, and the name they stand under. */
export const PROTOCOL_OPTIONS = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions";

/** The JSON form of a duration. */
export function duration(ms: number): string {
  return `${ms / 1000}s`;
}
