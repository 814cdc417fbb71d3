import type { ParsedRequest } from "../endpoints/endpoint.ts";
import type { HeaderMap } from "../wire/headers.ts";
import { EventCursor } from "../wire/sse.ts";
import { JSON_HEADERS } from "./json-body.ts";
import type { AnswerFacts, RequestPatch, ResponsePatch, Translator, TranslatorFactory } from "./translator.ts";

/** Makes translators whose streams leave as one JSON array of their events where the caller asked for that. */
export function orAsJsonArray(factory: TranslatorFactory): TranslatorFactory {
  return (context) => new JsonArrayFraming(factory(context));
}

/** Puts the events that another translator writes as server-sent events into an array, each as soon as it is there. */
class JsonArrayFraming implements Translator {
  readonly #inner: Translator;
  readonly #cursor = new EventCursor();
  #isArray = false;
  #isBegun = false;

  constructor(inner: Translator) {
    this.#inner = inner;
  }

  get facts(): AnswerFacts {
    return this.#inner.facts;
  }

  get losses(): readonly string[] {
    return this.#inner.losses;
  }

  request(raw: Uint8Array, body: ParsedRequest): RequestPatch {
    this.#isArray = body.asJsonArray === true;
    return this.#inner.request(raw, body);
  }

  responseHeaders(status: number, headers: HeaderMap): ResponsePatch {
    const patch = this.#inner.responseHeaders(status, headers);
    return this.#isArray ? { ...patch, headers: [...(patch.headers ?? []), ...JSON_HEADERS] } : patch;
  }

  responseBody(body: Uint8Array): ResponsePatch {
    return this.#inner.responseBody(body);
  }

  streamChunk(chunk: Uint8Array): Uint8Array {
    const events = this.#inner.streamChunk(chunk);
    return this.#isArray ? Buffer.concat(this.#items(events)) : events;
  }

  /** An answer that is cut off leaves the array open: the error that follows is its last item. */
  streamEnd(): Uint8Array {
    const events = this.#inner.streamEnd();
    if (!this.#isArray) return events;
    const items = this.#items(events);
    if (this.facts.state !== "open") items.push(Buffer.from(this.#isBegun ? "]" : "[]"));
    return Buffer.concat(items);
  }

  responseError(status: number, headers: HeaderMap, body: Uint8Array): ResponsePatch {
    return this.#inner.responseError(status, headers, body);
  }

  /** What a translator writes are whole events. */
  #items(events: Uint8Array): Buffer[] {
    const pieces: Buffer[] = [];
    this.#cursor.load(Buffer.from(events.buffer, events.byteOffset, events.byteLength));
    while (this.#cursor.next()) {
      pieces.push(Buffer.from(this.#isBegun ? ",\r\n" : "["), this.#cursor.data());
      this.#isBegun = true;
    }
    return pieces;
  }
}
