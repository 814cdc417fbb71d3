import * as Type from "typebox";
import { defineKind } from "./kind.ts";
import { hasOneKindOfTarget } from "./policy-target.ts";
import type { Resource } from "./resource.ts";
import { Duration, open, PolicyTargetRef, unapplied, unappliedFields } from "./schema.ts";

const Spec = open({
  targetRef: Type.Optional(PolicyTargetRef),
  targetRefs: Type.Optional(Type.Array(PolicyTargetRef, { maxItems: 16 })),
  targetSelectors: unapplied("is not applied by this gateway: name the targets in targetRefs"),
  timeout: Type.Optional(
    open({
      tcp: Type.Optional(open({ connectTimeout: Type.Optional(Duration) })),
      http: Type.Optional(
        open({
          requestTimeout: Type.Optional(Duration),
          ...unappliedFields(
            "connectionIdleTimeout",
            "maxConnectionDuration",
            "maxStreamDuration",
            "streamIdleTimeout",
          ),
        }),
      ),
    }),
  ),
  ...unappliedFields(
    "mergeType",
    "retry",
    "rateLimit",
    "healthCheck",
    "circuitBreaker",
    "loadBalancer",
    "proxyProtocol",
    "tcpKeepalive",
    "connection",
    "dns",
    "http2",
    "faultInjection",
    "useClientProtocol",
    "compression",
    "compressor",
    "responseOverride",
    "httpUpgrade",
    "requestBuffer",
    "telemetry",
    "routingType",
  ),
});

/** How the gateway talks to the backends of a route or of a whole Gateway
 * (https://gateway.envoyproxy.io/latest/api/extension_types/#backendtrafficpolicy). */
export type BackendTrafficPolicy = Resource<Type.Static<typeof Spec>>;

/** BackendTrafficPolicy of gateway.envoyproxy.io. */
export const BACKEND_TRAFFIC_POLICY = defineKind({
  kind: "BackendTrafficPolicy",
  group: "gateway.envoyproxy.io",
  versions: ["v1alpha1"],
  schema: Spec,
  rules: [hasOneKindOfTarget],
});
