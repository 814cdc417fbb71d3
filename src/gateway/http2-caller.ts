/** A request over HTTP/2, which node:http2 reads and writes. */
import { constants, type Http2ServerRequest, type Http2ServerResponse, type OutgoingHttpHeaders } from "node:http2";
import { GatewayError } from "../errors/gateway-error.ts";
import { admitHeaders } from "../exchange/door.ts";
import type { HeaderMap } from "../wire/headers.ts";
import { BodyCollector } from "./body-collector.ts";
import type { Caller, CallerHandler } from "./caller.ts";
import { malformed } from "./malformed.ts";

/** How a request is to be read. */
export interface Http2Options {
  readonly bodyBytesMax: number;
  /** Whether the caller waits for 100 Continue before it sends its body. */
  readonly expectsContinue: boolean;
}

/** One stream of an HTTP/2 connection. */
export class Http2Caller implements Caller {
  readonly method: string;
  readonly target: string;
  readonly host: string;
  readonly headers: HeaderMap;
  readonly #request: Http2ServerRequest;
  readonly #response: Http2ServerResponse;
  readonly #options: Http2Options;
  #handler: CallerHandler | undefined;
  #collector: BodyCollector | undefined;

  constructor(request: Http2ServerRequest, response: Http2ServerResponse, options: Http2Options) {
    const { rawHeaders, headers, method, url } = request;
    this.method = method;
    this.target = url;
    this.host = headers[":authority"] ?? headers.host ?? "";
    this.headers = admitHeaders(rawHeaders);
    this.#request = request;
    this.#response = response;
    this.#options = options;
  }

  get address(): string | undefined {
    return this.#request.socket.remoteAddress;
  }

  get bodyBytes(): number {
    return this.#collector?.length ?? 0;
  }

  serve(handler: CallerHandler): void {
    this.#handler = handler;
    const response = this.#response;
    response.on("close", () => handler.onClose(response.writableFinished));
    response.on("drain", () => handler.onDrained());
    // With two, each hop may route by another.
    const { flat } = this.headers;
    const hosts = flat.filter((name, i) => i % 2 === 0 && name === "host");
    if (hosts.length > 1) throw malformed("more than one Host header");
  }

  readBody(): void {
    const { bodyBytesMax, expectsContinue } = this.#options;
    const declared = this.headers.get("content-length");
    const collector = new BodyCollector(declared === undefined ? undefined : Number(declared), bodyBytesMax);
    this.#collector = collector;
    if (expectsContinue) this.#response.writeContinue();
    const request = this.#request;
    request.on("data", (chunk: Buffer) => this.#take(chunk));
    request.on("end", () => {
      if (this.#collector === collector) this.#handler?.onBody(collector.body());
    });
    // The response's close tells the same story; without a listener the error would end the process.
    request.on("error", () => undefined);
  }

  releaseBody(): void {
    this.#collector?.release();
  }

  #take(chunk: Buffer): void {
    try {
      this.#collector?.push(chunk);
    } catch (error) {
      this.#collector = undefined;
      this.#handler?.onBodyError(GatewayError.from(error));
    }
  }

  reply(status: number, headers: string[], body: Uint8Array): void {
    this.#writeHead(status, headers);
    this.#response.end(body);
  }

  streamHead(status: number, headers: string[]): void {
    this.#writeHead(status, headers);
  }

  streamData(bytes: Uint8Array): void {
    if (!this.#response.write(bytes)) this.#handler?.onBlocked();
  }

  streamEnd(): void {
    this.#response.end();
  }

  streamCut(): void {
    this.#response.stream.close(constants.NGHTTP2_INTERNAL_ERROR);
  }

  #writeHead(status: number, headers: string[]): void {
    // Alternating names and values are taken too; the types know objects only.
    this.#response.writeHead(status, headers as unknown as OutgoingHttpHeaders);
  }
}
