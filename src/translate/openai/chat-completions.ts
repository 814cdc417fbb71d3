import { type BackendPath, Passthrough } from "../passthrough.ts";
import type { TranslatorFactory } from "../translator.ts";
import { ChoicesReader, requestedChoices } from "./choices-reader.ts";
import { wrapOpenAIError } from "./error.ts";
import { overrideModelAndAskUsage } from "./include-usage.ts";

/** Chat completions to a backend that speaks them: https://platform.openai.com/docs/api-reference/chat */
export function chatCompletions(path: BackendPath): TranslatorFactory {
  return (context) =>
    new Passthrough(context, {
      path,
      edit: overrideModelAndAskUsage,
      reader: new ChoicesReader(requestedChoices),
      wrapError: wrapOpenAIError,
    });
}
