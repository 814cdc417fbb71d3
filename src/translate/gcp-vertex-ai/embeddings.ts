import { tokenCount } from "../../usage/token-usage.ts";
import { readMessages } from "../conversation/chat-completions/turns.ts";
import type { BackendRequest, BackendTarget } from "../conversation/codec.ts";
import { conversation } from "../conversation/conversation.ts";
import { type Losses, untranslatable } from "../conversation/losses.ts";
import { isRecord, type JsonRecord } from "../conversation/read.ts";
import { invalidAnswer, parseAnswer, readNumbers } from "../embeddings/answer.ts";
import type { Embedding, EmbeddingsAnswer, EmbeddingsCodec } from "../embeddings/codec.ts";
import type { EmbeddingsRequest, EmbeddingsText } from "../embeddings/request.ts";
import { writeContents } from "./contents.ts";
import { readError } from "./error.ts";
import { geminiModel } from "./model-version.ts";
import { modelPath } from "./path.ts";

/** Embeddings of Vertex AI: by `predict` with its text models, by `embedContent` with the Gemini models that came after them. */
export const VERTEX_EMBEDDINGS: EmbeddingsCodec = { writeRequest, readAnswer, readError };

function writeRequest(request: EmbeddingsRequest, target: BackendTarget, losses: Losses): BackendRequest {
  for (const name of Object.keys(request.extensions)) if (name !== "messages") losses.dropPath(name);
  if (request.userId !== undefined) losses.dropPath("user");
  return isPredicted(target.model)
    ? { path: modelPath(target, "predict"), body: writePredict(request) }
    : { path: modelPath(target, "embedContent"), body: writeEmbedContent(request, target, losses) };
}

function isPredicted(model: string): boolean {
  return !model.includes("gemini") || model === "gemini-embedding-001";
}

/** https://docs.cloud.google.com/vertex-ai/generative-ai/docs/model-reference/text-embeddings-api */
function writePredict({ texts, dimensions, taskType, title, autoTruncate }: EmbeddingsRequest): object {
  if (texts.length === 0) throw untranslatable("messages", "are not supported by this model; use input");
  return {
    instances: texts.map((text) => writeInstance(text, { taskType, title })),
    parameters: { autoTruncate, outputDimensionality: dimensions },
  };
}

/** What is said for all texts goes before what is said for one. A title is for documents only. */
function writeInstance(given: EmbeddingsText, forAll: Pick<EmbeddingsText, "taskType" | "title">): object {
  const taskType = forAll.taskType ?? given.taskType;
  const title = forAll.title ?? (taskType === "RETRIEVAL_DOCUMENT" ? given.title : undefined);
  return { content: given.text, task_type: taskType, title };
}

/** https://docs.cloud.google.com/vertex-ai/generative-ai/docs/reference/rest/v1/projects.locations.publishers.models/embedContent */
function writeEmbedContent(request: EmbeddingsRequest, { model }: BackendTarget, losses: Losses): object {
  const [first, ...more] = request.texts;
  if (more.length > 0) throw untranslatable("input", "this model embeds one text at a time");
  const config = {
    taskType: request.taskType ?? first?.taskType,
    title: request.title ?? first?.title,
    outputDimensionality: request.dimensions,
    autoTruncate: request.autoTruncate,
  };
  const isConfigured = Object.values(config).some((value) => value !== undefined);
  const parts = first === undefined ? messageParts(request.extensions, model, losses) : [{ text: first.text }];
  return { content: { parts }, ...(isConfigured ? { embedContentConfig: config } : {}) };
}

function messageParts(document: JsonRecord, model: string, losses: Losses): object[] {
  const { system, turns } = readMessages(document);
  if (system.length > 0 || turns.some(({ role }) => role !== "user")) {
    throw untranslatable("messages", "only what the user says can be embedded");
  }
  const contents = writeContents(conversation({ turns }), geminiModel(model), losses);
  const parts = contents.flatMap((content) => content.parts);
  if (parts.length === 0) throw untranslatable("messages", "there is nothing to embed");
  return parts;
}

function readAnswer(body: Uint8Array): EmbeddingsAnswer {
  const document = parseAnswer(body);
  const { predictions, embedding, truncated, usageMetadata } = document;
  if (isRecord(embedding)) {
    const usage = isRecord(usageMetadata) ? usageMetadata : {};
    return {
      embeddings: [readEmbedding(embedding, truncated)],
      inputTokens: tokenCount(usage["promptTokenCount"]),
    };
  }
  if (!Array.isArray(predictions)) throw invalidAnswer();
  const read = predictions.map(readPrediction);
  const counts = read.map(({ tokens }) => tokens).filter((count) => count !== undefined);
  return {
    embeddings: read.map(({ vector }) => vector),
    inputTokens: counts.length === 0 ? undefined : tokenCount(counts.reduce((total, count) => total + count, 0)),
  };
}

function readPrediction(prediction: unknown): { readonly vector: Embedding; readonly tokens: number | undefined } {
  const embeddings: unknown = isRecord(prediction) ? prediction["embeddings"] : undefined;
  if (!isRecord(embeddings)) throw invalidAnswer();
  const statistics = isRecord(embeddings["statistics"]) ? embeddings["statistics"] : {};
  return {
    vector: readEmbedding(embeddings, statistics["truncated"]),
    tokens: tokenCount(statistics["token_count"]),
  };
}

function readEmbedding({ values }: JsonRecord, truncated: unknown): Embedding {
  return { values: readNumbers(values), isTruncated: truncated === true };
}
