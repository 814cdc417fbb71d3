import { type AnswerReader, type BackendPath, overrideModel, Passthrough } from "../passthrough.ts";
import { emptyFacts, type ResponsePatch, type TranslatorFactory } from "../translator.ts";
import { readDocument } from "./document.ts";
import { wrapOpenAIError } from "./error.ts";

/** Embeddings to a backend that speaks them: https://platform.openai.com/docs/api-reference/embeddings */
export function embeddings(path: BackendPath): TranslatorFactory {
  return (context) =>
    new Passthrough(context, { path, edit: overrideModel, reader: new EmbeddingsReader(), wrapError: wrapOpenAIError });
}

/** Reads whole lists of embeddings; there are no streamed ones. */
class EmbeddingsReader implements AnswerReader {
  readonly facts = emptyFacts();

  readWhole(body: Uint8Array): ResponsePatch {
    return readDocument(body, "data", this.facts);
  }

  readEvent(): boolean {
    return true;
  }
}
