import type { StopReason } from "../answer.ts";

/** Stop reasons as Anthropic names them: https://docs.anthropic.com/en/api/handling-stop-reasons */
export const STOP_REASONS: Readonly<Record<StopReason, string>> = {
  end: "end_turn",
  "stop-sequence": "stop_sequence",
  "max-tokens": "max_tokens",
  "tool-calls": "tool_use",
  "content-filter": "refusal",
  refusal: "refusal",
  pause: "pause_turn",
};
