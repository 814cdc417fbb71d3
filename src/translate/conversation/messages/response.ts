import type { Answer, AnswerPart } from "../answer.ts";
import type { AnswerContext } from "../codec.ts";
import { isRecord, type JsonRecord } from "../read.ts";
import { STOP_REASONS } from "./finish-reason.ts";
import { writeUsage } from "./usage.ts";

/** A message: https://docs.anthropic.com/en/api/messages#response-id. It has one choice; further ones have no place. */
export function writeAnswer(answer: Answer, { model, newId }: AnswerContext): object {
  const [choice] = answer.choices;
  const usage = writeUsage(answer.usage);
  return {
    id: answer.id === "" ? `msg_${newId()}` : answer.id,
    type: "message",
    role: "assistant",
    content: choice?.parts.flatMap(writePart) ?? [],
    model: answer.model === "" ? model : answer.model,
    stop_reason: choice === undefined ? null : STOP_REASONS[choice.stopReason],
    stop_sequence: choice?.stopSequence ?? null,
    usage: answer.serviceTier === undefined ? usage : { ...usage, service_tier: writeTier(answer.serviceTier) },
  };
}

/** Anthropic's word for what OpenAI calls `default`: https://docs.anthropic.com/en/api/service-tiers */
function writeTier(tier: string): string {
  return tier === "default" ? "standard" : tier;
}

function writePart(part: AnswerPart): object[] {
  switch (part.type) {
    case "text":
    case "refusal":
      return part.text === "" ? [] : [{ type: "text", text: part.text }];
    case "thinking":
      // SDKs want a signature; callers send it back as it is.
      return [{ type: "thinking", thinking: part.text, signature: part.signature ?? "" }];
    case "redacted-thinking":
      return [{ type: "redacted_thinking", data: part.data }];
    case "tool-call":
      return [{ type: "tool_use", id: part.id, name: part.name, input: parseArguments(part.arguments) }];
    case "vendor":
      return [];
  }
}

/** Arguments that a model has written badly become none: `input` must be an object. */
function parseArguments(text: string): JsonRecord {
  try {
    const parsed: unknown = JSON.parse(text);
    return isRecord(parsed) ? parsed : {};
  } catch {
    // Models do write broken JSON now and then; the tool then complains to the model, not the gateway to the caller.
    return {};
  }
}
