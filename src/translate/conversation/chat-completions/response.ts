import type { Answer, AnswerPart, Choice } from "../answer.ts";
import type { AnswerContext } from "../codec.ts";
import { finishReason } from "./finish-reason.ts";
import { writeThinkingBlock } from "./thinking.ts";
import { writeSignature } from "./tools.ts";
import { writeUsage } from "./usage.ts";

/** A whole answer: https://platform.openai.com/docs/api-reference/chat/object. What is undefined is left out. */
export function writeAnswer(answer: Answer, { model, newId, now }: AnswerContext): object {
  return {
    id: completionId(answer.id, newId),
    choices: answer.choices.map(writeChoice),
    created: answer.createdAt ?? now(),
    model: answer.model || model,
    service_tier: answer.serviceTier,
    object: "chat.completion",
    usage: writeUsage(answer.usage),
    ...answer.extensions,
  };
}

/** The vendor's id, else one of our own. */
export function completionId(id: string, newId: () => string): string {
  return id === "" ? `chatcmpl-${newId()}` : id;
}

function writeChoice({ parts, stopReason, logprobs, extensions }: Choice, index: number): object {
  return { index, message: writeMessage(parts), logprobs, finish_reason: finishReason(stopReason), ...extensions };
}

function writeMessage(parts: readonly AnswerPart[]): object {
  const texts = parts.filter((part) => part.type === "text");
  return {
    content: texts.length === 0 ? null : texts.map(({ text }) => text).join(""),
    role: "assistant",
    refusal: joined(parts, "refusal"),
    tool_calls: unlessEmpty(parts.filter((part) => part.type === "tool-call").map(writeToolCall)),
    annotations: unlessEmpty(texts.flatMap(({ annotations = [] }) => annotations)),
    reasoning_content: joined(parts, "thinking"),
    thinking_blocks: unlessEmpty(parts.map(writeThinkingBlock).filter((block) => block !== undefined)),
  };
}

function writeToolCall(part: Extract<AnswerPart, { type: "tool-call" }>): object {
  return {
    id: part.id,
    type: "function",
    // A call of a function without arguments: callers parse the text all the same.
    function: { arguments: part.arguments === "" ? "{}" : part.arguments, name: part.name },
    extra_content: writeSignature(part.signature),
  };
}

function joined(parts: readonly AnswerPart[], type: "refusal" | "thinking"): string | undefined {
  const text = parts.map((part) => (part.type === type ? part.text : "")).join("");
  return text === "" ? undefined : text;
}

function unlessEmpty<T>(items: readonly T[]): readonly T[] | undefined {
  return items.length === 0 ? undefined : items;
}
