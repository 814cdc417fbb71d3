/** Load balancing of a BackendTrafficPolicy
 * (https://gateway.envoyproxy.io/latest/api/extension_types/#loadbalancer). */
import * as Type from "typebox";
import type { CrossFieldRule } from "./kind.ts";
import { HeaderName, open, unapplied, unappliedFields } from "./schema.ts";

const Header = open({ name: HeaderName });

/** How an endpoint is chosen among those of a backend. */
export const LoadBalancer = open({
  type: Type.Enum(["ConsistentHash", "LeastRequest", "Random", "RoundRobin", "BackendUtilization", "DynamicModule"]),
  consistentHash: Type.Optional(
    open({
      type: Type.Enum(["SourceIP", "Header", "Headers", "Cookie", "QueryParams"]),
      header: Type.Optional(Header),
      headers: Type.Optional(Type.Array(Header, { minItems: 1 })),
      cookie: Type.Optional(Type.Unknown()),
      queryParams: Type.Optional(Type.Unknown()),
      tableSize: unapplied(),
    }),
  ),
  ...unappliedFields("backendUtilization", "endpointOverride", "slowStart", "zoneAware"),
});

interface Balanced {
  readonly loadBalancer?: Type.Static<typeof LoadBalancer>;
}

/** A consistent hash says what of. */
export const balancingIsComplete: CrossFieldRule<Balanced> = ({ loadBalancer }) => {
  if (loadBalancer?.type !== "ConsistentHash") return [];
  const path = ["loadBalancer", "consistentHash"];
  const { consistentHash: hash } = loadBalancer;
  if (hash === undefined) return [{ path, reason: "is required with type ConsistentHash" }];
  if (hash.type === "Header" && hash.header === undefined) {
    return [{ path: [...path, "header"], reason: "is required with type Header" }];
  }
  if (hash.type === "Headers" && hash.headers === undefined) {
    return [{ path: [...path, "headers"], reason: "is required with type Headers" }];
  }
  return [];
};
