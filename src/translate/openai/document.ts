import { KeySet, scanObject } from "../../wire/json-scan.ts";
import { holds, nonEmptyString } from "../answer-json.ts";
import type { AnswerFacts, ResponsePatch } from "../translator.ts";
import { ERROR_KEYS, errorIn, failWith, statusOfError } from "./error.ts";
import { readCompletionUsage } from "./usage.ts";

const KEYS = new KeySet(["model", "usage", "choices", "data", ...ERROR_KEYS]);

/**
 * Reads a whole chat completion, completion or list of embeddings. An error object with a 2xx status and without the
 * content is an error: it keeps its body and gets an error's status.
 *
 * @param content Key of what was asked for, by which an answer is told from an error.
 */
export function readDocument(body: Uint8Array, content: "choices" | "data", facts: AnswerFacts): ResponsePatch {
  const scanned = scanObject(body, KEYS);
  facts.responseModel = nonEmptyString(scanned.string("model"));
  readCompletionUsage(scanned, facts.usage);
  const error = holds(scanned, content) ? undefined : errorIn(scanned);
  if (error === undefined) {
    facts.state = "complete";
    return {};
  }
  failWith(facts, error);
  return { status: statusOfError(error) };
}
