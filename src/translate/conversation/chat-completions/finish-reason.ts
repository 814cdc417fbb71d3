import type { StopReason } from "../answer.ts";

/** https://platform.openai.com/docs/api-reference/chat/object#chat-object-choices-finish_reason */
const FINISH_REASONS: Readonly<Record<StopReason, string>> = {
  end: "stop",
  "stop-sequence": "stop",
  "max-tokens": "length",
  "tool-calls": "tool_calls",
  "content-filter": "content_filter",
  refusal: "content_filter",
  pause: "stop",
};

/** A choice's `finish_reason`. */
export function finishReason(reason: StopReason): string {
  return FINISH_REASONS[reason];
}
