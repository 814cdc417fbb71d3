/** Embeddings of Vertex AI, by its text models (`predict`) and by Gemini's (`embedContent`). */
import type { Answer } from "./answer.ts";
import { embed } from "./openai-embeddings.ts";
import { countTokens, type JsonObject, list, object, type Prompt } from "./prompt.ts";
import { indented, type Rendered } from "./shape.ts";

/** Puts a body of predict into OpenAI's words. */
export function readPredict(body: JsonObject): JsonObject {
  const input = list(body["instances"]).map((instance) => object(instance)["content"]);
  return { input, dimensions: object(body["parameters"])["outputDimensionality"] };
}

/** Puts a body of embedContent into OpenAI's words. */
export function readEmbedContent(body: JsonObject): JsonObject {
  const { outputDimensionality } = object(body["embedContentConfig"]);
  return {
    input: [{ content: object(body["content"])["parts"] }],
    dimensions: outputDimensionality ?? body["outputDimensionality"],
  };
}

/** https://docs.cloud.google.com/vertex-ai/generative-ai/docs/model-reference/text-embeddings-api */
export function predict({ inputs, dimensions }: Prompt, { usageShape }: Answer): Rendered {
  const predictions = inputs.map((text) => {
    const statistics = { truncated: false, token_count: usageShape === "lies" ? -5 : countTokens(text) };
    return { embeddings: { values: embed(text, dimensions), ...(usageShape !== "none" && { statistics }) } };
  });
  return { pieces: [indented({ predictions })] };
}

/** https://ai.google.dev/api/embeddings#method:-models.embedcontent */
export function embedContent({ inputs, dimensions }: Prompt, { usage, usageShape }: Answer): Rendered {
  const usageMetadata = { promptTokenCount: usageShape === "lies" ? -5 : usage.input };
  const embedding = { values: embed(inputs[0] ?? "", dimensions) };
  return { pieces: [indented({ embedding, ...(usageShape !== "none" && { usageMetadata }) })] };
}
