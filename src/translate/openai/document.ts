import type { TokenUsage } from "../../usage/token-usage.ts";
import { KeySet, type ScannedObject, scanObject } from "../../wire/json-scan.ts";
import type { EventCursor } from "../../wire/sse.ts";
import { holds, nonEmptyString } from "../answer-json.ts";
import type { AnswerReader } from "../passthrough.ts";
import { type AnswerFacts, emptyFacts, type ResponsePatch } from "../translator.ts";
import { ERROR_KEYS, errorIn, failWith, statusOfError } from "./error.ts";

const DONE = Buffer.from("[DONE]");
const ERROR_EVENT = Buffer.from("error");

/** How the answers of an endpoint look from outside. */
export interface DocumentShape {
  /** Key of what was asked for, by which an answer is told from an error. */
  readonly content: string;
  readonly readUsage: (scanned: ScannedObject, usage: TokenUsage) => void;
  readonly keys: KeySet;
}

/** Describes answers by the key of what was asked for. */
export function documentShape(content: string, readUsage: DocumentShape["readUsage"]): DocumentShape {
  return { content, readUsage, keys: new KeySet(["model", "usage", content, ...ERROR_KEYS]) };
}

/**
 * Reads a whole answer. An error object with a 2xx status and without the content is an error: it keeps its body and gets
 * an error's status.
 */
export function readDocument(
  body: Uint8Array,
  { content, keys, readUsage }: DocumentShape,
  facts: AnswerFacts,
): ResponsePatch {
  const scanned = scanObject(body, keys);
  facts.responseModel = nonEmptyString(scanned.string("model"));
  readUsage(scanned, facts.usage);
  const error = holds(scanned, content) ? undefined : errorIn(scanned);
  if (error === undefined) {
    facts.state = "complete";
    return {};
  }
  failWith(facts, error);
  return { status: statusOfError(error) };
}

/** Reads answers that are one document, or a stream that ends with one. */
export class DocumentReader implements AnswerReader {
  readonly facts = emptyFacts();
  readonly #shape: DocumentShape;
  readonly #last: readonly string[];
  /** Names of the events that are looked into. */
  readonly #read: readonly Buffer[];

  /** @param last Types of the event that ends a stream, with the usage in it; others are known by their name alone. */
  constructor(shape: DocumentShape, last: readonly string[] = []) {
    this.#shape = shape;
    this.#last = last;
    this.#read = [ERROR_EVENT, ...last.map((type) => Buffer.from(type))];
  }

  readWhole(body: Uint8Array): ResponsePatch {
    return readDocument(body, this.#shape, this.facts);
  }

  readEvent(event: EventCursor): boolean {
    if (event.isData(DONE)) this.#complete();
    else if (event.typeStart === -1 || event.isOneOf(this.#read)) this.#readEvent(event);
    return true;
  }

  #readEvent(event: EventCursor): void {
    const { facts } = this;
    const scanned = scanObject(event.data(), this.#shape.keys);
    const type = scanned.string("type");
    const error = errorIn(scanned) ?? (type === "error" ? { code: scanned.json("code") } : undefined);
    if (error !== undefined || event.isType(ERROR_EVENT)) {
      failWith(facts, error);
      return;
    }
    facts.responseModel = nonEmptyString(scanned.string("model")) ?? facts.responseModel;
    this.#shape.readUsage(scanned, facts.usage);
    if (type !== undefined && this.#last.includes(type)) this.#complete();
  }

  #complete(): void {
    if (this.facts.state === "open") this.facts.state = "complete";
  }
}
