import { ArrayItems } from "../../wire/json-array.ts";
import { completeEvent, EventCursor, EventSplitter } from "../../wire/sse.ts";
import { isWholeObject } from "../answer-json.ts";
import type { AnswerEvent } from "../conversation/answer.ts";
import type { BackendTarget, StreamReader } from "../conversation/codec.ts";
import { parseDocument, ResponseReader } from "./response.ts";

const ARRAY_OPEN = 0x5b;
const SPACE = 0x20;
/** No part of Google's streams, but compatible servers end theirs with it. */
const DONE = Buffer.from("[DONE]");

/** Reads a stream: server-sent events, or the array that comes without `alt=sse`. */
export class GeminiStreamReader implements StreamReader {
  readonly #reader: ResponseReader;
  readonly #events = new EventReader();
  readonly #items = new ArrayItems();
  #isArray: boolean | undefined;

  constructor(target: BackendTarget) {
    this.#reader = new ResponseReader(target);
  }

  push(chunk: Uint8Array, out: AnswerEvent[]): void {
    if (this.#isArray === undefined) {
      const first = chunk.find((byte) => byte > SPACE);
      if (first === undefined) return;
      this.#isArray = first === ARRAY_OPEN;
    }
    this.#read(this.#isArray ? this.#items.push(chunk) : this.#events.push(chunk), out);
  }

  end(out: AnswerEvent[]): void {
    this.#read(this.#events.end(), out);
    out.push(...this.#reader.end());
  }

  #read(documents: readonly Uint8Array[], out: AnswerEvent[]): void {
    for (const document of documents) out.push(...this.#reader.read(parseDocument(document)));
  }
}

/** The documents of a stream of server-sent events. */
class EventReader {
  readonly #splitter = new EventSplitter();
  readonly #cursor = new EventCursor();

  push(chunk: Uint8Array): Buffer[] {
    return this.#documents(this.#splitter.push(chunk));
  }

  /** A last event may lack its blank line; one that was cut off is dropped. */
  end(): Buffer[] {
    return this.#documents(completeEvent(this.#splitter.end())).filter(isWholeObject);
  }

  #documents(bytes: Buffer): Buffer[] {
    const documents: Buffer[] = [];
    this.#cursor.load(bytes);
    while (this.#cursor.next()) if (!this.#cursor.isData(DONE)) documents.push(this.#cursor.data());
    return documents;
  }
}
