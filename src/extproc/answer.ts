/** The answer's way from the exchange to Envoy: what the exchange writes becomes answers to Envoy's messages. */
import { invariant } from "../errors/invariant.ts";
import type { Exchange } from "../exchange/exchange.ts";
import type { AnswerSink } from "../exchange/respond.ts";
import { settle } from "../exchange/settle.ts";
import { GRPC_STATUS, type GrpcStream } from "../grpc/grpc.ts";
import { encodeProcessingResponse } from "./codec/encode.ts";
import type { DynamicMetadata, HeaderMutation, ProcessingMode, ProcessingResponse } from "./codec/messages.ts";
import { headerEdits } from "./header-edits.ts";
import { named, runningMetadata, settledMetadata } from "./metadata.ts";
import { immediate } from "./refusal.ts";
import { headerValue } from "./request-edits.ts";

/** An answer that is needed whole before its head may go (whose length may change only where heads are sent), and one that
 * goes on chunk by chunk. */
const WHOLE: ProcessingMode = { responseHeaders: "SEND", responseBody: "BUFFERED" };
const WAIT_FOR_BODY = encodeProcessingResponse({ answer: { phase: "response_headers" }, modeOverride: WHOLE });
const STREAMED: ProcessingMode = { responseBody: "FULL_DUPLEX_STREAMED", responseTrailers: "SEND" };
/** After how many events of a stream its cost so far is told again. */
const EVENTS_PER_UPDATE = 16;

/**
 * What Envoy is told next: a reply of ours (`request`), the provider's head (`head`), its whole body (`whole`), or as much
 * of its body as there is (`stream`).
 */
type Stage = "request" | "head" | "whole" | "stream";

/** Collects what is written and sends it when Envoy can take it. */
export class Answer implements AnswerSink {
  readonly #stream: GrpcStream;
  #exchange: Exchange | undefined;
  #stage: Stage = "request";
  /** Undefined until the exchange has said it. */
  #status: number | undefined;
  #headers: readonly string[] = [];
  #chunks: Uint8Array[] = [];
  #bytes = 0;
  #ended = false;
  #held = false;
  /** The head and the whole body as Envoy has them. */
  #seenHeaders: readonly string[] = [];
  #seenBody: Uint8Array | undefined;
  #eventsTold = 0;
  #done = false;

  constructor(stream: GrpcStream) {
    this.#stream = stream;
  }

  /** Whether Envoy has been told everything, or does not listen any more. */
  get done(): boolean {
    return this.#done;
  }

  /** Whether the whole body is waited for. */
  get wantsWhole(): boolean {
    return this.#stage === "whole";
  }

  begin(exchange: Exchange): void {
    this.#exchange = exchange;
  }

  /** Envoy has the provider's head and waits for ours. */
  expectHead(seen: readonly string[]): void {
    this.#stage = "head";
    this.#seenHeaders = seen;
  }

  /** Envoy has the whole body, or a chunk of it. */
  expectBody(seen: Uint8Array): void {
    this.#seenBody = seen;
  }

  /** Envoy does not listen any more. */
  close(): void {
    this.#done = true;
  }

  reply(status: number, headers: string[], body: Uint8Array): void {
    this.#status = status;
    this.#headers = headers;
    this.#add(body);
    this.#ended = true;
    this.#written();
  }

  streamHead(status: number, headers: string[]): void {
    this.#status = status;
    this.#headers = headers;
    this.#written();
  }

  streamData(bytes: Uint8Array): void {
    this.#add(bytes);
    this.#written();
  }

  streamEnd(): void {
    this.#ended = true;
    this.#written();
  }

  /** Envoy resets an answer under way when its processor fails. */
  streamCut(): void {
    if (this.#done) return;
    this.#done = true;
    settle(this.#begun, true);
    this.#stream.end(GRPC_STATUS.internal, "the provider's answer broke off");
  }

  /** Keeps what is written until {@link flush}, so that it leaves as one message. */
  hold(): void {
    this.#held = true;
  }

  /** Tells Envoy what has been written, as far as it can take it now. */
  flush(): void {
    this.#held = false;
    if (this.#done) return;
    if (this.#stage === "request" || this.#stage === "head") {
      if (this.#ended) this.#replyNow();
      else if (this.#stage === "head") this.#sendHead();
    } else if (this.#stage === "stream") {
      this.#sendChunk();
    } else if (this.#ended) {
      this.#sendWhole();
    }
  }

  #add(bytes: Uint8Array): void {
    this.#chunks.push(bytes);
    this.#bytes += bytes.length;
  }

  /** An encoded answer is decoded in its own time: then nobody holds what is written. */
  #written(): void {
    if (!this.#held) this.flush();
  }

  #sendHead(): void {
    if (this.#status === undefined) {
      this.#stage = "whole";
      this.#stream.send(WAIT_FOR_BODY);
    } else {
      this.#stage = "stream";
      const headers = this.#edits(this.#status, undefined);
      this.#send({ answer: { phase: "response_headers", headers }, modeOverride: STREAMED });
    }
  }

  /** Answers the message that brought the whole body. */
  #sendWhole(): void {
    const seen = this.#seenBody;
    if (seen === undefined) {
      // It failed before the body came.
      this.#replyNow();
      return;
    }
    invariant(this.#status !== undefined, "a whole answer has its head");
    const body = this.#take();
    const isReplaced = body !== seen;
    const dynamicMetadata = this.#settled();
    this.#send({
      answer: {
        phase: "response_body",
        headers: this.#edits(this.#status, isReplaced ? body.length : undefined),
        body: isReplaced ? { kind: "replace", body } : undefined,
      },
      dynamicMetadata,
    });
    this.#done = true;
  }

  /** Passes on what the stream has brought, if anything. */
  #sendChunk(): void {
    const ended = this.#ended;
    if (this.#bytes === 0 && !ended) return;
    const dynamicMetadata = ended ? this.#settled() : this.#running();
    this.#send({
      answer: { phase: "response_body", body: { kind: "stream", body: this.#take(), endOfStream: ended } },
      dynamicMetadata,
    });
    this.#done = ended;
  }

  /** Ends the request with a reply of ours. */
  #replyNow(): void {
    const dynamicMetadata = this.#settled();
    const why = this.#begun.record.errorType || "reply";
    this.#send({ answer: immediate(this.#status ?? 500, this.#headers, this.#take(), why), dynamicMetadata });
    this.#done = true;
  }

  #edits(status: number, length: number | undefined): HeaderMutation {
    const edits = headerEdits(this.#seenHeaders, this.#headers);
    if (String(status) !== headerValue(this.#seenHeaders, ":status")) edits.set.push(":status", String(status));
    if (length !== undefined) edits.set.push("content-length", String(length));
    return edits;
  }

  #take(): Uint8Array {
    const chunks = this.#chunks;
    const [first] = chunks;
    const bytes = chunks.length === 1 && first !== undefined ? first : Buffer.concat(chunks, this.#bytes);
    this.#chunks = [];
    this.#bytes = 0;
    return bytes;
  }

  #settled(): DynamicMetadata {
    settle(this.#begun, true);
    return named(settledMetadata(this.#begun));
  }

  #running(): DynamicMetadata | undefined {
    const events = this.#begun.attempt?.translator.facts.events ?? 0;
    const isFirst = this.#eventsTold === 0 && events > 0;
    if (!isFirst && events - this.#eventsTold < EVENTS_PER_UPDATE) return undefined;
    this.#eventsTold = events;
    return named(runningMetadata(this.#begun));
  }

  get #begun(): Exchange {
    invariant(this.#exchange, "an answer follows a request");
    return this.#exchange;
  }

  #send(response: ProcessingResponse): void {
    this.#stream.send(encodeProcessingResponse(response));
  }
}
