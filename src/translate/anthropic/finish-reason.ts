import type { StopReason } from "../conversation/answer.ts";

/** https://docs.anthropic.com/en/api/handling-stop-reasons */
const REASONS: ReadonlyMap<unknown, StopReason> = new Map([
  ["end_turn", "end"],
  ["stop_sequence", "stop-sequence"],
  ["max_tokens", "max-tokens"],
  ["model_context_window_exceeded", "max-tokens"],
  ["tool_use", "tool-calls"],
  ["pause_turn", "pause"],
  ["refusal", "refusal"],
]);

/** Reads `stop_reason`; a newer word, or none, is a plain end. */
export function readStopReason(reason: unknown): StopReason {
  return REASONS.get(reason) ?? "end";
}
