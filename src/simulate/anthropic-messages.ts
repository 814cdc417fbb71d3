/** Anthropic's messages and their events (https://docs.anthropic.com/en/docs/build-with-claude/streaming). */
import type { Answer } from "./answer.ts";
import { namedEvent, type Shape, simulateId } from "./shape.ts";

type Body = { readonly type: string; readonly [key: string]: unknown };

/** Anthropic's messages. */
export const ANTHROPIC_MESSAGES: Shape = {
  unary: (answer) => JSON.stringify(message(answer, [block(answer)], stopReason(answer), usage(answer))),
  events: (answer) => {
    const start = usage(answer);
    const bodies: Body[] = [
      { type: "message_start", message: message(answer, [], null, start && { ...start, output_tokens: 1 }) },
      { type: "content_block_start", index: 0, content_block: emptyBlock(answer) },
      { type: "ping" },
      ...deltas(answer).map((delta) => ({ type: "content_block_delta", index: 0, delta })),
      { type: "content_block_stop", index: 0 },
      {
        type: "message_delta",
        delta: { stop_reason: stopReason(answer), stop_sequence: null },
        ...(start && { usage: { output_tokens: start.output_tokens } }),
      },
      { type: "message_stop" },
    ];
    return bodies.map(namedEvent);
  },
};

function message(answer: Answer, content: readonly unknown[], stop: string | null, used: unknown): object {
  return {
    model: answer.model,
    id: simulateId("msg_", answer.serial),
    type: "message",
    role: "assistant",
    content,
    stop_reason: stop,
    stop_sequence: null,
    ...(used !== undefined && { usage: used }),
  };
}

/** Anthropic's `input_tokens` are without cached and cache-creation tokens. */
function usage({ usage: { input, cached, cacheCreation, output }, usageShape }: Answer) {
  if (usageShape === "none") return undefined;
  if (usageShape === "lies") return { input_tokens: -5, cache_read_input_tokens: "many", output_tokens: 1.5 };
  return {
    input_tokens: input - cached - cacheCreation,
    cache_creation_input_tokens: cacheCreation,
    cache_read_input_tokens: cached,
    cache_creation: { ephemeral_5m_input_tokens: cacheCreation, ephemeral_1h_input_tokens: 0 },
    output_tokens: output,
    service_tier: "standard",
  };
}

function stopReason(answer: Answer): string {
  return answer.toolCall === undefined ? "end_turn" : "tool_use";
}

function block(answer: Answer): object {
  const call = answer.toolCall;
  if (call === undefined) return { type: "text", text: answer.text };
  const input: unknown = JSON.parse(call.argumentsJson);
  return { type: "tool_use", id: simulateId("toolu_", answer.serial), name: call.name, input };
}

function emptyBlock(answer: Answer): object {
  return answer.toolCall === undefined ? { type: "text", text: "" } : { ...block(answer), input: {} };
}

function deltas(answer: Answer): object[] {
  if (answer.toolCall === undefined) return answer.pieces.map((text) => ({ type: "text_delta", text }));
  const json = answer.toolCall.argumentsJson;
  const middle = Math.floor(json.length / 2);
  return ["", json.slice(0, middle), json.slice(middle)].map((partial_json) => ({
    type: "input_json_delta",
    partial_json,
  }));
}
