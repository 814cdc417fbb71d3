/** TLS towards an upstream: whom to trust, and sessions to resume. Verification is off only where the configuration says so. */
import { isIP, type NetConnectOpts } from "node:net";
import {
  checkServerIdentity,
  connect,
  createSecureContext,
  getCACertificates,
  type PeerCertificate,
  type SecureContext,
  type TLSSocket,
} from "node:tls";
import type { UpstreamTls } from "../../config/runtime-config.ts";

const MIN_VERSION = "TLSv1.2";

/** The context of every upstream without a CA bundle of its own: reading the system's takes tens of milliseconds. */
let systemContext: SecureContext | undefined;

/** Opens TLS connections to one endpoint. */
export class TlsSettings {
  readonly #tls: UpstreamTls;
  readonly #alpn: string;
  /** Server name indication holds names only (RFC 6066 section 3). */
  readonly #sni: string;
  #context: SecureContext | undefined;
  #session: Buffer | undefined;

  /** @param alpn Protocol to ask for (RFC 7301). */
  constructor(tls: UpstreamTls, alpn: "http/1.1" | "h2") {
    this.#tls = tls;
    this.#alpn = alpn;
    this.#sni = isIP(tls.serverName) === 0 ? tls.serverName : "";
  }

  /** Starts a connection; whatever is wrong with it is an `error` event. */
  connect(target: NetConnectOpts): TLSSocket {
    const { serverName, insecureSkipVerify } = this.#tls;
    this.#context ??= contextFor(this.#tls.ca);
    const socket = connect({
      ...target,
      secureContext: this.#context,
      ALPNProtocols: [this.#alpn],
      servername: this.#sni,
      // Said outright, so that NODE_TLS_REJECT_UNAUTHORIZED has no say.
      rejectUnauthorized: !insecureSkipVerify,
      checkServerIdentity: (_host: string, certificate: PeerCertificate) =>
        checkServerIdentity(serverName, certificate),
      ...(this.#session === undefined ? {} : { session: this.#session }),
    });
    // Node holds this event back until the peer is verified. That matters: it does not compare names again when it
    // resumes a session, so a session of a refused peer would let that peer in.
    socket.on("session", (session: Buffer) => {
      this.#session = session;
    });
    return socket;
  }
}

function contextFor(ca: string | undefined): SecureContext {
  if (ca !== undefined) return createSecureContext({ ca, minVersion: MIN_VERSION });
  systemContext ??= createSecureContext({ ca: systemCertificates(), minVersion: MIN_VERSION });
  return systemContext;
}

/** The system's CAs (Node's own where the system has none, as in small images) and those of NODE_EXTRA_CA_CERTS. */
function systemCertificates(): string[] {
  const system = getCACertificates("system");
  const roots = system.length > 0 ? system : getCACertificates("bundled");
  return [...new Set([...roots, ...getCACertificates("extra")])];
}
