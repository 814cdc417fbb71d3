/** One request of the embedded host: drives the exchange's phases and owns this request's two connections. */
import type { IncomingMessage } from "node:http";
import type { Http2ServerRequest } from "node:http2";
import type { Duplex } from "node:stream";
import { GatewayError } from "../errors/gateway-error.ts";
import { accept } from "../exchange/accept.ts";
import { admit } from "../exchange/admit.ts";
import { beginAttempt } from "../exchange/attempt.ts";
import { admitHeaders } from "../exchange/door.ts";
import { Exchange, type RequestHead } from "../exchange/exchange.ts";
import { type AnswerSink, Responder } from "../exchange/respond.ts";
import { settle } from "../exchange/settle.ts";
import { modelListFor } from "../routing/model-list.ts";
import { asBuffer } from "../wire/sse.ts";
import type { Timed } from "./active-calls.ts";
import type { EmbeddedHost } from "./host.ts";
import { BODY_IDLE_MS, type TimeLimits, timeLimits } from "./time-limits.ts";
import type { UpstreamCall } from "./upstream/upstream.ts";

/** Up to this size, copying a body behind its head costs less than a second buffer in the write. */
const ONE_WRITE_BYTES_MAX = 16 * 1024;

const ABSOLUTE_FORM = /^https?:\/\/(?<authority>[^/?#]*)(?<path>.*)$/i;

/** A request of either HTTP version. */
export type Request = IncomingMessage | Http2ServerRequest;

/** What the response objects of both HTTP versions have in common; Node types the headers of each differently. */
export interface Response {
  readonly writableFinished: boolean;
  writeContinue(): void;
  writeHead(status: number, headers: readonly string[]): unknown;
  /** False when the caller should wait for "drain". */
  write(bytes: Uint8Array): boolean;
  end(bytes?: Uint8Array): unknown;
  end(text: string, encoding: "latin1"): unknown;
  on(event: "close" | "drain", listener: () => void): unknown;
  /** HTTP/1.1 holds the head back until there is a body; HTTP/2 does not. */
  flushHeaders?(): void;
}

/** A request being served. It ends when its response closes, which happens once, however it went. */
export class Call implements AnswerSink, Timed {
  slot = -1;
  readonly #host: EmbeddedHost;
  readonly #request: Request;
  readonly #response: Response;
  readonly #exchange: Exchange;
  readonly #responder: Responder;
  #chunks: Buffer[] = [];
  #bytes = 0;
  #upstream: UpstreamCall | undefined;
  #limits: TimeLimits | undefined;
  #lastBodyMs: number;

  constructor(host: EmbeddedHost, request: Request, response: Response) {
    this.#host = host;
    this.#request = request;
    this.#response = response;
    this.#exchange = new Exchange(host.context, host.plan, readHead(request));
    this.#responder = new Responder(this.#exchange, this);
    this.#lastBodyMs = this.#exchange.record.startMs;
  }

  /** Starts serving; `expectsContinue` when the caller waits for 100 Continue before it sends its body. */
  start(bodyBytesMax: number, expectsContinue: boolean): void {
    this.#host.begin(this);
    this.#response.on("close", () => this.#closed());
    try {
      checkHost(this.#request);
      const endpoint = accept(this.#exchange);
      if (endpoint.parse === undefined) {
        this.#answerModels();
        return;
      }
      const declared = Number(this.#request.headers["content-length"] ?? 0);
      if (declared > bodyBytesMax) throw tooLarge(bodyBytesMax);
      if (expectsContinue) this.#response.writeContinue();
      this.#readBody(bodyBytesMax);
    } catch (error) {
      this.#responder.fail(error);
    }
  }

  #readBody(bodyBytesMax: number): void {
    const request = this.#request;
    request.on("data", (chunk: Buffer) => {
      this.#lastBodyMs = this.#host.context.nowMs();
      this.#bytes += chunk.length;
      if (this.#bytes <= bodyBytesMax) this.#chunks.push(chunk);
      else if (!this.#responder.done) this.#responder.fail(tooLarge(bodyBytesMax));
    });
    request.on("end", () => this.#bodyRead());
    // The response's close tells the same story; without a listener the error would end the process.
    request.on("error", () => undefined);
  }

  #bodyRead(): void {
    if (this.#responder.done) return;
    const body = this.#chunks.length === 1 ? (this.#chunks[0] as Buffer) : Buffer.concat(this.#chunks, this.#bytes);
    this.#chunks = [];
    try {
      admit(this.#exchange, body);
      const attempt = beginAttempt(this.#exchange);
      this.#limits = timeLimits(attempt.timeouts);
      this.#upstream = this.#host.upstreams.client(attempt.upstream).send(attempt, this.#responder);
    } catch (error) {
      this.#responder.fail(error);
    }
  }

  #answerModels(): void {
    const { dialect, plan, host, record, headers } = this.#exchange;
    // Both vendors list models at /v1/models; Anthropic's clients say which they are by their version header.
    const shape = headers.has("anthropic-version") ? "anthropic" : dialect;
    const body = modelListFor(plan.models, host)[shape];
    record.status = 200;
    record.responseBytes = body.length;
    const length = String(body.length);
    this.reply(
      200,
      ["content-type", "application/json", "content-length", length, "x-request-id", record.requestId],
      body,
    );
  }

  reply(status: number, headers: string[], body: Uint8Array): void {
    this.#release();
    // What the caller is still sending is not wanted any more: the connection ends with this answer.
    if (!this.#request.complete && this.#request.httpVersionMajor === 1) headers.push("connection", "close");
    this.#response.writeHead(status, headers);
    // As text, a small body leaves in the same write as the head; each byte is one character of latin1.
    if (body.length <= ONE_WRITE_BYTES_MAX) this.#response.end(asBuffer(body).toString("latin1"), "latin1");
    else this.#response.end(body);
  }

  streamHead(status: number, headers: string[]): void {
    this.#response.on("drain", () => this.#upstream?.resume());
    this.#response.writeHead(status, headers);
    this.#response.flushHeaders?.();
  }

  streamData(bytes: Uint8Array): void {
    // A caller that reads slower than the provider writes holds the provider back, not our memory.
    if (!this.#response.write(bytes)) this.#upstream?.pause();
  }

  streamEnd(): void {
    this.#release();
    this.#response.end();
  }

  tick(nowMs: number): void {
    if (this.#responder.done) return;
    const limits = this.#limits;
    if (limits === undefined) {
      if (nowMs - this.#lastBodyMs > BODY_IDLE_MS) {
        this.#responder.fail(new GatewayError("request_timeout", "the request body did not arrive in time"));
      }
      return;
    }
    const { record } = this.#exchange;
    if (nowMs - record.startMs > limits.totalMs) {
      this.#responder.fail(new GatewayError("upstream_timeout", "the request took longer than the route allows"));
    } else if (record.firstByteMs === 0) {
      if (nowMs - record.attemptMs > limits.firstByteMs) {
        this.#responder.fail(new GatewayError("upstream_timeout", "the provider did not begin to answer in time"));
      }
    } else if (nowMs - this.#responder.lastByteMs > limits.idleMs) {
      this.#responder.fail(new GatewayError("stream_idle_timeout", "the provider's answer stopped arriving"));
    }
  }

  /** Ends the request with an error, unless it has ended. */
  fail(error: GatewayError): void {
    this.#responder.fail(error);
  }

  /** Whether this request is being read from a connection: its head has come, its body not yet. */
  isReading(connection: Duplex): boolean {
    return this.#request.socket === connection && !this.#request.complete;
  }

  /** Lets go of the upstream; an answer that is still coming is aborted. */
  #release(): void {
    this.#upstream?.abort();
    this.#upstream = undefined;
  }

  #closed(): void {
    const delivered = this.#response.writableFinished;
    this.#responder.abandon();
    this.#release();
    this.#chunks = [];
    settle(this.#exchange, delivered);
    this.#host.end(this);
  }
}

/** The head of a request, its target in origin form. */
function readHead(request: Request): RequestHead {
  const headers = admitHeaders(request.rawHeaders);
  const authority = request.headers[":authority"] as string | undefined;
  const head = { method: request.method ?? "", headers, host: authority ?? request.headers.host ?? "" };
  const target = request.url ?? "";
  // A target in absolute form names the host it is for, whatever the Host header says (RFC 9112 section 3.2.2).
  const absolute = target.startsWith("/") ? undefined : ABSOLUTE_FORM.exec(target)?.groups;
  if (absolute === undefined) return { ...head, target };
  return { ...head, target: absolute["path"] || "/", host: absolute["authority"] ?? "" };
}

/** One Host header, no more and in HTTP/1.1 no less (RFC 9112 section 3.2): with two, each hop may route by another. */
function checkHost({ rawHeaders, httpVersion }: Request): void {
  let hosts = 0;
  for (let i = 0; i < rawHeaders.length; i += 2) if (isHost(rawHeaders[i] as string)) hosts += 1;
  if (hosts === 1 || (hosts === 0 && httpVersion !== "1.1")) return;
  throw new GatewayError("invalid_request", "malformed request: exactly one Host header is wanted");
}

function isHost(name: string): boolean {
  return name.length === 4 && name.toLowerCase() === "host";
}

function tooLarge(bodyBytesMax: number): GatewayError {
  return new GatewayError(
    "body_too_large",
    `the request body is larger than the ${bodyBytesMax} bytes this gateway takes`,
  );
}
