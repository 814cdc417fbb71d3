import type { StopReason } from "../conversation/answer.ts";

/**
 * What Bedrock's reasons mean; unknown ones are an end like any other. `malformed_model_output` and `malformed_tool_use`
 * are among these: the answer is what it is.
 * https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_MessageStopEvent.html
 */
const REASONS: ReadonlyMap<unknown, StopReason> = new Map([
  ["end_turn", "end"],
  ["stop_sequence", "stop-sequence"],
  ["max_tokens", "max-tokens"],
  ["model_context_window_exceeded", "max-tokens"],
  ["tool_use", "tool-calls"],
  ["content_filtered", "content-filter"],
  ["guardrail_intervened", "content-filter"],
]);

/** The reason behind a `stopReason`. */
export function readStopReason(said: unknown): StopReason {
  return REASONS.get(said) ?? "end";
}
