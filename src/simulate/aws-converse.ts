/**
 * Amazon Bedrock's Converse and ConverseStream.
 * https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Converse.html
 */
import type { Answer } from "./answer.ts";
import { type JsonObject, list, object, type Prompt } from "./prompt.ts";
import { framedEvent, type Rendered, simulateId } from "./shape.ts";

const LATENCY_MS = 1;

/** Puts a body of Converse into the words of chat completions and messages. */
export function readConverse(body: JsonObject): JsonObject {
  const { tools, toolChoice } = object(body["toolConfig"]);
  const more = object(body["additionalModelRequestFields"]);
  const { any, tool } = object(toolChoice);
  return {
    system: body["system"],
    messages: list(body["messages"]).map((turn) => ({ content: list(object(turn)["content"]).map(readBlock) })),
    tools: list(tools).map((item) => {
      const { name, inputSchema } = object(object(item)["toolSpec"]);
      return { name, input_schema: object(inputSchema)["json"] };
    }),
    tool_choice: any === undefined ? tool : { type: "any" },
    thinking: more["thinking"] ?? more["reasoningConfig"],
  };
}

function readBlock(block: unknown): unknown {
  const { toolResult } = object(block);
  return toolResult === undefined ? block : { type: "tool_result", content: object(toolResult)["content"] };
}

/** A whole answer. */
export function converse(_prompt: Prompt, answer: Answer): Rendered {
  const content = [...thought(answer), said(answer)];
  const usage = converseUsage(answer);
  const body = {
    metrics: { latencyMs: LATENCY_MS },
    output: { message: { content, role: "assistant" } },
    stopReason: stopReason(answer),
    ...(usage && { usage }),
  };
  return { pieces: [JSON.stringify(body)] };
}

/** The events of a stream. Only blocks of tools have an event to begin them. */
export function converseStream(_prompt: Prompt, answer: Answer): Rendered {
  const usage = converseUsage(answer);
  const thinking = thinkingDeltas(answer);
  const at = thinking.length === 0 ? 0 : 1;
  return {
    stream: true,
    pieces: [
      framedEvent("messageStart", { role: "assistant" }),
      ...thinking.map((delta) => deltaEvent(0, { reasoningContent: delta })),
      ...(at === 0 ? [] : [framedEvent("contentBlockStop", { contentBlockIndex: 0 })]),
      ...saidEvents(answer, at),
      framedEvent("contentBlockStop", { contentBlockIndex: at }),
      framedEvent("messageStop", { stopReason: stopReason(answer) }),
      framedEvent("metadata", { metrics: { latencyMs: LATENCY_MS }, ...(usage && { usage }) }),
    ],
  };
}

function saidEvents({ toolCall, pieces, serial }: Answer, contentBlockIndex: number): Buffer[] {
  if (toolCall === undefined) return pieces.map((text) => deltaEvent(contentBlockIndex, { text }));
  const { name, argumentsJson } = toolCall;
  const middle = Math.floor(argumentsJson.length / 2);
  const start = { toolUse: { name, toolUseId: simulateId("tooluse_", serial) } };
  return [
    framedEvent("contentBlockStart", { contentBlockIndex, start }),
    ...["", argumentsJson.slice(0, middle), argumentsJson.slice(middle)].map((input) =>
      deltaEvent(contentBlockIndex, { toolUse: { input } }),
    ),
  ];
}

function deltaEvent(contentBlockIndex: number, delta: object): Buffer {
  return framedEvent("contentBlockDelta", { contentBlockIndex, delta });
}

function thinkingDeltas({ thinking, serial }: Answer): object[] {
  return thinking === undefined ? [] : [{ text: thinking }, { signature: simulateId("sig_", serial) }];
}

function thought({ thinking, serial }: Answer): object[] {
  if (thinking === undefined) return [];
  return [{ reasoningContent: { reasoningText: { signature: simulateId("sig_", serial), text: thinking } } }];
}

function said({ toolCall, text, serial }: Answer): object {
  if (toolCall === undefined) return { text };
  const input: unknown = JSON.parse(toolCall.argumentsJson);
  return { toolUse: { input, name: toolCall.name, toolUseId: simulateId("tooluse_", serial) } };
}

function stopReason({ toolCall }: Answer): string {
  return toolCall === undefined ? "end_turn" : "tool_use";
}

/** Bedrock's `inputTokens` are without those that were read from the cache or written to it. */
function converseUsage({ usage: { input, cached, cacheCreation, output }, usageShape }: Answer): object | undefined {
  if (usageShape === "none") return undefined;
  if (usageShape === "lies") return { inputTokens: -5, outputTokens: 1.5, totalTokens: "many" };
  return {
    cacheReadInputTokens: cached,
    cacheWriteInputTokens: cacheCreation,
    inputTokens: input - cached - cacheCreation,
    outputTokens: output,
    totalTokens: input + output,
  };
}
