import type { AssistantPart, TextPart, ToolResultPart, Turn } from "../conversation.ts";
import { malformed, untranslatable } from "../losses.ts";
import {
  isRecord,
  type JsonRecord,
  list,
  requiredList,
  requiredRecord,
  requiredText,
  text,
  wrongKind,
} from "../read.ts";
import { cacheControl, readContent, readTextContent } from "./content.ts";
import { readThinkingOf, readThinkingPart } from "./thinking.ts";
import { readToolCall } from "./tools.ts";

/** The messages of a request. */
export interface Messages {
  readonly system: readonly TextPart[];
  readonly turns: readonly Turn[];
  /** Members of messages that have no place in a conversation, by their paths. */
  readonly extensions: Readonly<Record<string, unknown>>;
}

/** Reads `messages`: https://platform.openai.com/docs/api-reference/chat/create#chat-create-messages */
export function readMessages(document: JsonRecord): Messages {
  const system: TextPart[] = [];
  const turns: Turn[] = [];
  const extensions: Record<string, unknown> = {};
  for (const [index, value] of requiredList(document["messages"], "messages").entries()) {
    const path = `messages[${index}]`;
    const message = requiredRecord(value, path);
    const role = requiredText(message["role"], `${path}.role`);
    if (role === "system" || role === "developer")
      system.push(...readTextContent(message["content"], `${path}.content`));
    else if (role === "user") turns.push({ role, parts: readContent(message["content"], `${path}.content`) });
    else if (role === "tool") turns.push({ role: "user", parts: [readToolResult(message, path)] });
    else if (role === "assistant") {
      const parts = readAssistant(message, path);
      // One that says nothing is nothing to any vendor.
      if (parts.length > 0) turns.push({ role, parts });
    } else throw malformed(`${path}.role`, `${JSON.stringify(role)} is no role of a message`);
    for (const key of ["name", "audio"]) {
      if (message[key] !== undefined && message[key] !== null) extensions[`${path}.${key}`] = message[key];
    }
  }
  return { system, turns, extensions };
}

/** An image in a result is beyond OpenAI's API, but several vendors take it. */
function readToolResult(message: JsonRecord, path: string): ToolResultPart {
  const id = text(message["tool_call_id"], `${path}.tool_call_id`);
  if (id === undefined || id === "")
    throw untranslatable(`${path}.tool_call_id`, "a tool's result needs the id of its call");
  const parts = readContent(message["content"], `${path}.content`);
  const cache = cacheControl(message, path) ?? parts.findLast((part) => part.cache !== undefined)?.cache;
  return {
    type: "tool-result",
    id,
    parts: parts.map((part) => ({ ...part, cache: undefined })),
    isError: false,
    cache,
    path,
  };
}

/** Thinking comes before what was thought about, and calls come after what was said. */
function readAssistant(message: JsonRecord, path: string): AssistantPart[] {
  if (message["function_call"] !== undefined && message["function_call"] !== null) {
    throw untranslatable(`${path}.function_call`, "is deprecated and not supported on this backend; use tool_calls");
  }
  const said = readSaid(message["content"], `${path}.content`);
  const isThinkingSaid = said.some(({ type }) => type === "thinking" || type === "redacted-thinking");
  const refusal = text(message["refusal"], `${path}.refusal`);
  const calls = list(message["tool_calls"], `${path}.tool_calls`) ?? [];
  return [
    ...(isThinkingSaid ? [] : readThinkingOf(message, path)),
    ...said,
    ...(refusal === undefined || refusal === ""
      ? []
      : [{ type: "refusal", text: refusal, path: `${path}.refusal` } as const]),
    ...calls.map((call, index) => readToolCall(call, `${path}.tool_calls[${index}]`)),
  ];
}

function readSaid(content: unknown, path: string): AssistantPart[] {
  if (content === undefined || content === null || content === "") return [];
  if (typeof content === "string") return [{ type: "text", text: content, path }];
  if (isRecord(content)) return [readAssistantPart(content, path)];
  if (!Array.isArray(content)) throw wrongKind(content, path, "a string or an array of parts");
  return content.map((part: unknown, index: number) => readAssistantPart(part, `${path}[${index}]`));
}

function readAssistantPart(value: unknown, path: string): AssistantPart {
  const part = requiredRecord(value, path);
  switch (part["type"]) {
    case "text":
      return { type: "text", text: requiredText(part["text"], `${path}.text`), cache: cacheControl(part, path), path };
    case "refusal":
      return { type: "refusal", text: requiredText(part["refusal"], `${path}.refusal`), path };
    case "thinking":
    case "redacted_thinking":
      return readThinkingPart(part, path);
    default:
      throw malformed(`${path}.type`, `${JSON.stringify(part["type"])} is no part of an assistant's message`);
  }
}
