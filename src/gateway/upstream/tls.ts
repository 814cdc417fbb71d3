/** TLS towards an upstream: whom to trust, who to be, and sessions to resume. Verification is off only where the configuration
 * says so. */
import { isIP, type NetConnectOpts } from "node:net";
import {
  checkServerIdentity,
  connect,
  createSecureContext,
  getCACertificates,
  type PeerCertificate,
  type SecureContext,
  type SecureContextOptions,
  type TLSSocket,
} from "node:tls";
import type { SubjectAltName, UpstreamTls } from "../../config/runtime-config.ts";

/** The context of every upstream that has nothing of its own: reading the system's CAs takes tens of milliseconds. */
let systemContext: SecureContext | undefined;

/** CAs for those that have a certificate or parameters of their own. */
let systemAuthorities: readonly string[] | undefined;

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
    this.#context ??= contextFor(this.#tls);
    const socket = connect({
      ...target,
      secureContext: this.#context,
      ALPNProtocols: [this.#alpn],
      servername: this.#sni,
      // Said outright, so that NODE_TLS_REJECT_UNAUTHORIZED has no say.
      rejectUnauthorized: !this.#tls.insecureSkipVerify,
      checkServerIdentity: (_host: string, certificate: PeerCertificate) => checkIdentity(this.#tls, certificate),
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

/** What is wrong with the names of a server's certificate; undefined = nothing. */
function checkIdentity({ serverName, subjectAltNames }: UpstreamTls, certificate: PeerCertificate): Error | undefined {
  if (subjectAltNames.length === 0) return checkServerIdentity(serverName, certificate);
  if (subjectAltNames.some((name) => carries(certificate, name))) return undefined;
  return new Error("the server's certificate carries none of the subjectAltNames that are accepted");
}

function carries(certificate: PeerCertificate, { type, value }: SubjectAltName): boolean {
  return type === "DNS"
    ? checkServerIdentity(value, certificate) === undefined
    : uriNames(certificate.subjectaltname ?? "").includes(value);
}

/** A name as Node prints it, in quotes where it could be read as two (https://nodejs.org/api/tls.html#tlscheckserveridentityhostname-cert). */
const PRINTED_NAME = /([A-Za-z ]+):(?:"(?:[^"\\]|\\.)*"|([^",]*))(?:, |$)/y;

/** The URIs in a certificate's names; none when they cannot be told apart. Quoted ones are left out: no name that a configuration
 * may accept has what makes Node quote it. */
function uriNames(printed: string): string[] {
  const uris: string[] = [];
  let end = 0;
  while (end < printed.length) {
    PRINTED_NAME.lastIndex = end;
    const [whole = "", type, value] = PRINTED_NAME.exec(printed) ?? [];
    if (whole === "") return [];
    if (type === "URI" && value !== undefined) uris.push(value);
    end += whole.length;
  }
  return uris;
}

function contextFor({ ca, client, parameters }: UpstreamTls): SecureContext {
  const { minVersion, maxVersion, ciphers, curves, signatureAlgorithms } = parameters;
  const options: SecureContextOptions = {
    minVersion,
    maxVersion,
    ...(client === undefined ? {} : { cert: client.chain, key: client.key.reveal() }),
    ...(ciphers.length === 0 ? {} : { ciphers: [...TLS13_SUITES, ...ciphers].join(":") }),
    ...(curves.length === 0 ? {} : { ecdhCurve: curves.join(":") }),
    ...(signatureAlgorithms.length === 0 ? {} : { sigalgs: signatureAlgorithms.join(":") }),
  };
  if (ca !== undefined) return createSecureContext({ ...options, ca });
  systemAuthorities ??= systemCertificates();
  const isPlain = client === undefined && ciphers.length + curves.length + signatureAlgorithms.length === 0;
  if (!isPlain || minVersion !== "TLSv1.2" || maxVersion !== "TLSv1.3") {
    return createSecureContext({ ...options, ca: [...systemAuthorities] });
  }
  systemContext ??= createSecureContext({ ...options, ca: [...systemAuthorities] });
  return systemContext;
}

/** Node has one list for both generations of suites; those of TLS 1.3 are not for users to choose. */
const TLS13_SUITES = ["TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256", "TLS_AES_128_GCM_SHA256"];

/** The system's CAs (Node's own where the system has none, as in small images) and those of NODE_EXTRA_CA_CERTS. */
function systemCertificates(): string[] {
  const system = getCACertificates("system");
  const roots = system.length > 0 ? system : getCACertificates("bundled");
  return [...new Set([...roots, ...getCACertificates("extra")])];
}
