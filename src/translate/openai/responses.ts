import { KeySet, type ScannedObject, scanObject } from "../../wire/json-scan.ts";
import type { EventCursor } from "../../wire/sse.ts";
import { holds, nonEmptyString, scanInner } from "../answer-json.ts";
import { type AnswerReader, type BackendPath, overrideModel, Passthrough } from "../passthrough.ts";
import { emptyFacts, type ResponsePatch, type TranslatorFactory } from "../translator.ts";
import { ERROR_KEYS, errorIn, failWith, statusOfError, wrapOpenAIError } from "./error.ts";
import { readResponseUsage } from "./usage.ts";

/** Responses to a backend that speaks them: https://platform.openai.com/docs/api-reference/responses */
export function responses(path: BackendPath): TranslatorFactory {
  return (context) =>
    new Passthrough(context, { path, edit: overrideModel, reader: new ResponsesReader(), wrapError: wrapOpenAIError });
}

const RESPONSE_KEYS = new KeySet(["model", "status", "output", "usage", ...ERROR_KEYS]);
const EVENT_KEYS = new KeySet(["response", ...ERROR_KEYS]);
const DONE = Buffer.from("[DONE]");

/**
 * The events that are read, by their place in the story of a stream; all others (deltas, most of all) are known by
 * their name alone. https://platform.openai.com/docs/api-reference/responses-streaming
 */
const EVENTS_READ = ["response.created", "response.completed", "response.incomplete", "response.failed", "error"].map(
  (type) => Buffer.from(type),
);

class ResponsesReader implements AnswerReader {
  readonly facts = emptyFacts();

  readWhole(body: Uint8Array): ResponsePatch {
    const { facts } = this;
    const scanned = scanObject(body, RESPONSE_KEYS);
    this.#readResponse(scanned);
    const error = errorIn(scanned);
    // A response may fail on its own terms: https://platform.openai.com/docs/api-reference/responses/object
    const isFailed = holds(scanned, "output") ? scanned.string("status") === "failed" : error !== undefined;
    if (isFailed) failWith(facts, error);
    else facts.state = "complete";
    return error !== undefined && !holds(scanned, "output") ? { status: statusOfError(error) } : {};
  }

  readEvent(event: EventCursor): boolean {
    if (event.typeStart === -1 || event.isOneOf(EVENTS_READ)) this.#read(event);
    return true;
  }

  #read(event: EventCursor): void {
    if (event.isData(DONE)) return;
    const { facts } = this;
    const scanned = scanObject(event.data(), EVENT_KEYS);
    const type = scanned.string("type");
    const error = errorIn(scanned) ?? (type === "error" ? { code: scanned.json("code") } : undefined);
    if (error !== undefined) {
      failWith(facts, error);
      return;
    }
    const response = scanInner(scanned, "response", RESPONSE_KEYS);
    if (response === undefined) return;
    this.#readResponse(response);
    if (type === "response.failed") failWith(facts, errorIn(response));
    else if (facts.state === "open" && (type === "response.completed" || type === "response.incomplete")) {
      facts.state = "complete";
    }
  }

  #readResponse(response: ScannedObject): void {
    this.facts.responseModel = nonEmptyString(response.string("model")) ?? this.facts.responseModel;
    readResponseUsage(response, this.facts.usage);
  }
}
