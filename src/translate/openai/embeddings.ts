import { type BackendPath, overrideModel, Passthrough } from "../passthrough.ts";
import type { TranslatorFactory } from "../translator.ts";
import { DocumentReader, documentShape } from "./document.ts";
import { wrapOpenAIError } from "./error.ts";
import { readCompletionUsage } from "./usage.ts";

const EMBEDDINGS = documentShape("data", readCompletionUsage);

/** Embeddings to a backend that speaks them: https://platform.openai.com/docs/api-reference/embeddings */
export function embeddings(path: BackendPath): TranslatorFactory {
  return (context) =>
    new Passthrough(context, {
      path,
      edit: overrideModel,
      reader: new DocumentReader(EMBEDDINGS),
      wrapError: wrapOpenAIError,
    });
}
