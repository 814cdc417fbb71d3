/** One request as Envoy's router-level filter tells it: from its head to the end of its answer. */
import { GatewayError } from "../errors/gateway-error.ts";
import { invariant } from "../errors/invariant.ts";
import { accept } from "../exchange/accept.ts";
import type { Timed } from "../exchange/active-calls.ts";
import { admit } from "../exchange/admit.ts";
import { type Attempt, beginAttempt, beginAttemptAt } from "../exchange/attempt.ts";
import { admitHeaders } from "../exchange/door.ts";
import { DETAILS_ATTRIBUTE } from "../exchange/envoy-names.ts";
import { Exchange } from "../exchange/exchange.ts";
import { listModels } from "../exchange/list-models.ts";
import { Responder } from "../exchange/respond.ts";
import { settle } from "../exchange/settle.ts";
import { overdue, type TimeLimits, timeLimits } from "../exchange/time-limits.ts";
import { GRPC_STATUS, type GrpcHandler, type GrpcStream } from "../grpc/grpc.ts";
import type { RouteMatch } from "../routing/route-table.ts";
import { HeaderMap } from "../wire/headers.ts";
import { Answer } from "./answer.ts";
import type { AccessLogEntry } from "./codec/access-log-entry.ts";
import { decodeProcessingRequest } from "./codec/decode.ts";
import { encodeProcessingResponse } from "./codec/encode.ts";
import type { BodyRequest, HeadersRequest, ProcessingRequest, ProcessingResponse } from "./codec/messages.ts";
import { ID_KEY } from "./exchange-id.ts";
import type { ExtProcHost } from "./host.ts";
import { localReplyError } from "./local-reply.ts";
import { attemptMetadata, limitMetadata, named } from "./metadata.ts";
import { refusal, refusedBy } from "./refusal.ts";
import { attemptEdits, FILTER_ATTRIBUTES, headerValue, refOf, routingEdits } from "./request-edits.ts";

const NOTHING = Buffer.alloc(0);
/** Once a request is known to be one, its body is wanted, and the head of its answer. */
const GO_ON = encodeProcessingResponse({
  answer: { phase: "request_headers" },
  modeOverride: { requestBody: "BUFFERED", responseHeaders: "SEND" },
});
/** How long after its call a request's line in Envoy's access log may come. */
const LOG_WAIT_MS = 1000;

/** A request being served. It ends when Envoy has closed its call, and is settled once, however it went. */
export class RouterStream implements GrpcHandler, Timed {
  slot = -1;
  /** By which its attempts and Envoy's access log find it. */
  readonly id: string;
  readonly #host: ExtProcHost;
  readonly #stream: GrpcStream;
  readonly #listener: string;
  readonly #answer: Answer;
  #exchange: Exchange | undefined;
  #responder: Responder | undefined;
  #requestHeaders: readonly string[] = [];
  #limits: TimeLimits | undefined;
  /** Why the last attempt could not begin. */
  #refused: GatewayError | undefined;
  /** When Envoy closed its call; undefined before. */
  #closedMs: number | undefined;
  #logged: AccessLogEntry | undefined;

  constructor(host: ExtProcHost, stream: GrpcStream, listener: string) {
    this.#host = host;
    this.#stream = stream;
    this.#listener = listener;
    this.#answer = new Answer(stream);
    this.id = host.ids.next();
  }

  onMessage(message: Uint8Array): void {
    if (this.#answer.done) return;
    this.#answer.hold();
    try {
      this.#read(decodeProcessingRequest(message));
    } catch (error) {
      // Nothing that Envoy sends in the wrong place may leave a request without its end.
      if (this.#responder === undefined) throw error;
      this.#responder.fail(error);
    }
    this.#answer.flush();
  }

  onEnd(): void {
    this.#stream.end(GRPC_STATUS.ok);
  }

  onClose(): void {
    this.#answer.close();
    const exchange = this.#exchange;
    if (exchange === undefined) return;
    this.#closedMs = this.#host.context.nowMs();
    if (exchange.settled) this.#host.end(this);
    else if (this.#logged !== undefined) this.#brokenOff(this.#logged);
  }

  /** Told by Envoy's access log how the request ended, where that was not by our doing. */
  onLogged(entry: AccessLogEntry): void {
    this.#logged = entry;
    if (this.#closedMs !== undefined) this.#brokenOff(entry);
  }

  /** Whether an entry of Envoy's access log without our id is about this request. */
  isBrokenOff({ method, path, requestId }: AccessLogEntry): boolean {
    if (this.#closedMs === undefined || this.#exchange === undefined) return false;
    const { record, target, headers } = this.#exchange;
    return record.method === method && target === path && (headers.get("x-request-id") ?? "") === requestId;
  }

  tick(nowMs: number): void {
    const { exchange, responder } = this.#begun();
    if (this.#closedMs !== undefined) {
      // Envoy has no access log, or it is lost: that the caller left is the likeliest.
      if (nowMs - this.#closedMs > LOG_WAIT_MS) this.#left();
      return;
    }
    if (this.#limits === undefined || responder.done) return;
    const error = overdue(this.#limits, exchange.record, responder.lastByteMs, nowMs);
    if (error === undefined) return;
    this.#answer.hold();
    responder.fail(error);
    this.#answer.flush();
  }

  /** Begins an attempt at the backend that Envoy has chosen; its answer comes to this stream. */
  attemptAt(backendId: string): { readonly attempt: Attempt; readonly exchange: Exchange } {
    const { exchange } = this.#begun();
    this.#refused = undefined;
    return { attempt: beginAttemptAt(exchange, refOf(exchange, backendId)), exchange };
  }

  /** Tells Envoy that the attempt cannot begin. */
  refuse(thrown: unknown): ProcessingResponse {
    this.#refused = GatewayError.from(thrown);
    return refusal(this.#begun().exchange, this.#refused);
  }

  #read(request: ProcessingRequest): void {
    switch (request.phase) {
      case "request_headers":
        this.#onRequestHeaders(request);
        break;
      case "request_body":
        this.#onRequestBody(request);
        break;
      case "response_headers":
        this.#onResponseHeaders(request);
        break;
      case "response_body":
        this.#onResponseBody(request);
        break;
      case "request_trailers":
        this.#send({ answer: { phase: request.phase } });
        break;
      case "response_trailers":
        this.#begun().responder.onEnd();
    }
  }

  #onRequestHeaders({ headers, endOfStream }: HeadersRequest): void {
    if (this.#exchange !== undefined) throw new Error("Envoy sent a second head of a request");
    const exchange = new Exchange(this.#host.context, this.#host.plan, {
      method: headerValue(headers, ":method"),
      target: headerValue(headers, ":path"),
      host: headerValue(headers, ":authority"),
      headers: admitHeaders(headers),
      listener: this.#listener,
    });
    this.#requestHeaders = headers;
    this.#exchange = exchange;
    this.#responder = new Responder(exchange, this.#answer);
    this.#answer.begin(exchange);
    this.#host.begin(this);
    if (exchange.target === "") throw new GatewayError("invalid_request", "malformed request: no path");
    const endpoint = accept(exchange);
    if (endpoint.parse === undefined) {
      const { status, headers: own, body } = listModels(exchange);
      this.#answer.reply(status, own, body);
      return;
    }
    if (Number(exchange.headers.get("content-length") ?? 0) > this.#bodyBytesMax) throw tooLarge(this.#bodyBytesMax);
    if (endOfStream) this.#admit(NOTHING, "request_headers");
    else this.#stream.send(GO_ON);
  }

  #onRequestBody({ body }: BodyRequest): void {
    if (body.length > this.#bodyBytesMax) throw tooLarge(this.#bodyBytesMax);
    this.#admit(body, "request_body");
  }

  /** Routes the request, and where its rule has one backend begins the attempt too. */
  #admit(body: Uint8Array, phase: "request_headers" | "request_body"): void {
    const { exchange } = this.#begun();
    admit(exchange, body);
    const { match, record } = exchange;
    invariant(match, "an admitted request has its rule");
    this.#limits = attemptLimits(match);
    if (match.choice.isChoice) {
      record.attemptMs = this.#host.context.nowMs();
      this.#send({
        answer: { phase, headers: { set: routingEdits(exchange) }, clearRouteCache: true },
        dynamicMetadata: named({ [ID_KEY]: this.id, ...limitMetadata(exchange) }),
      });
      return;
    }
    const attempt = beginAttempt(exchange);
    const isReplaced = attempt.body !== body;
    const edits = attemptEdits(this.#requestHeaders, attempt, isReplaced);
    edits.set.push(...routingEdits(exchange));
    this.#send({
      answer: {
        phase,
        headers: edits,
        body: isReplaced ? { kind: "replace", body: attempt.body } : undefined,
        clearRouteCache: true,
      },
      dynamicMetadata: named({
        [ID_KEY]: this.id,
        ...limitMetadata(exchange),
        ...attemptMetadata(exchange, isReplaced ? attempt.body.length : undefined),
      }),
    });
  }

  #onResponseHeaders({ headers, endOfStream, attributes }: HeadersRequest): void {
    const { responder } = this.#begun();
    const map = HeaderMap.fromRaw(headers.slice(headers[0] === ":status" ? 2 : 0));
    const status = Number(headerValue(headers, ":status"));
    const details = String(attributes.at(FILTER_ATTRIBUTES, DETAILS_ATTRIBUTE) ?? "");
    const told = refusedBy(details);
    const error = told === undefined ? localReplyError(details, status, map) : (this.#refused ?? told);
    if (error !== undefined) {
      responder.onError(error);
      return;
    }
    this.#answer.expectHead(headers);
    responder.onHead(status, map);
    if (endOfStream) responder.onEnd();
  }

  #onResponseBody({ body, endOfStream }: BodyRequest): void {
    const { responder } = this.#begun();
    this.#answer.expectBody(body);
    responder.onData(body);
    if (endOfStream || this.#answer.wantsWhole) responder.onEnd();
  }

  /** Settles a request that Envoy gave up before its answer was whole. */
  #brokenOff({ flags, details, status }: AccessLogEntry): void {
    const { exchange, responder } = this.#begun();
    const error = localReplyError(details, status, new HeaderMap());
    if (flags.has("downstream_connection_termination") || flags.has("downstream_remote_reset")) {
      this.#left();
      return;
    }
    responder.fail(error ?? new GatewayError("internal", "Envoy broke off", { expose: false, cause: details }));
    exchange.record.status = status;
    settle(exchange, true);
    this.#host.end(this);
  }

  #left(): void {
    const { exchange, responder } = this.#begun();
    responder.abandon();
    settle(exchange, false);
    this.#host.end(this);
  }

  /** Largest body that its listener takes, in bytes. */
  get #bodyBytesMax(): number {
    const { listeners } = this.#begun().exchange.plan.config;
    return (listeners.find(({ name }) => name === this.#listener) ?? listeners[0])?.bodyBytesMax ?? 0;
  }

  #begun(): { readonly exchange: Exchange; readonly responder: Responder } {
    const exchange = this.#exchange;
    const responder = this.#responder;
    if (exchange === undefined || responder === undefined) {
      throw new Error("Envoy sent something else before the head of a request");
    }
    return { exchange, responder };
  }

  #send(response: ProcessingResponse): void {
    this.#stream.send(encodeProcessingResponse(response));
  }
}

/** Where Envoy may try again, it is Envoy that gives up an attempt which does not begin to answer. */
function attemptLimits({ route, rule }: RouteMatch): TimeLimits {
  const limits = timeLimits(rule.timeouts);
  return route.traffic?.retry === undefined ? limits : { ...limits, firstByteMs: Number.POSITIVE_INFINITY };
}

function tooLarge(bodyBytesMax: number): GatewayError {
  return new GatewayError(
    "body_too_large",
    `the request body is larger than the ${bodyBytesMax} bytes this gateway takes`,
  );
}
