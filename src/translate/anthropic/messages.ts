import { KeySet, type ScannedObject, scanObject } from "../../wire/json-scan.ts";
import type { EventCursor } from "../../wire/sse.ts";
import { holds, nonEmptyString, scanInner } from "../answer-json.ts";
import { type AnswerReader, type BackendPath, overrideModel, Passthrough } from "../passthrough.ts";
import { emptyFacts, type ResponsePatch, type TranslatorFactory } from "../translator.ts";
import { wrapAnthropicError } from "./error.ts";
import { MessageUsageReader } from "./usage.ts";

/** Messages to a backend that speaks them: https://docs.anthropic.com/en/api/messages */
export function messages(path: BackendPath): TranslatorFactory {
  return (context) =>
    new Passthrough(context, {
      path,
      edit: overrideModel,
      reader: new MessagesReader(),
      wrapError: wrapAnthropicError,
    });
}

const DOCUMENT_KEYS = new KeySet(["type", "content", "model", "usage", "error"]);
const EVENT_KEYS = new KeySet(["type", "message", "usage", "error"]);
const MESSAGE_KEYS = new KeySet(["model", "usage"]);
const ERROR_KEYS = new KeySet(["type"]);
/** No part of Anthropic's streams, but compatible servers end theirs with it. */
const DONE = Buffer.from("[DONE]");

/**
 * The events that are read; all others (deltas, most of all) are known by their name alone.
 * https://docs.anthropic.com/en/docs/build-with-claude/streaming
 */
const EVENTS_READ = ["message_start", "message_delta", "message_stop", "error"].map((type) => Buffer.from(type));

/** Reads messages, whole and streamed. */
export class MessagesReader implements AnswerReader {
  readonly facts = emptyFacts();
  readonly #usage = new MessageUsageReader(this.facts.usage);

  readWhole(body: Uint8Array): ResponsePatch {
    const scanned = scanObject(body, DOCUMENT_KEYS);
    this.#readMessage(scanned);
    if (holds(scanned, "content") || !(holds(scanned, "error") || scanned.string("type") === "error")) {
      this.facts.state = "complete";
      return {};
    }
    this.#fail(scanned);
    return { status: 502 };
  }

  readEvent(event: EventCursor): boolean {
    if (event.typeStart === -1 || event.isOneOf(EVENTS_READ)) this.#read(event);
    return true;
  }

  #read(event: EventCursor): void {
    if (event.isData(DONE)) return;
    const scanned = scanObject(event.data(), EVENT_KEYS);
    switch (scanned.string("type")) {
      case "message_start": {
        const message = scanInner(scanned, "message", MESSAGE_KEYS);
        if (message !== undefined) this.#readMessage(message);
        return;
      }
      case "message_delta":
        this.#usage.read(scanned);
        return;
      case "message_stop":
        if (this.facts.state === "open") this.facts.state = "complete";
        return;
      default:
        if (holds(scanned, "error")) this.#fail(scanned);
    }
  }

  #readMessage(message: ScannedObject): void {
    this.facts.responseModel = nonEmptyString(message.string("model")) ?? this.facts.responseModel;
    this.#usage.read(message);
  }

  #fail(scanned: ScannedObject): void {
    this.facts.state = "failed";
    this.facts.errorType = nonEmptyString(scanInner(scanned, "error", ERROR_KEYS)?.string("type")) ?? "error";
  }
}
