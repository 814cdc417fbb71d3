import type { ChunkChoice } from "../../apischema/openai/choice.ts";
import type { ParsedRequest } from "../../endpoints/endpoint.ts";
import { KeySet, type ScannedObject, scanObject } from "../../wire/json-scan.ts";
import { DataSearch, type EventCursor } from "../../wire/sse.ts";
import { nonEmptyString } from "../answer-json.ts";
import type { AnswerReader } from "../passthrough.ts";
import { emptyFacts, type ResponsePatch } from "../translator.ts";
import { documentShape, readDocument } from "./document.ts";
import { ERROR_KEYS, errorIn, failWith } from "./error.ts";
import { readCompletionUsage } from "./usage.ts";

const CHUNK_KEYS = new KeySet(["model", "choices", "usage", ...ERROR_KEYS]);
const WHOLE = documentShape("choices", readCompletionUsage);
const DONE = Buffer.from("[DONE]");
const ERROR_EVENT = Buffer.from("error");

// Ends of the keys that can matter. Their first bytes are rare in JSON, where the search for a quote would stop at
// every other token; what is found is looked at again by a real scan.
const MODEL = Buffer.from('model"');
const USAGE = Buffer.from('usage"');
const FINISH_REASON = Buffer.from('_reason"');
const ERROR = Buffer.from('rror"');

const SPACE = 0x20;
const QUOTE = 0x22;
const COLON = 0x3a;
const LETTER_N = 0x6e;

/**
 * Reads chat completions and completions, whole and streamed. Most events of a stream are deltas that say nothing of
 * interest: they cost a few native searches and are never parsed. Such events may keep the `"usage":null` that comes
 * with the usage event asked for on the caller's behalf; clients that did not ask ignore it.
 */
export class ChoicesReader implements AnswerReader {
  readonly facts = emptyFacts();
  readonly #model = new DataSearch(MODEL);
  readonly #usage = new DataSearch(USAGE);
  readonly #finishReason = new DataSearch(FINISH_REASON);
  readonly #error = new DataSearch(ERROR);
  #isUsageWithheld = false;
  /** Choices that have to finish before the answer counts as complete without `[DONE]`. */
  #choices = 1;
  #finished: Set<unknown> | undefined;
  readonly #countChoices: (body: ParsedRequest) => number;

  /** @param countChoices How many choices a request asks for. */
  constructor(countChoices: (body: ParsedRequest) => number) {
    this.#countChoices = countChoices;
  }

  begin(body: ParsedRequest): void {
    this.#isUsageWithheld = body.stream && !body.includeUsage;
    this.#choices = this.#countChoices(body);
  }

  readWhole(body: Uint8Array): ResponsePatch {
    return readDocument(body, WHOLE, this.facts);
  }

  readEvent(event: EventCursor): boolean {
    if (event.isData(DONE)) {
      if (this.facts.state === "open") this.facts.state = "complete";
      return true;
    }
    return !this.#canMatter(event) || this.#read(event);
  }

  #canMatter(event: EventCursor): boolean {
    const { state, responseModel } = this.facts;
    if (find(this.#usage, event) === "set" || event.isType(ERROR_EVENT)) return true;
    if (responseModel === undefined && find(this.#model, event) === "set") return true;
    const finish = state === "open" ? find(this.#finishReason, event) : "absent";
    // A choice that goes on is part of an answer, not of an error.
    return finish === "set" || (finish === "absent" && find(this.#error, event) === "set");
  }

  #read(event: EventCursor): boolean {
    const { facts } = this;
    const scanned = scanObject(event.data(), CHUNK_KEYS);
    facts.responseModel ??= nonEmptyString(scanned.string("model"));
    readCompletionUsage(scanned, facts.usage);
    const error = errorIn(scanned);
    if (error !== undefined || event.isType(ERROR_EVENT)) {
      failWith(facts, error);
      return true;
    }
    const choices = readChoices(scanned);
    if (facts.state === "open") this.#readFinish(choices);
    // The usage event has no choices: https://platform.openai.com/docs/api-reference/chat/create#chat-create-stream_options
    return !(this.#isUsageWithheld && choices.length === 0 && scanned.kind("usage") === "object");
  }

  #readFinish(choices: readonly ChunkChoice[]): void {
    for (const choice of choices) {
      if (nonEmptyString(choice?.finish_reason) === undefined) continue;
      this.#finished ??= new Set();
      this.#finished.add(choice.index);
    }
    if (this.#finished !== undefined && this.#finished.size >= this.#choices) this.facts.state = "complete";
  }
}

/** The request's `n`: https://platform.openai.com/docs/api-reference/chat/create#chat-create-n */
export function requestedChoices({ scanned }: ParsedRequest): number {
  return scanned.kind("n") === "number" ? Number(scanned.json("n")) : 1;
}

/** Looks for a key in an event; `empty` is null or "". May say `set` wrongly, never the others. */
function find(search: DataSearch, event: EventCursor): "absent" | "empty" | "set" {
  let at = search.after(event, event.dataStart);
  if (at === -1) return "absent";
  while (at !== -1) {
    if (!isEmptyValue(event.bytes, at)) return "set";
    at = search.after(event, at);
  }
  return "empty";
}

function isEmptyValue(bytes: Buffer, afterKey: number): boolean {
  let i = afterKey;
  while (bytes[i] === SPACE) i++;
  if (bytes[i] !== COLON) return false;
  i++;
  while (bytes[i] === SPACE) i++;
  return bytes[i] === LETTER_N || (bytes[i] === QUOTE && bytes[i + 1] === QUOTE);
}

function readChoices(scanned: ScannedObject): readonly ChunkChoice[] {
  return scanned.kind("choices") === "array" ? (scanned.json("choices") as readonly ChunkChoice[]) : [];
}
