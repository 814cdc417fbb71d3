import type { FieldPaths } from "../losses.ts";

/** Where chat completions have their fields: https://platform.openai.com/docs/api-reference/chat/create */
export const CHAT_FIELDS: FieldPaths = {
  // The names of the fields are those of this dialect; `user` has a newer one.
  field: (field, document) =>
    field === "user" && typeof document["safety_identifier"] === "string" ? "safety_identifier" : field,
  part: {
    cache: "cache_control",
    "function.parameters": "function.parameters",
    "function.strict": "function.strict",
    "media.detail": "image_url.detail",
    "thinking.signature": "signature",
    "tool-call.arguments": "function.arguments",
    "tool-call.id": "id",
    "tool-call.signature": "extra_content.google.thought_signature",
    "tool-result.id": "tool_call_id",
  },
};
