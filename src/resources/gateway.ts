import * as Type from "typebox";
import { type CrossFieldRule, defineKind } from "./kind.ts";
import type { Resource } from "./resource.ts";
import { Hostname, listMap, NonEmpty, ObjectName, open, Port, SecretRef, unapplied } from "./schema.ts";

const AllowedRoutes = open({
  namespaces: Type.Optional(
    open({
      from: Type.Enum(["All", "Same", "Selector", "None"], { default: "Same" }),
      selector: Type.Optional(Type.Unknown()),
    }),
  ),
  kinds: Type.Optional(Type.Array(open({ group: Type.Optional(Type.String()), kind: NonEmpty }))),
});

const Tls = open({
  mode: Type.Enum(["Terminate", "Passthrough"], { default: "Terminate" }),
  certificateRefs: Type.Optional(Type.Array(SecretRef, { maxItems: 64 })),
  /** Demands certificates of callers. */
  frontendValidation: Type.Optional(Type.Unknown()),
  options: unapplied(),
});

const Listener = open({
  name: ObjectName,
  hostname: Type.Optional(Hostname),
  port: Port,
  protocol: NonEmpty,
  tls: Type.Optional(Tls),
  allowedRoutes: Type.Optional(AllowedRoutes),
});

/** What the Gateway presents to backends that ask for a certificate. */
const BackendTls = open({ clientCertificateRef: Type.Optional(SecretRef) });

const Spec = open({
  gatewayClassName: NonEmpty,
  listeners: listMap(Listener, ["name"], { minItems: 1, maxItems: 64 }),
  addresses: unapplied("is not applied by this gateway: its address is given on the command line"),
  infrastructure: unapplied("configures pods of a cluster; this gateway has none"),
  /** As the experimental channel had it before `tls.backend`. */
  backendTLS: Type.Optional(BackendTls),
  tls: Type.Optional(
    open({
      /** Demands certificates of callers. */
      frontend: Type.Optional(Type.Unknown()),
      backend: Type.Optional(BackendTls),
    }),
  ),
  allowedListeners: unapplied(),
  defaultScope: unapplied(),
});
type Spec = Type.Static<typeof Spec>;

/** Where the gateway listens (https://gateway-api.sigs.k8s.io/api-types/gateway/). */
export type Gateway = Resource<Spec>;
/** One port and hostname of a Gateway. */
export type GatewayListener = Type.Static<typeof Listener>;

/** Port, protocol and hostname tell listeners apart. */
const listenersAreDistinct: CrossFieldRule<Spec> = ({ listeners }) => {
  const identity = ({ port, protocol, hostname = "" }: GatewayListener) => `${port} ${protocol} ${hostname}`;
  return listeners.flatMap((listener, index) => {
    const first = listeners.findIndex((other) => identity(other) === identity(listener));
    if (first === index) return [];
    const reason = `has the port, protocol and hostname of listeners[${first}]; change one of them`;
    return [{ path: ["listeners", index], reason }];
  });
};

/** HTTPS needs certificates, and where they are given the protocol must be one that uses them. */
const tlsComesWithItsProtocol: CrossFieldRule<Spec> = ({ listeners }) =>
  listeners.flatMap(({ protocol, tls }, index) => {
    const path = ["listeners", index, "tls"];
    if (protocol === "HTTP" && tls !== undefined) {
      return [{ path, reason: "must not be given with protocol HTTP; write protocol HTTPS" }];
    }
    if (protocol !== "HTTPS" || tls?.mode === "Passthrough" || (tls?.certificateRefs ?? []).length > 0) return [];
    return [
      { path, reason: "certificateRefs is required with protocol HTTPS; name a Secret with tls.crt and tls.key" },
    ];
  });

/** A port speaks TLS or it does not. */
const portsAreOfOneProtocol: CrossFieldRule<Spec> = ({ listeners }) =>
  listeners.flatMap(({ port, protocol }, index) => {
    const first = listeners.findIndex((other) => other.port === port && isHttp(other));
    const other = listeners[first];
    if (other === undefined || !isHttp({ protocol }) || other.protocol === protocol) return [];
    const reason = `port ${port} has the protocol ${other.protocol} in listeners[${first}]; choose another port`;
    return [{ path: ["listeners", index, "port"], reason }];
  });

function isHttp({ protocol }: Pick<GatewayListener, "protocol">): boolean {
  return protocol === "HTTP" || protocol === "HTTPS";
}

/** Gateway of gateway.networking.k8s.io. */
export const GATEWAY = defineKind({
  kind: "Gateway",
  group: "gateway.networking.k8s.io",
  versions: ["v1", "v1beta1"],
  schema: Spec,
  rules: [listenersAreDistinct, tlsComesWithItsProtocol, portsAreOfOneProtocol],
});
