/** Phase 4, respond: from the upstream's answer to the caller's, chunk by chunk. */
import { GatewayError } from "../errors/gateway-error.ts";
import { invariant } from "../errors/invariant.ts";
import { renderError, renderStreamError, type StreamFraming } from "../errors/to-response.ts";
import { createDecoder, type Decoder, isIdentity } from "../wire/encodings.ts";
import type { HeaderMap } from "../wire/headers.ts";
import { setHeaders } from "./attempt.ts";
import { logAnswer } from "./debug-log.ts";
import { returnedHeaders } from "./door.ts";
import { tellDroppedFields } from "./dropped-fields.ts";
import type { Exchange } from "./exchange.ts";
import { headersAboutLimits } from "./limits.ts";
import { charge } from "./settle.ts";

/**
 * Where an answer goes; the host writes it to its connection. Either `reply`, or `streamHead`, `streamData`…, and then
 * `streamEnd` or `streamCut`.
 */
export interface AnswerSink {
  /** A whole answer. Headers alternate names and values. */
  reply(status: number, headers: string[], body: Uint8Array): void;
  streamHead(status: number, headers: string[]): void;
  streamData(bytes: Uint8Array): void;
  streamEnd(): void;
  /** Breaks the answer off so that the caller sees that it is not whole: it has no way to say so in words. */
  streamCut(): void;
}

/** Largest answer held whole in memory, decoded; a stream has no such limit. */
export const ANSWER_BYTES_MAX = 64 * 1024 * 1024;
/** What is kept of the body of an error answer. */
const ERROR_BYTES_MAX = 1024 * 1024;

/** First bytes of an event stream: the fields `data`, `event`, `id` and `retry`, a comment, a byte order mark. No JSON
 * document and no HTML page begins with one. */
const EVENT_STREAM_STARTS = Buffer.from("deir:\uFEFF").subarray(0, 6);
const ARRAY_OPEN = 0x5b;

/**
 * How the answer is handled: `bytes` goes to the caller as it comes, unread; `undecided` until the first byte tells whether
 * an answer that was asked for as a stream, and is not labelled as one, is one.
 */
type Mode = "none" | "whole" | "stream" | "bytes" | "undecided" | "done";

/**
 * Reads one upstream answer and writes the caller's. Its `on…` methods are what an upstream connection calls; whatever
 * is called after the answer is done is ignored, so a connection can never write into a finished answer.
 */
export class Responder {
  readonly #exchange: Exchange;
  readonly #sink: AnswerSink;
  #mode: Mode = "none";
  #status = 0;
  #headers: HeaderMap | undefined;
  #decoder: Decoder | undefined;
  #held: Uint8Array[] = [];
  #heldBytes = 0;
  /** When the upstream last sent something, for idle limits; monotonic milliseconds. */
  lastByteMs: number;

  constructor(exchange: Exchange, sink: AnswerSink) {
    this.#exchange = exchange;
    this.#sink = sink;
    this.lastByteMs = exchange.context.nowMs();
  }

  /** Whether the caller has been sent the head of a stream. */
  get streaming(): boolean {
    return this.#mode === "stream" || this.#mode === "bytes";
  }

  get done(): boolean {
    return this.#mode === "done";
  }

  onHead(status: number, headers: HeaderMap): void {
    if (this.#mode !== "none") return;
    const { context, record } = this.#exchange;
    this.lastByteMs = context.nowMs();
    this.#status = status;
    this.#headers = headers;
    record.upstreamStatus = status;
    this.#exchange.attempt?.onAnswered?.(status, headers);
    if (status >= 300 && status < 400) {
      this.fail(new GatewayError("upstream_invalid", `the provider answered with a redirect (${status})`));
      return;
    }
    try {
      if (!isIdentity(headers.get("content-encoding"))) this.#decode(headers);
    } catch (error) {
      this.fail(error);
      return;
    }
    logAnswer(this.#exchange, status, headers);
    const isUnlike = status < 300 && this.#exchange.endpoint?.answersBytes === true && !isJson(headers);
    if (isUnlike && isEventStream(headers)) this.#begin("stream");
    else if (isUnlike && !isPage(headers)) this.#begin("bytes");
    else if (status >= 300 || !record.stream) this.#mode = "whole";
    else if (isEventStream(headers)) this.#begin("stream");
    else this.#mode = "undecided";
  }

  onData(chunk: Uint8Array): void {
    if (this.#mode === "done") return;
    const now = this.#exchange.context.nowMs();
    this.lastByteMs = now;
    const { record } = this.#exchange;
    if (record.firstByteMs === 0) record.firstByteMs = now;
    if (this.#decoder === undefined) this.#take(chunk);
    else this.#decoder.write(chunk);
  }

  onEnd(): void {
    if (this.#mode === "done") return;
    if (this.#decoder === undefined) this.#finish();
    else this.#decoder.end();
  }

  onError(error: unknown): void {
    if (this.#mode === "done") return;
    // A provider that has said it is done and then drops the connection, or falls silent, has answered all the same.
    if (this.#isAnswered) this.#finish();
    else this.fail(error);
  }

  /** Ends the answer with an error: a whole error answer, or the last event of a stream that has begun. */
  fail(thrown: unknown): void {
    if (this.#mode === "done") return;
    const mode = this.#mode;
    this.#close();
    const { context, dialect, record } = this.#exchange;
    const error = GatewayError.from(thrown);
    record.outcome = "error";
    record.errorType = error.code;
    // The message may quote the target, whose query may hold a credential.
    record.errorMessage = error.code === "unknown_path" ? "unsupported path" : error.message;
    if (error.code === "internal")
      context.log.error("request failed", { requestId: record.requestId, cause: error.cause });
    if (mode === "bytes") {
      this.#sink.streamCut();
      return;
    }
    if (mode === "stream") {
      const caller = { dialect, requestId: record.requestId, framing: framingOf(this.#exchange) };
      this.#sink.streamData(renderStreamError(error, caller, record.responseBytes === 0));
      this.#sink.streamEnd();
      return;
    }
    const { status, headers, body } = renderError(error, dialect, record.requestId);
    // The limit that refuses tells of itself.
    if (error.code !== "rate_limited") headers.push(...headersAboutLimits(this.#exchange));
    record.status = status;
    record.responseBytes = body.length;
    this.#sink.reply(status, headers, body);
  }

  /**
   * The caller left: nothing more is written. Returns whether all that matters of the answer was: SDKs leave with the last
   * event of a stream in hand, without waiting for the end of its body.
   */
  abandon(): boolean {
    const isAnswered = this.#isAnswered;
    this.#close();
    return isAnswered;
  }

  /** Whether the provider has said that its stream is done, of which the end is still to come. */
  get #isAnswered(): boolean {
    return this.#mode === "stream" && this.#translator.facts.state === "complete";
  }

  get #translator() {
    const { attempt } = this.#exchange;
    invariant(attempt, "an answer follows an attempt");
    return attempt.translator;
  }

  #decode(headers: HeaderMap): void {
    const { endpoint, record } = this.#exchange;
    const isRelayed = record.stream || endpoint?.answersBytes === true;
    this.#decoder = createDecoder(headers.get("content-encoding") ?? "", {
      maxBytes: isRelayed ? Number.POSITIVE_INFINITY : ANSWER_BYTES_MAX,
      onData: (bytes) => this.#take(bytes),
      onEnd: () => this.#finish(),
      onError: (error) => this.fail(error),
    });
    headers.remove("content-encoding");
  }

  #take(bytes: Uint8Array): void {
    try {
      if (this.#mode === "stream") this.#relay(bytes);
      else if (this.#mode === "bytes") this.#pass(bytes);
      else if (this.#mode === "undecided") this.#decide(bytes);
      else if (this.#mode === "whole") this.#hold(bytes);
    } catch (error) {
      this.fail(error);
    }
  }

  #relay(bytes: Uint8Array): void {
    this.#pass(this.#translator.streamChunk(bytes));
  }

  #pass(bytes: Uint8Array): void {
    if (bytes.length === 0) return;
    this.#exchange.record.responseBytes += bytes.length;
    this.#sink.streamData(bytes);
  }

  #startsStream(first: number): boolean {
    if (first === ARRAY_OPEN) return this.#translator.streamMayBeArray === true;
    return EVENT_STREAM_STARTS.includes(first);
  }

  /** An answer to a streaming request that is not labelled as a stream is one all the same if it begins like one. */
  #decide(bytes: Uint8Array): void {
    const first = bytes.find((byte) => byte > 0x20);
    if (first === undefined || !this.#startsStream(first)) {
      if (first !== undefined) this.#mode = "whole";
      this.#hold(bytes);
      return;
    }
    this.#headers?.set("content-type", "text/event-stream");
    this.#begin("stream");
    for (const held of this.#held) this.#relay(held);
    this.#held = [];
    this.#relay(bytes);
  }

  #hold(bytes: Uint8Array): void {
    if (this.#status >= 300) {
      const room = ERROR_BYTES_MAX - this.#heldBytes;
      if (room <= 0) return;
      if (bytes.length > room) {
        bytes = bytes.subarray(0, room);
        // Cut JSON is no JSON: as text it is put into an error body of the caller's dialect.
        this.#headers?.set("content-type", "text/plain");
      }
    } else if (this.#heldBytes + bytes.length > ANSWER_BYTES_MAX) {
      throw new GatewayError("upstream_invalid", `the provider's answer is larger than ${ANSWER_BYTES_MAX} bytes`);
    }
    this.#held.push(bytes);
    this.#heldBytes += bytes.length;
  }

  #begin(mode: "stream" | "bytes"): void {
    const headers = this.#callerHeaders();
    this.#tellLimits(headers);
    headers.remove("content-length");
    this.#mode = mode;
    this.#exchange.record.status = this.#status;
    this.#sink.streamHead(this.#status, headers.flat);
  }

  #callerHeaders(): HeaderMap {
    invariant(this.#headers, "a body follows a head");
    const patch = this.#translator.responseHeaders(this.#status, this.#headers);
    const headers = returnedHeaders(this.#headers);
    setHeaders(headers, patch.headers);
    tellDroppedFields(this.#exchange, headers);
    if (!headers.has("x-request-id")) headers.set("x-request-id", this.#exchange.record.requestId);
    return headers;
  }

  #tellLimits(headers: HeaderMap): void {
    const told = headersAboutLimits(this.#exchange, headers);
    for (let i = 0; i < told.length; i += 2) headers.set(told[i] as string, told[i + 1] as string);
  }

  #finish(): void {
    if (this.#mode === "done") return;
    try {
      if (this.#mode === "stream") this.#finishStream();
      else if (this.#mode === "bytes") this.#endStream();
      else this.#finishWhole();
    } catch (error) {
      this.fail(error);
    }
  }

  #finishStream(): void {
    const translator = this.#translator;
    this.#pass(translator.streamEnd());
    if (translator.facts.state === "open") {
      throw new GatewayError("upstream_reset_mid_stream", "the provider's stream ended before its answer was complete");
    }
    if (translator.facts.state === "failed") this.#recordUpstreamError(translator.facts.errorType);
    this.#endStream();
  }

  #endStream(): void {
    this.#close();
    this.#sink.streamEnd();
  }

  #finishWhole(): void {
    const { record } = this.#exchange;
    const body = this.#held.length === 1 ? (this.#held[0] as Uint8Array) : Buffer.concat(this.#held);
    const translator = this.#translator;
    const headers = this.#callerHeaders();
    const patch =
      this.#status < 300
        ? translator.responseBody(body)
        : translator.responseError(this.#status, this.#headers as HeaderMap, body);
    setHeaders(headers, patch.headers);
    const out = patch.body ?? body;
    headers.set("content-length", String(out.length));
    const status = patch.status ?? this.#status;
    record.status = status;
    record.responseBytes = out.length;
    if (this.#status >= 300) this.#recordUpstreamError(`status ${this.#status}`);
    else if (translator.facts.state === "failed") this.#recordUpstreamError(translator.facts.errorType);
    // What it used is known: the caller is told how much is left after it.
    charge(this.#exchange);
    this.#tellLimits(headers);
    this.#close();
    this.#sink.reply(status, headers.flat, out);
  }

  #recordUpstreamError(what: string | undefined): void {
    const { record } = this.#exchange;
    record.outcome = "error";
    record.errorType = "upstream_error";
    record.errorMessage = `the provider answered with an error: ${what ?? "unnamed"}`;
  }

  #close(): void {
    this.#mode = "done";
    this.#held = [];
    this.#decoder?.close();
    this.#decoder = undefined;
  }
}

function framingOf({ dialect, endpoint, parsed }: Exchange): StreamFraming {
  if (parsed?.asJsonArray === true) return "json-array";
  return dialect === "anthropic" || endpoint?.name === "responses" ? "named-sse" : "sse";
}

/** Labels of streams; AWS frames its own: https://docs.aws.amazon.com/transcribe/latest/dg/event-stream.html */
const STREAM_TYPES = ["text/event-stream", "application/vnd.amazon.eventstream"] as const;

function isEventStream(headers: HeaderMap): boolean {
  const contentType = headers.get("content-type")?.toLowerCase();
  return contentType !== undefined && STREAM_TYPES.some((type) => contentType.startsWith(type));
}

function isJson(headers: HeaderMap): boolean {
  return headers.get("content-type")?.toLowerCase().includes("json") === true;
}

/** Nobody is asked for a web page: one that comes with a 200 is a proxy's, and no answer. */
function isPage(headers: HeaderMap): boolean {
  return headers.get("content-type")?.toLowerCase().startsWith("text/html") === true;
}
