/** Anthropic's messages and their events (https://docs.anthropic.com/en/docs/build-with-claude/streaming). */
import type { Answer, ToolCall } from "./answer.ts";
import { namedEvent, type Shape, simulateId } from "./shape.ts";

type Body = { readonly type: string; readonly [key: string]: unknown };

/** Anthropic's messages. */
export const ANTHROPIC_MESSAGES: Shape = {
  unary: (answer) => {
    const blocks = blocksOf(answer).map(({ whole }) => whole);
    return JSON.stringify(message(answer, blocks, stopReason(answer), usage(answer)));
  },
  events: (answer) => messageEvents(answer).map(namedEvent),
};

/** The events of a stream. */
export function messageEvents(answer: Answer): Body[] {
  const start = usage(answer);
  return [
    { type: "message_start", message: message(answer, [], null, start && { ...start, output_tokens: 1 }) },
    ...blocksOf(answer).flatMap(({ empty, deltas }, index) => [
      { type: "content_block_start", index, content_block: empty },
      ...(index === 0 ? [{ type: "ping" }] : []),
      ...deltas.map((delta) => ({ type: "content_block_delta", index, delta })),
      { type: "content_block_stop", index },
    ]),
    {
      type: "message_delta",
      delta: { stop_reason: stopReason(answer), stop_sequence: null },
      ...(start && { usage: { output_tokens: start.output_tokens } }),
    },
    { type: "message_stop" },
  ];
}

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

/** A block as it is, and as it grows in a stream. */
interface Block {
  readonly whole: object;
  readonly empty: object;
  readonly deltas: readonly object[];
}

function blocksOf(answer: Answer): Block[] {
  const { thinking, toolCall } = answer;
  const said = toolCall === undefined ? textBlock(answer) : toolBlock(toolCall, answer.serial);
  return thinking === undefined ? [said] : [thinkingBlock(thinking, answer.serial), said];
}

function thinkingBlock(thinking: string, serial: number): Block {
  const type = "thinking";
  const signature = simulateId("sig_", serial);
  return {
    whole: { type, thinking, signature },
    empty: { type, thinking: "", signature: "" },
    deltas: [
      { type: "thinking_delta", thinking },
      { type: "signature_delta", signature },
    ],
  };
}

function textBlock({ text, pieces }: Answer): Block {
  const deltas = pieces.map((piece) => ({ type: "text_delta", text: piece }));
  return { whole: { type: "text", text }, empty: { type: "text", text: "" }, deltas };
}

function toolBlock({ name, argumentsJson }: ToolCall, serial: number): Block {
  const block = { type: "tool_use", id: simulateId("toolu_", serial), name };
  const input: unknown = JSON.parse(argumentsJson);
  const middle = Math.floor(argumentsJson.length / 2);
  const parts = ["", argumentsJson.slice(0, middle), argumentsJson.slice(middle)];
  const deltas = parts.map((partial_json) => ({ type: "input_json_delta", partial_json }));
  return { whole: { ...block, input }, empty: { ...block, input: {} }, deltas };
}
