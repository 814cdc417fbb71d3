import { joinPath } from "../backend-path.ts";
import { overrideModel, Passthrough } from "../passthrough.ts";
import type { TranslatorContext, TranslatorFactory } from "../translator.ts";
import { DocumentReader, documentShape } from "./document.ts";
import { wrapOpenAIError } from "./error.ts";

/** Counting costs nothing: https://docs.vllm.ai/en/latest/serving/openai_compatible_server/#tokenizer-api */
const COUNT = documentShape("count", () => undefined);
const VERSION_SEGMENT = /(^|\/)v1\/*$/;

/** Tokens to a backend that counts them as vLLM does. */
export function tokenize(): TranslatorFactory {
  return (context) =>
    new Passthrough(context, {
      path: besideVersion,
      edit: overrideModel,
      reader: new DocumentReader(COUNT),
      wrapError: wrapOpenAIError,
    });
}

/** vLLM has it beside `/v1`, not below; what else is in front stays. */
function besideVersion({ prefix = "v1" }: TranslatorContext): string {
  return joinPath(prefix.replace(VERSION_SEGMENT, ""), "tokenize");
}
