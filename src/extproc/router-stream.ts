/** One request as Envoy's router-level filter tells it: from its head to the end of its answer. */
import type { BackendRef } from "../config/runtime-config.ts";
import type { Endpoint } from "../endpoints/endpoint.ts";
import { GatewayError } from "../errors/gateway-error.ts";
import { accept } from "../exchange/accept.ts";
import type { Timed } from "../exchange/active-calls.ts";
import { admit } from "../exchange/admit.ts";
import { type Attempt, beginAttempt } from "../exchange/attempt.ts";
import type { Awaitable } from "../exchange/awaitable.ts";
import { identify, refuseUnknown } from "../exchange/caller.ts";
import { admitHeaders } from "../exchange/door.ts";
import { DETAILS_ATTRIBUTE } from "../exchange/envoy-names.ts";
import { Exchange } from "../exchange/exchange.ts";
import { reserveRequest } from "../exchange/limits.ts";
import { listModels } from "../exchange/list-models.ts";
import { prepareAttempt, prepareAttemptAt } from "../exchange/prepare-attempt.ts";
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
import type { StructMap } from "./codec/struct.ts";
import { EnvoyPeer } from "./envoy-peer.ts";
import { ID_KEY } from "./exchange-id.ts";
import type { ExtProcHost } from "./host.ts";
import { localReplyError, noteRefusal } from "./local-reply.ts";
import { attemptMetadata, limitMetadata, named } from "./metadata.ts";
import { refusal, refusedBy } from "./refusal.ts";
import { attemptEdits, callerEdits, FILTER_ATTRIBUTES, headerValue, refOf, routingEdits } from "./request-edits.ts";
import { waitFor } from "./wait-for.ts";

/** What is about the request when its body is known. */
type RequestPhase = "request_headers" | "request_body";

const NOTHING = Buffer.alloc(0);
/** Once a request is known to be one, its body is wanted, and the head of its answer. */
const GO_ON = encodeProcessingResponse({
  answer: { phase: "request_headers" },
  modeOverride: { requestBody: "BUFFERED", responseHeaders: "SEND" },
});
/** How long after its call a request's line in Envoy's access log may come. */
const LOG_WAIT_MS = 1000;

/** An entry of Envoy's access log that has no id of ours. */
export interface Supposed {
  readonly entry: AccessLogEntry;
  /** Another process has written the record of it. */
  readonly isRecorded: boolean;
}

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
  /** The same by an entry without an id: as long as the request may go on, it may be about another one like it. */
  #supposed: Supposed | undefined;
  /** Envoy is known to have the id, and names it in the log. */
  #named = false;

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
    else if (this.#supposed !== undefined) this.onSupposed(this.#supposed);
  }

  /** Told by Envoy's access log how the request ended, where that was not by our doing. */
  onLogged(entry: AccessLogEntry): void {
    this.#hasId();
    this.#logged = entry;
    if (this.#closedMs !== undefined) this.#brokenOff(entry);
  }

  /** Told the same by an entry without our id. */
  onSupposed(supposed: Supposed): void {
    this.#supposed = supposed;
    if (this.#closedMs === undefined) return;
    // The other process has written the record.
    if (supposed.isRecorded) this.#host.end(this);
    else this.#brokenOff(supposed.entry);
  }

  /** Envoy has closed its call. */
  get isClosed(): boolean {
    return this.#closedMs !== undefined;
  }

  /** Whether an entry of Envoy's access log without our id can be about this request. */
  canBe({ method, path, authority, requestId }: AccessLogEntry): boolean {
    if (this.#exchange === undefined) return false;
    if (!this.isClosed && (this.#named || this.#supposed !== undefined)) return false;
    const { record, target, host, headers } = this.#exchange;
    const isSame = record.method === method && target === path && host === authority;
    return isSame && (headers.get("x-request-id") ?? "") === requestId;
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
    responder.onError(error);
    this.#answer.flush();
  }

  /** Makes ready what an attempt at the backend that Envoy has chosen needs. */
  prepareAt(backendId: string, metadata: StructMap): Awaitable<BackendRef | undefined> {
    const { exchange } = this.#begun();
    exchange.metadata = metadata;
    const ref = refOf(exchange, backendId);
    return ref && prepareAttemptAt(exchange, ref);
  }

  /** Begins it; its answer comes to this stream. */
  attemptAt(backendId: string): { readonly attempt: Attempt; readonly exchange: Exchange } {
    const { exchange } = this.#begun();
    this.#refused = undefined;
    return { attempt: beginAttempt(exchange, refOf(exchange, backendId)), exchange };
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

  #onRequestHeaders({ headers, endOfStream, metadata, attributes }: HeadersRequest): void {
    if (this.#exchange !== undefined) throw new Error("Envoy sent a second head of a request");
    const exchange = new Exchange(this.#host.context, this.#host.plan, {
      method: headerValue(headers, ":method"),
      target: headerValue(headers, ":path"),
      host: headerValue(headers, ":authority"),
      headers: admitHeaders(headers),
      listener: this.#listener,
      peer: new EnvoyPeer(attributes),
    });
    this.#requestHeaders = headers;
    this.#exchange = exchange;
    this.#responder = new Responder(exchange, this.#answer);
    this.#answer.begin(exchange);
    this.#host.begin(this);
    if (exchange.target === "") throw new GatewayError("invalid_request", "malformed request: no path");
    const endpoint = accept(exchange);
    this.#when(identify(exchange), () => this.#onIdentified(endpoint, endOfStream, metadata));
  }

  /** Once it is known who calls. */
  #onIdentified(endpoint: Endpoint, endOfStream: boolean, metadata: StructMap): void {
    const { exchange } = this.#begun();
    refuseUnknown(exchange);
    if (endpoint.parse === undefined) {
      const { status, headers: own, body } = listModels(exchange);
      this.#answer.reply(status, own, body);
      return;
    }
    if (Number(exchange.headers.get("content-length") ?? 0) > this.#bodyBytesMax) throw tooLarge(this.#bodyBytesMax);
    if (endOfStream) this.#admit(NOTHING, "request_headers", metadata);
    else this.#stream.send(GO_ON);
  }

  #onRequestBody({ body, metadata }: BodyRequest): void {
    if (body.length > this.#bodyBytesMax) throw tooLarge(this.#bodyBytesMax);
    this.#admit(body, "request_body", metadata);
  }

  /** Routes the request, and where its rule has one backend begins the attempt too. */
  #admit(body: Uint8Array, phase: RequestPhase, metadata: StructMap): void {
    const { exchange } = this.#begun();
    const match = admit(exchange, body);
    this.#limits = attemptLimits(match);
    if (match.choice.isChoice) {
      this.#when(reserveRequest(exchange), () => this.#leaveChoice(exchange, phase));
    } else {
      exchange.metadata = metadata;
      this.#when(prepareAttempt(exchange), (ref) => this.#attempt(ref, body, phase));
    }
  }

  /** Lets Envoy choose among the backends of the rule. */
  #leaveChoice(exchange: Exchange, phase: RequestPhase): void {
    exchange.record.attemptMs = this.#host.context.nowMs();
    const edits = callerEdits(this.#requestHeaders, exchange);
    edits.set.push(...routingEdits(exchange));
    this.#send({
      answer: { phase, headers: edits, clearRouteCache: true },
      dynamicMetadata: named({ [ID_KEY]: this.id, ...limitMetadata(exchange) }),
    });
  }

  /** Goes on at once, or when what is waited for is there. */
  #when<T>(ready: Awaitable<T>, goOn: (value: T) => void): void {
    if (!(ready instanceof Promise)) {
      goOn(ready);
      return;
    }
    waitFor(ready, this.#stream, {
      goOn: (value) => this.#late(() => goOn(value)),
      fail: (error) => this.#late(() => this.#begun().responder.fail(error)),
    });
  }

  /** After a wait, in which the caller may have left, or its time been over. */
  #late(goOn: () => void): void {
    const { responder } = this.#begun();
    if (this.#answer.done || responder.done) return;
    this.#answer.hold();
    try {
      goOn();
    } catch (error) {
      responder.fail(error);
    }
    this.#answer.flush();
  }

  #attempt(ref: BackendRef | undefined, body: Uint8Array, phase: RequestPhase): void {
    const { exchange } = this.#begun();
    const attempt = beginAttempt(exchange, ref);
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
    const { exchange, responder } = this.#begun();
    this.#hasId();
    const map = HeaderMap.fromRaw(headers.slice(headers[0] === ":status" ? 2 : 0));
    const status = Number(headerValue(headers, ":status"));
    const details = String(attributes.at(FILTER_ATTRIBUTES, DETAILS_ATTRIBUTE) ?? "");
    const told = refusedBy(details);
    const error = told === undefined ? localReplyError(details, status, map) : (this.#refused ?? told);
    if (error !== undefined) {
      noteRefusal(exchange, error, map);
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

  /** Envoy has the id, so an entry without one was about another request. */
  #hasId(): void {
    this.#named = true;
    const supposed = this.#supposed;
    this.#supposed = undefined;
    if (supposed?.isRecorded === false) this.#host.endedUnnamed(supposed.entry);
  }

  /** Settles a request that Envoy gave up before its answer was whole. */
  #brokenOff({ flags, details, status }: AccessLogEntry): void {
    const { exchange, responder } = this.#begun();
    const error = localReplyError(details, status, new HeaderMap());
    // Of callers over HTTP/3 who leave, Envoy 1.40 says nothing: neither a flag nor other details than those of the answer.
    const isQuiet = error === undefined && flags.size === 0;
    if (isQuiet || flags.has("downstream_connection_termination") || flags.has("downstream_remote_reset")) {
      this.#left();
      return;
    }
    responder.onError(error ?? new GatewayError("internal", "Envoy broke off", { expose: false, cause: details }));
    exchange.record.status = status;
    settle(exchange, true);
    this.#host.end(this);
  }

  #left(): void {
    const { exchange, responder } = this.#begun();
    settle(exchange, responder.abandon());
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
