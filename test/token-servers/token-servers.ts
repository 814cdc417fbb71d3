/**
 * Stand-ins for those who issue tokens, which verify what they are asked. One HTTPS server on loopback plays every host; a proxy leads
 * there whichever host is named, so that a gateway asks the real names:
 * `AI_GATEWAY_AZURE_PROXY_URL` and the others are {@link TokenServers.proxyUrl}, `NODE_EXTRA_CA_CERTS` is {@link ISSUERS_CA}.
 */
import { readFileSync } from "node:fs";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { createServer as createSecureServer } from "node:https";
import { type AddressInfo, connect, type Socket } from "node:net";
import { getCACertificates, setDefaultCACertificates } from "node:tls";
import { fileURLToPath } from "node:url";

/** File of the certificate that the stand-ins present; it signs itself. */
export const ISSUERS_CA = fileURLToPath(new URL("../../testdata/tls/issuers.pem", import.meta.url));

/** Key of that certificate, with which the stand-ins also sign tokens. */
export const ISSUERS_KEY = readFileSync(new URL("../../testdata/tls/issuers.key", import.meta.url), "utf8");

/** Makes this process trust the stand-ins, as `NODE_EXTRA_CA_CERTS` makes another. */
export function trustIssuers(): void {
  setDefaultCACertificates([...getCACertificates("default"), readFileSync(ISSUERS_CA, "utf8")]);
}

/** A request as a stand-in got it. */
export interface SeenRequest {
  /** Name without port: `sts.googleapis.com`, `127.0.0.1`. */
  readonly host: string;
  readonly method: string;
  readonly path: string;
  readonly headers: IncomingMessage["headers"];
  readonly body: string;
  /** The body read as a form. */
  readonly form: URLSearchParams;
}

/** What a stand-in answers; text goes as it is, anything else as JSON. */
export interface Answer {
  readonly status: number;
  readonly body: unknown;
  readonly headers?: Readonly<Record<string, string>>;
}

/** A stand-in. */
export type Issuer = (request: SeenRequest) => Answer | Promise<Answer>;

/** An error as OAuth 2.0 tells it (RFC 6749 section 5.2). */
export function oauthError(error: string, description: string, status = 400): Answer {
  return { status, body: { error, error_description: description } };
}

/** The stand-ins of one test. */
export class TokenServers {
  /** By host name; those asked directly are at `127.0.0.1`. */
  readonly issuers = new Map<string, Issuer>();
  /** What an issuer answers instead, by host; "hang" = nothing, ever. */
  readonly faults = new Map<string, Answer | "hang">();
  readonly seen: SeenRequest[] = [];
  /** Authorities that the proxy was asked for. */
  readonly tunnels: string[] = [];
  readonly #server: Server;
  readonly #proxy: Server;
  readonly #sockets = new Set<Socket>();

  private constructor() {
    const answer = (request: IncomingMessage, response: ServerResponse): void => void this.#answer(request, response);
    this.#server = createSecureServer({ cert: readFileSync(ISSUERS_CA), key: ISSUERS_KEY }, answer);
    this.#proxy = createServer();
    this.#proxy.on("connect", (request, socket: Socket) => {
      this.tunnels.push(request.url ?? "");
      const upstream = connect(portOf(this.#server), "127.0.0.1", () => {
        socket.write("HTTP/1.1 200 Connection Established\r\n\r\n");
        socket.pipe(upstream).pipe(socket);
      });
      for (const end of [socket, upstream]) {
        this.#sockets.add(end);
        end.on("error", () => end.destroy());
        end.on("close", () => this.#sockets.delete(end));
      }
    });
  }

  static async start(): Promise<TokenServers> {
    const servers = new TokenServers();
    for (const server of [servers.#server, servers.#proxy]) {
      await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    }
    return servers;
  }

  /** Of the HTTPS server itself, without a slash at the end. */
  get url(): string {
    return `https://127.0.0.1:${portOf(this.#server)}`;
  }

  get proxyUrl(): string {
    return `http://127.0.0.1:${portOf(this.#proxy)}`;
  }

  /** Requests that one host got. */
  seenBy(host: string): SeenRequest[] {
    return this.seen.filter((request) => request.host === host);
  }

  async stop(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    for (const server of [this.#server, this.#proxy]) {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    }
  }

  async #answer(message: IncomingMessage, response: ServerResponse): Promise<void> {
    const request = await readRequest(message);
    this.seen.push(request);
    const fault = this.faults.get(request.host);
    if (fault === "hang") return;
    const issuer = this.issuers.get(request.host);
    const { status, body, headers } = fault ??
      (await issuer?.(request)) ?? { status: 404, body: `nobody plays ${request.host}` };
    const isText = typeof body === "string";
    response.writeHead(status, { "content-type": isText ? "text/plain" : "application/json", ...headers });
    response.end(isText ? body : JSON.stringify(body));
  }
}

/** Reads a whole request. */
export async function readRequest(message: IncomingMessage): Promise<SeenRequest> {
  const chunks: Buffer[] = [];
  for await (const chunk of message) chunks.push(chunk as Buffer);
  const body = Buffer.concat(chunks).toString();
  const host = (message.headers.host ?? "").replace(/:\d+$/, "");
  const { method = "", url: path = "", headers } = message;
  return { host, method, path, headers, body, form: new URLSearchParams(body) };
}

/** The port a server listens on. */
export function portOf(server: Server): number {
  return (server.address() as AddressInfo).port;
}
