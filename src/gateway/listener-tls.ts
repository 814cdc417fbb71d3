/** TLS towards callers: which certificate is presented to whom, and how it changes while the port stays open. */
import {
  createSecureContext,
  createServer,
  type SecureContext,
  type SecureContextOptions,
  type Server,
} from "node:tls";
import type { ListenerCertificate, ListenerTls } from "../config/runtime-config.ts";

const MIN_VERSION = "TLSv1.2";
/** Longest wait for a caller's part of the handshake. */
const HANDSHAKE_TIMEOUT_MS = 10_000;

/** A server that presents the certificates of one port. */
export class TlsListener {
  readonly server: Server;
  #contexts: readonly { readonly hostname: string | undefined; readonly context: SecureContext }[] = [];

  constructor(tls: ListenerTls) {
    this.server = createServer({
      allowHalfOpen: true,
      noDelay: true,
      // In the order of preference (RFC 7301): HTTP/2 spares agents with many requests their connections.
      ALPNProtocols: ["h2", "http/1.1"],
      handshakeTimeout: HANDSHAKE_TIMEOUT_MS,
      SNICallback: (serverName, done) => done(null, this.#contextFor(serverName)),
    });
    // A failed handshake is nothing that could be answered in HTTP, and no request.
    this.server.on("tlsClientError", (_error, socket) => socket.destroy());
    this.present(tls);
  }

  /** Presents these certificates from now on; connections that are open keep what they have. */
  present({ certificates }: ListenerTls): void {
    this.#contexts = certificates.map((certificate) => ({
      hostname: certificate.hostname,
      context: createSecureContext(contextOptions(certificate)),
    }));
    const [first] = certificates;
    if (first !== undefined) this.server.setSecureContext(contextOptions(first));
  }

  /** Undefined = the server's own, which is that of the first certificate. */
  #contextFor(serverName: string): SecureContext | undefined {
    const name = serverName.toLowerCase();
    return this.#contexts.find(({ hostname }) => fits(hostname, name))?.context;
  }
}

/** `*` stands for one label or more, as in routes. */
function fits(hostname: string | undefined, name: string): boolean {
  if (hostname === undefined || hostname === name) return true;
  return hostname.startsWith("*.") && name.endsWith(hostname.slice(1));
}

function contextOptions({ chain, key }: ListenerCertificate): SecureContextOptions {
  return { cert: chain, key: key.reveal(), minVersion: MIN_VERSION };
}
