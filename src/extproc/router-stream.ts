/** One request as Envoy's router-level filter tells it: from its head to the end of its answer. */
import type { BackendRef, Listener } from "../config/runtime-config.ts";
import type { Endpoint } from "../endpoints/endpoint.ts";
import { GatewayError } from "../errors/gateway-error.ts";
import { accept } from "../exchange/accept.ts";
import { admit } from "../exchange/admit.ts";
import { beginAttempt } from "../exchange/attempt.ts";
import type { Awaitable } from "../exchange/awaitable.ts";
import { identify, refuseUnknown } from "../exchange/caller.ts";
import { admitHeaders } from "../exchange/door.ts";
import { ATTEMPTS_ATTRIBUTE, DETAILS_ATTRIBUTE } from "../exchange/envoy-names.ts";
import { Exchange } from "../exchange/exchange.ts";
import { reserveRequest } from "../exchange/limits.ts";
import { listModels } from "../exchange/list-models.ts";
import { prepareAttempt } from "../exchange/prepare-attempt.ts";
import { type TimeLimits, timeLimits } from "../exchange/time-limits.ts";
import { GRPC_STATUS, type GrpcHandler, type GrpcStream } from "../grpc/grpc.ts";
import type { RouteMatch } from "../routing/route-table.ts";
import { HeaderMap } from "../wire/headers.ts";
import { Answer } from "./answer.ts";
import { decodeProcessingRequest } from "./codec/decode.ts";
import { encodeProcessingResponse } from "./codec/encode.ts";
import type { BodyRequest, HeadersRequest, ProcessingRequest, ProcessingResponse } from "./codec/messages.ts";
import type { StructMap } from "./codec/struct.ts";
import { EnvoyPeer } from "./envoy-peer.ts";
import { ID_KEY } from "./exchange-id.ts";
import type { ExtProcHost } from "./host.ts";
import { localReplyError, noteRefusal } from "./local-reply.ts";
import { attemptMetadata, limitMetadata, named } from "./metadata.ts";
import { noteAttempts } from "./note-attempts.ts";
import { refusedBy } from "./refusal.ts";
import { attemptEdits, callerEdits, FILTER_ATTRIBUTES, headerValue, routingEdits } from "./request-edits.ts";
import { RequestUnderWay } from "./request-under-way.ts";
import { waitFor } from "./wait-for.ts";

/** What is about the request when its body is known. */
type RequestPhase = "request_headers" | "request_body";

const NOTHING = Buffer.alloc(0);
/** When a processor that is behind has the configuration, at the latest in most cases. */
const RETRY_AFTER_S = "1";
/** Once a request is known to be one, its body is wanted, and the head of its answer. */
const GO_ON = encodeProcessingResponse({
  answer: { phase: "request_headers" },
  modeOverride: { requestBody: "BUFFERED", responseHeaders: "SEND" },
});

/** Takes a request through its phases and answers each message of Envoy's. */
export class RouterStream implements GrpcHandler {
  readonly #host: ExtProcHost;
  readonly #stream: GrpcStream;
  readonly #listener: string;
  readonly #answer: Answer;
  #request: RequestUnderWay | undefined;
  #requestHeaders: readonly string[] = [];

  constructor(host: ExtProcHost, stream: GrpcStream, listener: string) {
    this.#host = host;
    this.#stream = stream;
    this.#listener = listener;
    this.#answer = new Answer(stream);
  }

  onMessage(message: Uint8Array): void {
    if (this.#answer.done) return;
    this.#answer.hold();
    try {
      this.#read(decodeProcessingRequest(message));
    } catch (error) {
      // Nothing that Envoy sends in the wrong place may leave a request without its end.
      if (this.#request === undefined) throw error;
      this.#request.responder.fail(error);
    }
    this.#answer.flush();
  }

  onEnd(): void {
    this.#stream.end(GRPC_STATUS.ok);
  }

  onClose(): void {
    this.#answer.close();
    this.#request?.onClose();
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
        this.#begun.responder.onEnd();
    }
  }

  #onRequestHeaders({ headers, endOfStream, metadata, attributes }: HeadersRequest): void {
    if (this.#request !== undefined) throw new Error("Envoy sent a second head of a request");
    const exchange = new Exchange(this.#host.context, this.#host.plan, {
      method: headerValue(headers, ":method"),
      target: headerValue(headers, ":path"),
      host: headerValue(headers, ":authority"),
      headers: admitHeaders(headers),
      listener: this.#listener,
      peer: new EnvoyPeer(attributes),
    });
    this.#requestHeaders = headers;
    this.#request = new RequestUnderWay(this.#host, exchange, this.#answer);
    this.#host.begin(this.#request);
    if (exchange.target === "") throw new GatewayError("invalid_request", "malformed request: no path");
    const endpoint = accept(exchange);
    if (this.#served === undefined) throw unknownListener();
    this.#when(identify(exchange), () => this.#onIdentified(endpoint, endOfStream, metadata));
  }

  /** Once it is known who calls. */
  #onIdentified(endpoint: Endpoint, endOfStream: boolean, metadata: StructMap): void {
    const { exchange } = this.#begun;
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
    const request = this.#begun;
    const { exchange } = request;
    const match = admit(exchange, body);
    request.limits = attemptLimits(match);
    if (match.choice.isChoice) {
      this.#when(reserveRequest(exchange), () => this.#leaveChoice(phase));
    } else {
      exchange.metadata = metadata;
      this.#when(prepareAttempt(exchange), (ref) => this.#attempt(ref, body, phase));
    }
  }

  /** Lets Envoy choose among the backends of the rule. */
  #leaveChoice(phase: RequestPhase): void {
    const { exchange, id } = this.#begun;
    exchange.record.attemptMs = this.#host.context.nowMs();
    const edits = callerEdits(this.#requestHeaders, exchange);
    edits.set.push(...routingEdits(exchange));
    this.#send({
      answer: { phase, headers: edits, clearRouteCache: true },
      dynamicMetadata: named({ [ID_KEY]: id, ...limitMetadata(exchange) }),
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
      fail: (error) => this.#late(() => this.#begun.responder.fail(error)),
    });
  }

  /** After a wait, in which the caller may have left, or its time been over. */
  #late(goOn: () => void): void {
    const { responder } = this.#begun;
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
    const { exchange, id } = this.#begun;
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
        [ID_KEY]: id,
        ...limitMetadata(exchange),
        ...attemptMetadata(exchange, isReplaced ? attempt.body.length : undefined),
      }),
    });
  }

  #onResponseHeaders({ headers, endOfStream, attributes }: HeadersRequest): void {
    const request = this.#begun;
    const { exchange, responder } = request;
    request.onNamed();
    const map = HeaderMap.fromRaw(headers.slice(headers[0] === ":status" ? 2 : 0));
    const status = Number(headerValue(headers, ":status"));
    const details = String(attributes.at(FILTER_ATTRIBUTES, DETAILS_ATTRIBUTE) ?? "");
    const told = refusedBy(details);
    const attempts = attributes.at(FILTER_ATTRIBUTES, ATTEMPTS_ATTRIBUTE);
    // An attempt that we have refused was not sent.
    if (told === undefined && typeof attempts === "number") noteAttempts(exchange, attempts);
    const error = told === undefined ? localReplyError(details, status, map) : (request.refused ?? told);
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
    const { responder } = this.#begun;
    this.#answer.expectBody(body);
    responder.onData(body);
    if (endOfStream || this.#answer.wantsWhole) responder.onEnd();
  }

  /** The listener that the request came in on; undefined where the configuration has none of its name. */
  get #served(): Listener | undefined {
    return this.#begun.exchange.plan.config.listeners.find(({ name }) => name === this.#listener);
  }

  /** Largest body that its listener takes, in bytes. */
  get #bodyBytesMax(): number {
    return this.#served?.bodyBytesMax ?? 0;
  }

  get #begun(): RequestUnderWay {
    if (this.#request === undefined) throw new Error("Envoy sent something else before the head of a request");
    return this.#request;
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

/** Envoy and its processors change their configuration one after the other, so this passes. */
function unknownListener(): GatewayError {
  const headers = { "retry-after": RETRY_AFTER_S };
  return new GatewayError("unknown_listener", "the gateway is not configured for this port yet", { headers });
}

function tooLarge(bodyBytesMax: number): GatewayError {
  return new GatewayError(
    "body_too_large",
    `the request body is larger than the ${bodyBytesMax} bytes this gateway takes`,
  );
}
