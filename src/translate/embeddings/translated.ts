/** Embeddings for backends that speak another dialect than OpenAI's. */
import type { TranslatorFactory } from "../translator.ts";
import { translatedUnary } from "../unary.ts";
import type { Embedding, EmbeddingsCodec } from "./codec.ts";
import { readEmbeddingsRequest } from "./request.ts";

/** Makes translators from OpenAI's embeddings to a backend's and back. */
export function translatedEmbeddings(codec: EmbeddingsCodec): TranslatorFactory {
  return translatedUnary({
    writeRequest: (document, target, losses) => codec.writeRequest(readEmbeddingsRequest(document), target, losses),
    translateAnswer: (body, { document, target, headers }, facts) => {
      const { embeddings, inputTokens } = codec.readAnswer(body, headers, target);
      const { model } = target;
      facts.usage.inputTokens = inputTokens;
      facts.usage.totalTokens = inputTokens;
      facts.responseModel = model;
      const isBase64 = document["encoding_format"] === "base64";
      return {
        object: "list",
        data: embeddings.map((embedding, index) => write(embedding, index, isBase64)),
        model,
        usage: { prompt_tokens: inputTokens ?? 0, total_tokens: inputTokens ?? 0 },
      };
    },
    readError: (status, headers, body) => codec.readError(status, headers, body),
  });
}

function write({ values, isTruncated }: Embedding, index: number, isBase64: boolean): object {
  const embedding = isBase64 ? base64(values) : values;
  return { object: "embedding", index, embedding, ...(isTruncated === true ? { truncated: true } : {}) };
}

/** 32-bit floats, little-endian, as OpenAI's SDKs ask for them: https://platform.openai.com/docs/api-reference/embeddings/create */
function base64(values: readonly number[]): string {
  const bytes = Buffer.alloc(values.length * 4);
  for (const [index, value] of values.entries()) bytes.writeFloatLE(value, index * 4);
  return bytes.toString("base64");
}
