/** What a message, or a delta of one, says: the same members, whole or in pieces. */

import { nonEmptyString } from "../../answer-json.ts";
import { isRecord, type JsonRecord } from "../../conversation/read.ts";

/** A thought, or a piece of one. */
export interface Thought {
  readonly text: string;
  readonly signature: string | undefined;
  /** Of a redacted one. */
  readonly data: string | undefined;
  /** From `thinking_blocks`, where whole blocks may come after their text came by another name. */
  readonly isBlock: boolean;
}

/** A tool call, or a piece of one. */
export interface Call {
  readonly index: number | undefined;
  readonly id: string;
  readonly name: string;
  readonly arguments: string;
  /** Gemini's, through its OpenAI-compatible API: https://ai.google.dev/gemini-api/docs/thought-signatures#openai */
  readonly signature: string | undefined;
}

/**
 * Thoughts by all their names: `thinking_blocks` (gateways in front of Claude), `reasoning_content` (DeepSeek and most),
 * `reasoning` (Groq, OpenRouter, newer vLLM), Envoy AI Gateway's object of Bedrock's shape, and Mistral's parts in `content`.
 * A message that has the same thought by two names counts once.
 */
export function thoughtsOf(message: JsonRecord): readonly Thought[] {
  const blocks = records(message["thinking_blocks"]).map((block) => readThought(block, true));
  const plain = plainThought(message);
  if (blocks.some(({ text }) => text !== "") || plain === undefined) return blocks;
  if (blocks.length === 0) return [plain];
  // Blocks without text bring what proves the text beside them.
  return [plain, ...blocks];
}

/** Text of a message's `content`: a string, or parts of which those of text count. */
export function textOf(message: JsonRecord): string {
  const { content } = message;
  if (typeof content === "string") return content;
  let text = "";
  for (const part of records(content)) {
    if (part["type"] === "text" && typeof part["text"] === "string") text += part["text"];
  }
  return text;
}

/** Function calls of a message or delta. */
export function callsOf(message: JsonRecord): readonly Call[] {
  return records(message["tool_calls"]).map((call) => {
    const { index, function: said } = call;
    const called = isRecord(said) ? said : {};
    return {
      index: typeof index === "number" ? index : undefined,
      id: nonEmptyString(call["id"]) ?? "",
      name: nonEmptyString(called["name"]) ?? "",
      arguments: argumentsText(called["arguments"]),
      signature: signatureOf(call["extra_content"]),
    };
  });
}

/** The records of a list; of anything else, none. */
export function records(value: unknown): readonly JsonRecord[] {
  return Array.isArray(value) ? value.filter(isRecord) : [];
}

function signatureOf(extra: unknown): string | undefined {
  const google = isRecord(extra) ? extra["google"] : undefined;
  return isRecord(google) ? nonEmptyString(google["thought_signature"]) : undefined;
}

/** Some servers send arguments as an object, though OpenAI has them as JSON text. */
function argumentsText(said: unknown): string {
  if (typeof said === "string") return said;
  return isRecord(said) ? JSON.stringify(said) : "";
}

function readThought(block: JsonRecord, isBlock: boolean): Thought {
  return {
    text: nonEmptyString(block["thinking"]) ?? nonEmptyString(block["text"]) ?? "",
    signature: nonEmptyString(block["signature"]),
    data: nonEmptyString(block["data"]),
    isBlock,
  };
}

function plainThought(message: JsonRecord): Thought | undefined {
  const said = message["reasoning_content"] ?? message["reasoning"];
  const text = nonEmptyString(said) ?? mistralThought(message["content"]);
  if (text !== undefined) return { text, signature: undefined, data: undefined, isBlock: false };
  const inner = isRecord(said) ? said["reasoningContent"] : undefined;
  if (!isRecord(inner)) return undefined;
  const { reasoningText } = inner;
  if (isRecord(reasoningText)) return readThought(reasoningText, false);
  return { text: "", signature: undefined, data: nonEmptyString(inner["redactedContent"]), isBlock: false };
}

/** https://docs.mistral.ai/capabilities/reasoning/ */
function mistralThought(content: unknown): string | undefined {
  let text = "";
  for (const part of records(content)) {
    if (part["type"] !== "thinking") continue;
    for (const piece of records(part["thinking"])) text += nonEmptyString(piece["text"]) ?? "";
  }
  return nonEmptyString(text);
}
