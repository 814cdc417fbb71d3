import type { StopReason } from "../answer.ts";

/** Reasons in Gemini's words: https://ai.google.dev/api/generate-content#FinishReason */
const FINISH_REASONS: Readonly<Record<StopReason, string>> = {
  end: "STOP",
  "stop-sequence": "STOP",
  "max-tokens": "MAX_TOKENS",
  "tool-calls": "STOP",
  "content-filter": "SAFETY",
  refusal: "SAFETY",
  pause: "OTHER",
};

/** Why a candidate ended. */
export function finishReason(reason: StopReason): string {
  return FINISH_REASONS[reason];
}
