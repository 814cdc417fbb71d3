/** For tests: an upstream that writes exactly the bytes it is told to, and what a client made of them. */
import { once } from "node:events";
import { type AddressInfo, createServer, type Server, type Socket } from "node:net";
import type { Upstream, UpstreamEndpoint, UpstreamTls } from "../../config/runtime-config.ts";
import type { GatewayError } from "../../errors/gateway-error.ts";
import { HeaderMap } from "../../wire/headers.ts";
import type { UpstreamCall, UpstreamClient, UpstreamHandler, UpstreamRequest } from "./upstream.ts";

/** What a peer does with a request; `text` is all of it as latin1, `count` its number from 1 on. */
export type Script = (socket: Socket, text: string, count: number) => void;

/** A listening peer. */
export class ScriptedPeer {
  readonly server: Server;
  readonly sockets: Socket[] = [];
  readonly requests: string[] = [];
  readonly #script: Script;

  constructor(script: Script, server: Server = createServer({ noDelay: true }), event = "connection") {
    this.#script = script;
    this.server = server;
    server.on(event, (socket: Socket) => this.#accept(socket));
  }

  static async listen(script: Script): Promise<ScriptedPeer> {
    const peer = new ScriptedPeer(script);
    await peer.start();
    return peer;
  }

  async start(path?: string): Promise<void> {
    if (path === undefined) this.server.listen(0, "127.0.0.1");
    else this.server.listen(path);
    await once(this.server, "listening");
  }

  get port(): number {
    return (this.server.address() as AddressInfo).port;
  }

  get endpoint(): UpstreamEndpoint {
    return { host: "127.0.0.1", port: this.port, unixPath: undefined, authority: "peer.test" };
  }

  /** The one connection, or the one of this number. */
  socket(index = 0): Socket {
    const socket = this.sockets[index];
    if (socket === undefined) throw new Error(`the peer has no connection ${index}`);
    return socket;
  }

  stop(): void {
    this.server.close();
    for (const socket of this.sockets) socket.destroy();
  }

  #accept(socket: Socket): void {
    this.sockets.push(socket);
    let text = "";
    // A client that goes away is what many tests are about.
    socket.on("error", () => undefined);
    socket.on("data", (bytes) => {
      text += bytes.toString("latin1");
      const head = text.indexOf("\r\n\r\n");
      if (head < 0) return;
      const length = Number(/content-length: (\d+)/.exec(text)?.[1] ?? 0);
      if (text.length < head + 4 + length) return;
      const whole = text;
      text = "";
      this.requests.push(whole);
      this.#script(socket, whole, this.requests.length);
    });
  }
}

/** An upstream over these endpoints. */
export function upstreamOf(
  endpoints: UpstreamEndpoint[],
  tls?: UpstreamTls,
  protocol: Upstream["protocol"] = "http/1.1",
): Upstream {
  return { endpoints, protocol, tls, connectTimeoutMs: 5_000 };
}

/** A small POST. */
export function post(body: Uint8Array | string = "{}", path = "/v1/x"): UpstreamRequest {
  const headers = new HeaderMap(["content-type", "application/json"]);
  return { method: "POST", path, headers, body: typeof body === "string" ? Buffer.from(body) : body };
}

/** Everything a handler was told, and a promise for its end. */
export class Recorded implements UpstreamHandler {
  status = 0;
  headers: string[] = [];
  chunks: Buffer[] = [];
  ended = false;
  error: GatewayError | undefined;
  readonly done: Promise<this>;
  #resolve: (self: this) => void = () => undefined;
  /** Called after each chunk. */
  onChunk: (chunk: Buffer) => void = () => undefined;

  constructor() {
    this.done = new Promise((resolve) => {
      this.#resolve = resolve;
    });
  }

  get body(): string {
    return Buffer.concat(this.chunks).toString("latin1");
  }

  get bytes(): number {
    return this.chunks.reduce((sum, chunk) => sum + chunk.length, 0);
  }

  onHead(status: number, headers: HeaderMap): void {
    this.status = status;
    this.headers = headers.flat;
  }

  onData(chunk: Uint8Array): void {
    // Kept as it came: the memory is the handler's.
    const bytes = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.length);
    this.chunks.push(bytes);
    this.onChunk(bytes);
  }

  onEnd(): void {
    this.ended = true;
    this.#resolve(this);
  }

  onError(error: GatewayError): void {
    this.error = error;
    this.#resolve(this);
  }
}

/** Sends a request and waits for how it ends. */
export function exchange(client: UpstreamClient, request: UpstreamRequest = post()): Promise<Recorded> {
  return begin(client, request).recorded.done;
}

/** Sends a request; the call and what its handler hears. */
export function begin(
  client: UpstreamClient,
  request: UpstreamRequest = post(),
): { call: UpstreamCall; recorded: Recorded } {
  const recorded = new Recorded();
  return { call: client.send(request, recorded), recorded };
}

/** Lets what is ready on this machine's sockets happen: some turns of the event loop, no time. */
export async function turns(count = 20): Promise<void> {
  for (let i = 0; i < count; i++) await new Promise((resolve) => setImmediate(resolve));
}
