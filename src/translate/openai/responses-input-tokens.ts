import { type TokenUsage, tokenCount } from "../../usage/token-usage.ts";
import type { ScannedObject } from "../../wire/json-scan.ts";
import { type BackendPath, overrideModel, Passthrough } from "../passthrough.ts";
import type { TranslatorFactory } from "../translator.ts";
import { DocumentReader, documentShape } from "./document.ts";
import { wrapOpenAIError } from "./error.ts";

const COUNT = documentShape("input_tokens", readCount);

/** Input tokens, counted by a backend: https://platform.openai.com/docs/api-reference/responses/input-tokens */
export function responsesInputTokens(path: BackendPath): TranslatorFactory {
  return (context) =>
    new Passthrough(context, {
      path,
      edit: overrideModel,
      reader: new DocumentReader(COUNT),
      wrapError: wrapOpenAIError,
    });
}

/** The count is the answer: there is no usage beside it. */
function readCount(scanned: ScannedObject, usage: TokenUsage): void {
  if (scanned.kind("input_tokens") === "number") usage.inputTokens = tokenCount(scanned.json("input_tokens"));
}
