import type { StopReason } from "../conversation/answer.ts";

/**
 * Gemini's reasons; those that say that something in the answer was withheld are all content filters to other dialects.
 * https://ai.google.dev/api/generate-content#FinishReason
 */
const STOP_REASONS: ReadonlyMap<string, StopReason> = new Map([
  ["STOP", "end"],
  ["MAX_TOKENS", "max-tokens"],
  ["SAFETY", "content-filter"],
  ["BLOCKLIST", "content-filter"],
  ["PROHIBITED_CONTENT", "content-filter"],
  ["SPII", "content-filter"],
  ["RECITATION", "content-filter"],
  ["LANGUAGE", "content-filter"],
  ["IMAGE_SAFETY", "content-filter"],
  ["IMAGE_PROHIBITED_CONTENT", "content-filter"],
  ["IMAGE_RECITATION", "content-filter"],
  ["MODEL_ARMOR", "content-filter"],
]);

/** Why a candidate ended; a call of a tool ends it with the same word as plain text does. */
export function stopReason(finishReason: string | undefined, hasCalls: boolean): StopReason {
  const reason = STOP_REASONS.get(finishReason ?? "STOP") ?? "end";
  return reason === "end" && hasCalls ? "tool-calls" : reason;
}
