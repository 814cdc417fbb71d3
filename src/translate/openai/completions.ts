import type { ParsedRequest } from "../../endpoints/endpoint.ts";
import { type BackendPath, Passthrough } from "../passthrough.ts";
import type { TranslatorFactory } from "../translator.ts";
import { ChoicesReader, requestedChoices } from "./choices-reader.ts";
import { wrapOpenAIError } from "./error.ts";
import { overrideModelAndAskUsage } from "./include-usage.ts";

/** Completions to a backend that speaks them: https://platform.openai.com/docs/api-reference/completions */
export function completions(path: BackendPath): TranslatorFactory {
  return (context) =>
    new Passthrough(context, {
      path,
      edit: overrideModelAndAskUsage,
      reader: new ChoicesReader(completedChoices),
      wrapError: wrapOpenAIError,
    });
}

/** A list of prompts has choices for each, and a list of tokens looks the same: only `[DONE]` tells when all are there. */
function completedChoices(body: ParsedRequest): number {
  return body.scanned.kind("prompt") === "array" ? Number.POSITIVE_INFINITY : requestedChoices(body);
}
