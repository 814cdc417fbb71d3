import { type ApiSchema, outputCapAt } from "../api-schema.ts";
import { CHAT_COMPLETIONS_CLIENT } from "../conversation/chat-completions/codec.ts";
import { MESSAGES_CLIENT } from "../conversation/messages/codec.ts";
import { RESPONSES_CLIENT } from "../conversation/responses/codec.ts";
import { translated } from "../conversation/translated.ts";
import { translatedEmbeddings } from "../embeddings/translated.ts";
import { translatedTokenize } from "../tokenize/translated.ts";
import { GEMINI } from "./codec.ts";
import { VERTEX_EMBEDDINGS } from "./embeddings.ts";
import { generateContent } from "./generate-content.ts";
import { GEMINI_TOKENIZE } from "./tokenize.ts";

/** Gemini and Google's models of embeddings, on Vertex AI and (with a prefix) on AI Studio. */
export const GCP_VERTEX_AI: ApiSchema = {
  name: "GCPVertexAI",
  otelProvider: "gcp.vertex_ai",
  prefix: "Path in front of `models/…`, as AI Studio has it (`v1beta`); without it the path is Vertex AI's.",
  version: undefined,
  // https://ai.google.dev/api#authentication, https://docs.cloud.google.com/docs/authentication/api-keys-use
  apiKeyHeader: "x-goog-api-key",
  outputCaps: outputCapAt("generationConfig.maxOutputTokens"),
  endpoints: {
    "chat-completions": translated(CHAT_COMPLETIONS_CLIENT, GEMINI),
    embeddings: translatedEmbeddings(VERTEX_EMBEDDINGS),
    "generate-content": generateContent,
    messages: translated(MESSAGES_CLIENT, GEMINI),
    responses: translated(RESPONSES_CLIENT, GEMINI),
    tokenize: translatedTokenize(GEMINI_TOKENIZE),
  },
};
