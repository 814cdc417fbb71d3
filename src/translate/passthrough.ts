import type { ParsedRequest } from "../endpoints/endpoint.ts";
import { GatewayError } from "../errors/gateway-error.ts";
import type { HeaderMap } from "../wire/headers.ts";
import { JsonScanError } from "../wire/json-scan.ts";
import { setField } from "../wire/json-splice.ts";
import { checkEventBytes, completeEvent, EventCursor, EventSplitter } from "../wire/sse.ts";
import { isWholeObject } from "./answer-json.ts";
import type { AnswerFacts, RequestPatch, ResponsePatch, Translator, TranslatorContext } from "./translator.ts";

/** How the answers of one endpoint are read. One reader serves one attempt. Reading throws JsonScanError for bad JSON. */
export interface AnswerReader {
  readonly facts: AnswerFacts;
  /** Told of the request before it leaves. */
  begin?(body: ParsedRequest): void;
  /** Reads a whole 2xx answer. */
  readWhole(body: Uint8Array): ResponsePatch;
  /** Reads one event of a stream; false when the caller does not get it. */
  readEvent(event: EventCursor): boolean;
}

/** The upstream path, with query, for a request model. */
export type BackendPath = (context: TranslatorContext, model: string, body: ParsedRequest) => string;

/** What tells one passthrough translator from another. */
export interface PassthroughParts {
  readonly path: BackendPath;
  /** The body for the backend, undefined = as it came. */
  readonly edit: (body: ParsedRequest, modelOverride: string | undefined) => Uint8Array | undefined;
  readonly reader: AnswerReader;
  readonly wrapError: (status: number, headers: HeaderMap, body: Uint8Array, requestId: string) => ResponsePatch;
}

const UNCHANGED: ResponsePatch = {};
const NO_LOSSES: readonly string[] = [];
const NOTHING = Buffer.alloc(0);
const DONE = Buffer.from("[DONE]");

/**
 * A translator between equal dialects: bytes go through as they are, but for a few fields edited in place on the way
 * out and events withheld on the way back, and what they say is read on the side.
 */
export class Passthrough implements Translator {
  readonly facts: AnswerFacts;
  readonly losses = NO_LOSSES;
  readonly #context: TranslatorContext;
  readonly #parts: PassthroughParts;
  readonly #splitter = new EventSplitter();
  readonly #cursor = new EventCursor();

  constructor(context: TranslatorContext, parts: PassthroughParts) {
    this.facts = parts.reader.facts;
    this.#context = context;
    this.#parts = parts;
  }

  request(_raw: Uint8Array, body: ParsedRequest): RequestPatch {
    const { path, edit, reader } = this.#parts;
    const { modelOverride } = this.#context;
    reader.begin?.(body);
    const backendPath = path(this.#context, modelOverride ?? body.model, body);
    const edited = edit(body, modelOverride);
    return edited === undefined ? { path: backendPath } : { path: backendPath, body: edited };
  }

  responseHeaders(_status: number, _headers: HeaderMap): ResponsePatch {
    return UNCHANGED;
  }

  responseBody(body: Uint8Array): ResponsePatch {
    try {
      return this.#parts.reader.readWhole(body);
    } catch (error) {
      if (!(error instanceof JsonScanError)) throw error;
      throw new GatewayError("upstream_invalid", "the provider's answer is not a whole JSON object", { cause: error });
    }
  }

  streamChunk(chunk: Uint8Array): Uint8Array {
    return this.#relay(this.#splitter.push(chunk));
  }

  /** A last event that lacks only its blank line is completed; one that was cut off is dropped. */
  streamEnd(): Uint8Array {
    const rest = completeEvent(this.#splitter.end());
    const event = new EventCursor();
    event.load(rest);
    if (!event.next()) return NOTHING;
    return event.isData(DONE) || isWholeObject(event.data()) ? this.#relay(rest) : NOTHING;
  }

  responseError(status: number, headers: HeaderMap, body: Uint8Array): ResponsePatch {
    return this.#parts.wrapError(status, headers, body, this.#context.requestId);
  }

  #relay(bytes: Buffer): Buffer {
    if (bytes.length === 0) return bytes;
    const { facts } = this;
    const event = this.#cursor;
    let kept: Buffer[] | undefined;
    let keptTo = 0;
    event.load(bytes);
    while (event.next()) {
      // One that came in a single chunk was never held, and is no less too large.
      checkEventBytes(event.end - event.start);
      facts.events += 1;
      facts.eventBytes += event.end - event.start;
      if (this.#read(event)) continue;
      kept ??= [];
      kept.push(bytes.subarray(keptTo, event.start));
      keptTo = event.end;
    }
    if (kept === undefined) return bytes;
    if (keptTo === bytes.length && kept.length === 1) return kept[0] as Buffer;
    return Buffer.concat([...kept, bytes.subarray(keptTo)]);
  }

  /**
   * Reads one event. One that should say something and is no JSON makes the answer a failed one; its bytes still go to
   * the caller, whose SDK raises on them as it would without a gateway.
   */
  #read(event: EventCursor): boolean {
    try {
      return this.#parts.reader.readEvent(event);
    } catch (error) {
      if (!(error instanceof JsonScanError)) throw error;
      this.facts.state = "failed";
      this.facts.errorType = "invalid_event";
      return true;
    }
  }
}

/** Edits a request so that it names the backend's model. */
export function overrideModel(body: ParsedRequest, modelOverride: string | undefined): Uint8Array | undefined {
  if (modelOverride === undefined || modelOverride === body.model) return undefined;
  if (body.form !== undefined) return body.form.withText("model", modelOverride);
  return setField(body.scanned, "model", JSON.stringify(modelOverride));
}
