import { tokenCount } from "../../usage/token-usage.ts";
import type { HeaderMap } from "../../wire/headers.ts";
import { pathSegment } from "../backend-path.ts";
import type { BackendRequest, BackendTarget } from "../conversation/codec.ts";
import { type Losses, untranslatable } from "../conversation/losses.ts";
import { isRecord } from "../conversation/read.ts";
import { invalidAnswer, parseAnswer, readNumbers } from "../embeddings/answer.ts";
import type { Embedding, EmbeddingsAnswer, EmbeddingsCodec } from "../embeddings/codec.ts";
import type { EmbeddingsRequest } from "../embeddings/request.ts";
import { readError } from "./error.ts";

/** Embeddings by InvokeModel, whose bodies are each maker's own: Cohere's models have their form, all others Titan's. */
export const BEDROCK_EMBEDDINGS: EmbeddingsCodec = { writeRequest, readAnswer, readError };

function writeRequest(request: EmbeddingsRequest, { model }: BackendTarget, losses: Losses): BackendRequest {
  if (request.texts.length === 0) throw untranslatable("messages", "are not supported on this backend; use input");
  if (request.userId !== undefined) losses.dropPath("user");
  if (request.title !== undefined || request.texts.some(({ title }) => title !== undefined)) losses.dropPath("title");
  const body = isCohere(model) ? writeCohere(request, losses) : writeTitan(request, losses);
  return { path: `/model/${pathSegment(model)}/invoke`, body };
}

function isCohere(model: string): boolean {
  return model.includes("cohere.embed");
}

/** https://docs.aws.amazon.com/bedrock/latest/userguide/model-parameters-titan-embed-text.html */
function writeTitan(request: EmbeddingsRequest, losses: Losses): object {
  const { texts, dimensions, extensions } = request;
  const [first] = texts;
  if (first === undefined || texts.length > 1) throw untranslatable("input", "this model embeds one text at a time");
  const { normalize, ...rest } = extensions;
  for (const name of Object.keys(rest)) losses.dropPath(name);
  if (request.autoTruncate !== undefined) losses.dropPath("auto_truncate");
  if (taskTypeOf(request) !== undefined) losses.dropPath("task_type");
  return { inputText: first.text, dimensions, normalize };
}

/**
 * https://docs.aws.amazon.com/bedrock/latest/userguide/model-parameters-embed-v3.html and …-v4.html; only the latter knows
 * dimensions. The model wants to be told what the texts are for, which OpenAI's callers do not say: documents, then.
 */
function writeCohere(request: EmbeddingsRequest, losses: Losses): object {
  const { texts, dimensions, autoTruncate, extensions } = request;
  const { input_type: inputType, truncate, ...rest } = extensions;
  for (const name of Object.keys(rest)) losses.dropPath(name);
  const taskType = taskTypeOf(request);
  const known = INPUT_TYPES.get(taskType ?? "");
  if (taskType !== undefined && known === undefined) losses.dropPath("task_type");
  return {
    texts: texts.map(({ text }) => text),
    input_type: inputType ?? known ?? "search_document",
    truncate: truncate ?? (autoTruncate === undefined ? undefined : autoTruncate ? "END" : "NONE"),
    output_dimension: dimensions,
  };
}

/** One type goes for all texts. */
function taskTypeOf({ taskType, texts }: EmbeddingsRequest): string | undefined {
  return taskType ?? texts[0]?.taskType;
}

/** Cohere's words for Google's. */
const INPUT_TYPES: ReadonlyMap<string, string> = new Map([
  ["RETRIEVAL_DOCUMENT", "search_document"],
  ["RETRIEVAL_QUERY", "search_query"],
  ["CLASSIFICATION", "classification"],
  ["CLUSTERING", "clustering"],
]);

function readAnswer(body: Uint8Array, headers: HeaderMap): EmbeddingsAnswer {
  const document = parseAnswer(body);
  const { embedding, embeddings, inputTextTokenCount } = document;
  const counted = headers.get("x-amzn-bedrock-input-token-count");
  return {
    embeddings: embedding === undefined ? readList(embeddings) : [readEmbedding(embedding)],
    inputTokens: tokenCount(inputTextTokenCount) ?? tokenCount(counted === undefined ? undefined : Number(counted)),
  };
}

/** Cohere answers with a list, or with lists by type. */
function readList(embeddings: unknown): readonly Embedding[] {
  const list = isRecord(embeddings) ? embeddings["float"] : embeddings;
  if (!Array.isArray(list)) throw invalidAnswer();
  return list.map(readEmbedding);
}

function readEmbedding(values: unknown): Embedding {
  return { values: readNumbers(values) };
}
