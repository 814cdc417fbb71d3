import type { StopReason } from "../../conversation/answer.ts";

/** `finish_reason`: https://platform.openai.com/docs/api-reference/chat/object#chat-object-choices-finish_reason */
const REASONS: ReadonlyMap<unknown, StopReason> = new Map<unknown, StopReason>([
  ["stop", "end"],
  ["length", "max-tokens"],
  ["tool_calls", "tool-calls"],
  ["function_call", "tool-calls"],
  ["content_filter", "content-filter"],
]);

/**
 * Why the model stopped. With a forced tool OpenAI says `stop` though it calls one, and so do some compatible servers with any;
 * a refusal has no word of its own.
 */
export function readStopReason(
  word: unknown,
  said: { readonly calls: boolean; readonly refuses: boolean },
): StopReason {
  const reason = REASONS.get(word) ?? "end";
  if (reason !== "end") return reason;
  if (said.calls) return "tool-calls";
  return said.refuses ? "refusal" : "end";
}
