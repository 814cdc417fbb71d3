import { type ApiSchema, outputCapAt } from "../api-schema.ts";
import { CHAT_COMPLETIONS_CLIENT } from "../conversation/chat-completions/codec.ts";
import { fromGenerateContent } from "../conversation/generate-content/translated.ts";
import { RESPONSES_CLIENT } from "../conversation/responses/codec.ts";
import { translated } from "../conversation/translated.ts";
import { ANTHROPIC_CODEC, messagesPath } from "./codec.ts";
import { countTokens } from "./count-tokens.ts";
import { messages } from "./messages.ts";

/** Anthropic's own API and servers compatible with it. */
export const ANTHROPIC: ApiSchema = {
  name: "Anthropic",
  otelProvider: "anthropic",
  prefix: "Path in front of the operation, default `v1`.",
  version: undefined,
  outputCaps: outputCapAt("max_tokens"),
  endpoints: {
    "chat-completions": translated(CHAT_COMPLETIONS_CLIENT, ANTHROPIC_CODEC),
    "generate-content": fromGenerateContent(ANTHROPIC_CODEC),
    messages: messages((context) => messagesPath(context, "messages")),
    responses: translated(RESPONSES_CLIENT, ANTHROPIC_CODEC),
    "count-tokens": countTokens((context) => messagesPath(context, "messages/count_tokens")),
  },
};
