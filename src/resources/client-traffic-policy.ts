import * as Type from "typebox";
import { defineKind } from "./kind.ts";
import { hasOneKindOfTarget } from "./policy-target.ts";
import type { Resource } from "./resource.ts";
import { open, PolicyTargetRef, Quantity, unapplied, unappliedFields } from "./schema.ts";

const Spec = open({
  targetRef: Type.Optional(PolicyTargetRef),
  targetRefs: Type.Optional(Type.Array(PolicyTargetRef, { maxItems: 16 })),
  targetSelectors: unapplied("is not applied by this gateway: name the targets in targetRefs"),
  connection: Type.Optional(
    open({
      bufferLimit: Type.Optional(Quantity),
      ...unappliedFields("connectionLimit", "socketBufferLimit", "maxAcceptPerSocketEvent"),
    }),
  ),
  tls: Type.Optional(
    open({
      /** Demands certificates of callers. */
      clientValidation: Type.Optional(Type.Unknown()),
      ...unappliedFields(
        "minVersion",
        "maxVersion",
        "ciphers",
        "ecdhCurves",
        "signatureAlgorithms",
        "alpnProtocols",
        "fingerprints",
        "session",
      ),
    }),
  ),
  /** Its being there switches HTTP/3 on. */
  http3: Type.Optional(open({})),
  ...unappliedFields(
    "timeout",
    "clientIPDetection",
    "headers",
    "tcpKeepalive",
    "enableProxyProtocol",
    "proxyProtocol",
    "path",
    "http1",
    "http2",
    "healthCheck",
    "scheme",
  ),
});

/** How the gateway talks to its callers
 * (https://gateway.envoyproxy.io/latest/api/extension_types/#clienttrafficpolicy). */
export type ClientTrafficPolicy = Resource<Type.Static<typeof Spec>>;

/** ClientTrafficPolicy of gateway.envoyproxy.io. */
export const CLIENT_TRAFFIC_POLICY = defineKind({
  kind: "ClientTrafficPolicy",
  group: "gateway.envoyproxy.io",
  versions: ["v1alpha1"],
  schema: Spec,
  rules: [hasOneKindOfTarget],
});
