import { tokenCount } from "../../usage/token-usage.ts";
import { KeySet, type ScannedObject, scanObject } from "../../wire/json-scan.ts";
import { holds, nonEmptyString, scanInner } from "../answer-json.ts";
import { type AnswerReader, type BackendPath, overrideModel, Passthrough } from "../passthrough.ts";
import { type AnswerFacts, emptyFacts, type ResponsePatch, type TranslatorFactory } from "../translator.ts";
import { wrapAnthropicError } from "./error.ts";

/** Counting of tokens by a backend that speaks Anthropic's API: https://docs.anthropic.com/en/api/messages-count-tokens */
export function countTokens(path: BackendPath): TranslatorFactory {
  return (context) =>
    new Passthrough(context, {
      path,
      edit: overrideModel,
      reader: new CountReader(),
      wrapError: wrapAnthropicError,
    });
}

const KEYS = new KeySet(["type", "input_tokens", "error"]);
const ERROR_KEYS = new KeySet(["type"]);

/** Reads a count; there are no streamed ones. */
export class CountReader implements AnswerReader {
  readonly facts = emptyFacts();

  readWhole(body: Uint8Array): ResponsePatch {
    const scanned = scanObject(body, KEYS);
    noteCount(this.facts, scanned.json("input_tokens"));
    if (holds(scanned, "input_tokens") || !holds(scanned, "error")) {
      this.facts.state = "complete";
      return {};
    }
    this.facts.state = "failed";
    this.facts.errorType = typeOfError(scanned);
    return { status: 502 };
  }

  readEvent(): boolean {
    return true;
  }
}

/** Notes what was counted. */
export function noteCount(facts: AnswerFacts, count: unknown): void {
  facts.usage.inputTokens = tokenCount(count);
}

function typeOfError(scanned: ScannedObject): string {
  return nonEmptyString(scanInner(scanned, "error", ERROR_KEYS)?.string("type")) ?? "error";
}
