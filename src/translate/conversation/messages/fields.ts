import type { ConversationField, FieldPaths } from "../losses.ts";
import { isRecord } from "../read.ts";

const NAMES: Readonly<Partial<Record<ConversationField, string>>> = {
  parallel_tool_calls: "tool_choice.disable_parallel_tool_use",
  reasoning_effort: "output_config.effort",
  stop: "stop_sequences",
  user: "metadata.user_id",
};

/** Where Anthropic's messages have their fields: https://docs.anthropic.com/en/api/messages */
export const MESSAGES_FIELDS: FieldPaths = {
  field(field, document) {
    if (field === "response_format")
      return isRecord(document["output_format"]) ? "output_format" : "output_config.format";
    return NAMES[field] ?? field;
  },
  part: {
    cache: "cache_control",
    "function.parameters": "input_schema",
    "function.strict": "strict",
    // Images have none.
    "media.detail": "detail",
    "thinking.signature": "signature",
    "tool-call.arguments": "input",
    "tool-call.id": "id",
    // Signatures of calls are Google's.
    "tool-call.signature": "signature",
    "tool-result.id": "tool_use_id",
  },
};
