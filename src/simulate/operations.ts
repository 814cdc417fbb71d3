/** Which path is which operation of which vendor. */
import { ANTHROPIC_MESSAGES } from "./anthropic-messages.ts";
import { converse, converseStream, readConverse } from "./aws-converse.ts";
import { invoke, invokeStream, readCount, readInvoke } from "./aws-invoke.ts";
import { awsTokens, geminiTokens, inputTokens, messageTokens, rerank, tokenize } from "./counting.ts";
import { generateContent, readGenerateContent, streamAsArray, streamAsEvents } from "./gemini.ts";
import { embedContent, predict, readEmbedContent, readPredict } from "./google-embeddings.ts";
import { AZURE_CHAT, OPENAI_CHAT } from "./openai-chat.ts";
import { OPENAI_COMPLETIONS } from "./openai-completions.ts";
import { embeddings } from "./openai-embeddings.ts";
import { images, speech, transcription } from "./openai-media.ts";
import { OPENAI_RESPONSES } from "./openai-responses.ts";
import type { JsonObject } from "./prompt.ts";
import { indented, type Render, type Shape } from "./shape.ts";
import type { Vendor } from "./vendor.ts";

/** One operation: how it is rendered, or that it is the list of models. */
export interface Operation {
  readonly vendor: Vendor;
  readonly render: Shape | Render | "models";
  /** Puts what its bodies say into the words that {@link readPrompt} knows; absent = they use these. */
  readonly read?: (body: JsonObject) => JsonObject;
}

const BY_LAST_SEGMENTS: readonly (readonly [string, Operation])[] = [
  ["/chat/completions", { vendor: "openai", render: OPENAI_CHAT }],
  ["/completions", { vendor: "openai", render: OPENAI_COMPLETIONS }],
  ["/embeddings", { vendor: "openai", render: embeddings }],
  ["/responses/input_tokens", { vendor: "openai", render: inputTokens }],
  ["/responses", { vendor: "openai", render: OPENAI_RESPONSES }],
  ["/images/generations", { vendor: "openai", render: images("image_generation") }],
  ["/images/edits", { vendor: "openai", render: images("image_edit") }],
  ["/audio/speech", { vendor: "openai", render: speech }],
  ["/audio/transcriptions", { vendor: "openai", render: transcription }],
  ["/audio/translations", { vendor: "openai", render: transcription }],
  ["/tokenize", { vendor: "openai", render: tokenize }],
  ["/rerank", { vendor: "cohere", render: rerank }],
  ["/messages/count_tokens", { vendor: "anthropic", render: messageTokens }],
  ["/messages", { vendor: "anthropic", render: ANTHROPIC_MESSAGES }],
  ["/models", { vendor: "openai", render: "models" }],
];
const AZURE_PATH =
  /^\/openai\/(deployments\/([^/]+)\/)?(chat\/completions|embeddings|responses(\/input_tokens)?|(images|audio)\/\w+)$/;

const BEDROCK_PATH = /^\/model\/([^/]+)\/([a-z-]+)$/;
const BEDROCK: ReadonlyMap<string, Operation> = new Map([
  ["converse", { vendor: "aws", render: converse, read: readConverse }],
  ["converse-stream", { vendor: "aws", render: converseStream, read: readConverse }],
  ["invoke", { vendor: "aws", render: invoke, read: readInvoke }],
  ["invoke-with-response-stream", { vendor: "aws", render: invokeStream, read: readInvoke }],
  ["count-tokens", { vendor: "aws", render: awsTokens, read: readCount }],
]);

/** Of Vertex AI and of AI Studio. */
const GOOGLE_PATH = /\/models\/([^/]+):(\w+)$/;
const GOOGLE: ReadonlyMap<string, Operation> = new Map([
  ["generateContent", { vendor: "google", render: generateContent, read: readGenerateContent }],
  ["streamGenerateContent", { vendor: "google", render: streamAsArray, read: readGenerateContent }],
  ["streamGenerateContent?alt=sse", { vendor: "google", render: streamAsEvents, read: readGenerateContent }],
  ["countTokens", { vendor: "google", render: geminiTokens, read: readGenerateContent }],
  ["predict", { vendor: "google", render: predict, read: readPredict }],
  ["embedContent", { vendor: "google", render: embedContent, read: readEmbedContent }],
  ["rawPredict", { vendor: "google", render: ANTHROPIC_MESSAGES }],
  ["streamRawPredict", { vendor: "google", render: ANTHROPIC_MESSAGES }],
]);
/** Claude's tokens are counted on Vertex AI by a model of this name. */
const COUNTING_MODEL = "count-tokens";

/** What a path asks for. */
export interface Target {
  readonly operation: Operation;
  /** The model or deployment that the path names. */
  readonly model: string | undefined;
}

/**
 * Finds the operation of a path without query. Only the last segments count, because providers put the same operations
 * under prefixes of their own: `/v1`, `/openai/v1`, `/v1beta/openai`, …
 */
export function findTarget(path: string, query: URLSearchParams, isAnthropicClient: boolean): Target | undefined {
  const inPath = findByModel(path, query);
  if (inPath !== undefined) return inPath;
  const azure = query.has("api-version") ? AZURE_PATH.exec(path) : null;
  const found = BY_LAST_SEGMENTS.find(([ending]) => path.endsWith(ending));
  if (found === undefined) return undefined;
  const [, operation] = found;
  if (azure !== null) {
    const render = operation.render === OPENAI_CHAT ? AZURE_CHAT : operation.render;
    return { operation: { vendor: "azure", render }, model: azure[2] };
  }
  if (operation.render === "models" && isAnthropicClient) {
    return { operation: { ...operation, vendor: "anthropic" }, model: undefined };
  }
  return { operation, model: undefined };
}

/** Finds the operation of a path that names the model. */
function findByModel(path: string, query: URLSearchParams): Target | undefined {
  const [, model = "", name = ""] = BEDROCK_PATH.exec(path) ?? GOOGLE_PATH.exec(path) ?? [];
  if (name === "rawPredict" && model === COUNTING_MODEL) {
    return { operation: { vendor: "google", render: messageTokens }, model: undefined };
  }
  const form = query.get("alt") === "sse" ? "?alt=sse" : "";
  const operation = path.startsWith("/model/") ? BEDROCK.get(name) : (GOOGLE.get(name + form) ?? GOOGLE.get(name));
  return operation && { operation, model: decodeURIComponent(model) };
}

const MODELS = ["simulated", "simulated-slow"];

/** The list of models in a vendor's shape. */
export function renderModels(vendor: Vendor): string {
  if (vendor === "anthropic") {
    const data = MODELS.map((id) => ({ type: "model", id, display_name: id, created_at: "2026-01-01T00:00:00Z" }));
    return JSON.stringify({ data, has_more: false, first_id: MODELS[0], last_id: MODELS.at(-1) });
  }
  const data = MODELS.map((id) => ({ id, object: "model", created: 1767225600, owned_by: "simulated" }));
  return indented({ object: "list", data });
}
