import type { ConversationField, FieldPaths } from "../losses.ts";
import { isRecord, type JsonRecord } from "../read.ts";

const NAMES: Readonly<Partial<Record<ConversationField, string>>> = { response_format: "text.format" };

/** Where OpenAI's responses have their fields: https://platform.openai.com/docs/api-reference/responses/create */
export const RESPONSES_FIELDS: FieldPaths = {
  field(field, document) {
    if (field === "reasoning_effort") return reasoningPath(document["reasoning"]);
    if (field === "logprobs") return logprobsPath(document);
    if (field === "user" && typeof document["safety_identifier"] === "string") return "safety_identifier";
    return NAMES[field] ?? field;
  },
  part: {
    cache: "cache_control",
    "function.parameters": "parameters",
    "function.strict": "strict",
    "media.detail": "detail",
    "thinking.signature": "encrypted_content",
    "tool-call.arguments": "arguments",
    "tool-call.id": "call_id",
    "tool-call.signature": "extra_content.google.thought_signature",
    "tool-result.id": "call_id",
  },
};

function reasoningPath(reasoning: unknown): string {
  return isRecord(reasoning) && typeof reasoning["effort"] === "string" ? "reasoning.effort" : "reasoning.summary";
}

/** They are asked for among what is to be included, or by their number. */
function logprobsPath({ include }: JsonRecord): string {
  const index = Array.isArray(include) ? include.indexOf("message.output_text.logprobs") : -1;
  return index < 0 ? "top_logprobs" : `include[${index}]`;
}
