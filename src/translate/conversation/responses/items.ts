import { cacheControl } from "../chat-completions/content.ts";
import { readSignature } from "../chat-completions/tools.ts";
import type { AssistantPart, TextPart, ToolCallPart, ToolResultPart, Turn } from "../conversation.ts";
import { malformed, untranslatable } from "../losses.ts";
import { type JsonRecord, requiredRecord, requiredText, text, wrongKind } from "../read.ts";
import { readContentOf } from "./content.ts";
import { customArguments } from "./custom-tools.ts";
import { readReasoningItem } from "./reasoning.ts";

/** The input of a request. */
export interface Input {
  readonly system: readonly TextPart[];
  readonly turns: readonly Turn[];
  /** Items, and members of items, that have no place in a conversation, by their paths. */
  readonly extensions: Readonly<Record<string, unknown>>;
}

/** An input that is being read. */
interface Reading {
  readonly system: TextPart[];
  readonly turns: Turn[];
  readonly extensions: Record<string, unknown>;
}

/** Reads `input`: https://platform.openai.com/docs/api-reference/responses/create#responses-create-input */
export function readInput(input: unknown): Input {
  const reading: Reading = { system: [], turns: [], extensions: {} };
  if (typeof input === "string")
    reading.turns.push({ role: "user", parts: [{ type: "text", text: input, path: "input" }] });
  else if (Array.isArray(input)) {
    for (const [index, item] of input.entries()) {
      const path = `input[${index}]`;
      readItem(requiredRecord(item, path), path, reading);
    }
  } else throw wrongKind(input, "input", "a string or an array of items");
  return reading;
}

/**
 * What OpenAI ran by itself for an earlier answer: the answer holds what came of it, so that it may be left out. Whatever else is
 * no item of a conversation was run by the caller, or stands for what only OpenAI has.
 */
const RUN_BY_OPENAI: ReadonlySet<unknown> = new Set([
  ...["web_search_call", "file_search_call", "code_interpreter_call", "image_generation_call"],
  ...["mcp_list_tools", "mcp_call", "tool_search_call", "tool_search_output"],
]);

function readItem(item: JsonRecord, path: string, reading: Reading): void {
  const type = item["type"] ?? (item["role"] === undefined ? undefined : "message");
  switch (type) {
    case "message":
      readMessage(item, path, reading);
      return;
    case "reasoning": {
      const { part, unread } = readReasoningItem(item, path);
      if (part !== undefined) addAssistant([part], reading);
      if (unread !== undefined) reading.extensions[`${path}.encrypted_content`] = unread;
      return;
    }
    case "function_call":
    case "custom_tool_call":
      addAssistant([readCall(item, path)], reading);
      return;
    case "function_call_output":
    case "custom_tool_call_output":
      reading.turns.push({ role: "user", parts: [readResult(item, path)] });
      return;
    default:
      if (typeof type !== "string") throw malformed(`${path}.type`, "must be a string");
      if (!RUN_BY_OPENAI.has(type)) {
        throw untranslatable(path, `${JSON.stringify(type)} is no item that can be told to this backend`);
      }
      reading.extensions[path] = item;
  }
}

function readMessage(item: JsonRecord, itemPath: string, { system, turns, ...reading }: Reading): void {
  const { role, content } = item;
  const path = `${itemPath}.content`;
  if (role === "system" || role === "developer") system.push(...readContentOf(content, path, ["text"]));
  else if (role === "assistant")
    addAssistant(readContentOf(content, path, ["text", "refusal"]), { system, turns, ...reading });
  else if (role === "user") {
    const parts = readContentOf(content, path, ["text", "image", "audio", "video", "document"]);
    if (parts.length > 0) turns.push({ role, parts });
  } else throw malformed(`${itemPath}.role`, `${JSON.stringify(role)} is no role of a message`);
}

/** Items that follow one another are one turn, as the model took it. */
function addAssistant(parts: readonly AssistantPart[], { turns }: Reading): void {
  if (parts.length === 0) return;
  const last = turns.at(-1);
  if (last?.role === "assistant") turns[turns.length - 1] = { role: "assistant", parts: [...last.parts, ...parts] };
  else turns.push({ role: "assistant", parts });
}

function readCall(item: JsonRecord, path: string): ToolCallPart {
  return {
    type: "tool-call",
    id: callId(item, path),
    name: requiredText(item["name"], `${path}.name`),
    arguments: readArguments(item, path),
    signature: readSignature(item, path),
    cache: cacheControl(item, path),
    path,
  };
}

function readArguments(item: JsonRecord, path: string): string {
  if (item["type"] === "function_call") return text(item["arguments"], `${path}.arguments`) ?? "";
  return customArguments(requiredText(item["input"], `${path}.input`));
}

/** https://platform.openai.com/docs/guides/function-calling?api-mode=responses */
function readResult(item: JsonRecord, path: string): ToolResultPart {
  const output = item["output"] ?? "";
  const parts = readContentOf(output, `${path}.output`, ["text", "image", "audio", "video", "document"]);
  return { type: "tool-result", id: callId(item, path), parts, isError: false, cache: cacheControl(item, path), path };
}

function callId(item: JsonRecord, path: string): string {
  const id = text(item["call_id"], `${path}.call_id`) ?? "";
  if (id === "") throw untranslatable(`${path}.call_id`, "a call and its output need an id");
  return id;
}
