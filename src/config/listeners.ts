/** What the served Gateway listens on: which of its listeners can be served, and the ports they make. */
import { idOf } from "../resources/field-path.ts";
import type { Gateway, GatewayListener } from "../resources/gateway.ts";
import { certificatesOf } from "./certificates.ts";
import type { Compilation } from "./compilation.ts";
import type { References } from "./references.ts";
import type { Listener, ListenerCertificate } from "./runtime-config.ts";
import { BODY_BYTES_MAX, bodyBytesMax, clientPolicyOf } from "./traffic-policies.ts";

/** Port on which a configuration without Gateway is served. */
export const DEFAULT_PORT = 1975;

/** A port before its routes are known. */
export type Port = Omit<Listener, "routes">;

const DEFAULT: Port = {
  name: "default",
  port: DEFAULT_PORT,
  hostname: undefined,
  bodyBytesMax: BODY_BYTES_MAX,
  tls: undefined,
  http3: false,
};

/** The listeners that can be served; the status of their Gateway says why others cannot. */
export function servedListeners(gateway: Gateway, compilation: Compilation): GatewayListener[] {
  return gateway.spec.listeners.filter((listener) => {
    const why = whyNotServed(gateway, listener, compilation);
    if (why !== undefined) compilation.refuse(gateway, `listener ${listener.name} is not served: ${why}`);
    return why === undefined;
  });
}

function whyNotServed(
  gateway: Gateway,
  { name, protocol, tls }: GatewayListener,
  compilation: Compilation,
): string | undefined {
  if (protocol === "HTTP") return undefined;
  if (protocol !== "HTTPS") return `protocol ${protocol} is not supported yet, write HTTP or HTTPS`;
  if (tls?.mode === "Passthrough") return "TLS mode Passthrough is not supported: requests must be read to be routed";
  // Without these checks whoever reaches the port would be let in.
  if (tls?.frontendValidation !== undefined || gateway.spec.tls?.frontend !== undefined) {
    return "client certificates are not supported yet";
  }
  const policy = clientPolicyOf(gateway, name, compilation);
  if (policy?.spec.tls?.clientValidation === undefined) return undefined;
  return `client certificates (ClientTrafficPolicy ${idOf(policy)}) are not supported yet`;
}

/** Every port to listen on; listeners that share a port are one here. */
export function compilePorts(
  gateway: Gateway | undefined,
  served: readonly GatewayListener[],
  compilation: Compilation,
  references: References,
): Port[] {
  if (gateway === undefined) return [DEFAULT];
  const byPort = new Map<number, Port>();
  for (const listener of served) {
    const { name, port, hostname, protocol } = listener;
    const policy = clientPolicyOf(gateway, name, compilation);
    const tls =
      protocol === "HTTPS" ? { certificates: certificatesOf(gateway, listener, compilation, references) } : undefined;
    const http3 = tls !== undefined && policy?.spec.http3 !== undefined;
    const alone = { name, port, hostname, bodyBytesMax: bodyBytesMax(policy), tls, http3 };
    const first = byPort.get(port);
    byPort.set(port, first === undefined ? alone : joined(first, alone));
  }
  return [...byPort.values()];
}

/** Two listeners of one port and protocol; hostnames are told apart by routes and certificates from here on. */
function joined(first: Port, other: Port): Port {
  const certificates = [...(first.tls?.certificates ?? []), ...(other.tls?.certificates ?? [])];
  return {
    ...first,
    hostname: undefined,
    bodyBytesMax: Math.max(first.bodyBytesMax, other.bodyBytesMax),
    tls: first.tls && { certificates: certificates.toSorted(bySpecificity) },
    http3: first.http3 || other.http3,
  };
}

/** The first that fits is presented: names go before wildcards, longer wildcards before shorter ones and any host. */
function bySpecificity({ hostname: a }: ListenerCertificate, { hostname: b }: ListenerCertificate): number {
  return rank(b) === rank(a) ? 0 : rank(b) - rank(a);
}

function rank(hostname: string | undefined): number {
  if (hostname === undefined) return -1;
  return hostname.startsWith("*.") ? hostname.length : Number.POSITIVE_INFINITY;
}
