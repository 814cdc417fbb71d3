import { type ApiSchema, outputCapAt } from "../api-schema.ts";
import { CHAT_COMPLETIONS_CLIENT } from "../conversation/chat-completions/codec.ts";
import { fromGenerateContent } from "../conversation/generate-content/translated.ts";
import { RESPONSES_CLIENT } from "../conversation/responses/codec.ts";
import { translated } from "../conversation/translated.ts";
import { translatedTokenize } from "../tokenize/translated.ts";
import { GCP_ANTHROPIC_CODEC } from "./codec.ts";
import { gcpCountTokens } from "./count-tokens.ts";
import { gcpMessages } from "./messages.ts";
import { GCP_ANTHROPIC_TOKENIZE } from "./tokenize.ts";

/** Claude on Google's Vertex AI: Anthropic's own bodies and events at Google's paths. */
export const GCP_ANTHROPIC: ApiSchema = {
  name: "GCPAnthropic",
  otelProvider: "gcp.vertex_ai",
  prefix: undefined,
  version: "Value of `anthropic_version`, default `vertex-2023-10-16`.",
  outputCaps: outputCapAt("max_tokens"),
  endpoints: {
    "chat-completions": translated(CHAT_COMPLETIONS_CLIENT, GCP_ANTHROPIC_CODEC),
    "generate-content": fromGenerateContent(GCP_ANTHROPIC_CODEC),
    messages: gcpMessages,
    responses: translated(RESPONSES_CLIENT, GCP_ANTHROPIC_CODEC),
    "count-tokens": gcpCountTokens,
    tokenize: translatedTokenize(GCP_ANTHROPIC_TOKENIZE),
  },
};
