import type { RerankMeta } from "../../apischema/cohere/rerank.ts";
import { type TokenUsage, tokenCount } from "../../usage/token-usage.ts";
import type { HeaderMap } from "../../wire/headers.ts";
import { KeySet, type ScannedObject, scanObject } from "../../wire/json-scan.ts";
import { holds } from "../answer-json.ts";
import { errorText, isJsonError } from "../error-text.ts";
import { jsonAnswer } from "../json-body.ts";
import { type AnswerReader, type BackendPath, overrideModel, Passthrough } from "../passthrough.ts";
import { emptyFacts, type ResponsePatch, type TranslatorFactory } from "../translator.ts";

const KEYS = new KeySet(["results", "meta", "message"]);

/** Reranking to a backend that does it: https://docs.cohere.com/reference/rerank */
export function rerank(path: BackendPath): TranslatorFactory {
  return (context) =>
    new Passthrough(context, {
      path,
      edit: overrideModel,
      reader: new RerankReader(),
      wrapError: wrapCohereError,
    });
}

/** Reads whole answers; there are no streamed ones. */
class RerankReader implements AnswerReader {
  readonly facts = emptyFacts();

  readWhole(body: Uint8Array): ResponsePatch {
    const { facts } = this;
    const scanned = scanObject(body, KEYS);
    readUsage(scanned, facts.usage);
    if (holds(scanned, "results") || !holds(scanned, "message")) {
      facts.state = "complete";
      return {};
    }
    facts.state = "failed";
    facts.errorType = "error";
    return { status: 502 };
  }

  readEvent(): boolean {
    return true;
  }
}

/** Tokens where they are told; reranking itself is billed by searches, which are no tokens. */
function readUsage(scanned: ScannedObject, usage: TokenUsage): void {
  if (scanned.kind("meta") !== "object") return;
  const { tokens, billed_units } = scanned.json("meta") as RerankMeta;
  const input = wholeTokens(tokens?.input_tokens) ?? wholeTokens(billed_units?.input_tokens);
  const output = wholeTokens(tokens?.output_tokens) ?? wholeTokens(billed_units?.output_tokens);
  if (input === undefined && output === undefined) return;
  usage.inputTokens = input;
  usage.outputTokens = output;
  usage.totalTokens = (input ?? 0) + (output ?? 0);
}

/** Cohere's counts are floating-point numbers. */
function wholeTokens(value: unknown): number | undefined {
  return tokenCount(typeof value === "number" ? Math.trunc(value) : value);
}

/** Leaves a JSON error as it is; anything else becomes one of Cohere's: https://docs.cohere.com/reference/errors */
function wrapCohereError(status: number, headers: HeaderMap, body: Uint8Array): ResponsePatch {
  return isJsonError(headers, body) ? {} : jsonAnswer({ message: errorText(status, headers, body) });
}
