import type { FunctionTool, Tool, ToolCallPart, ToolChoice } from "../conversation.ts";
import { malformed, untranslatable } from "../losses.ts";
import { flag, isRecord, type JsonRecord, list, record, requiredRecord, requiredText, text } from "../read.ts";
import { cacheControl } from "./content.ts";

/** The tools of a request and which of them may be called. */
export interface Tools {
  readonly tools: readonly Tool[];
  readonly toolChoice: ToolChoice | undefined;
}

/** Reads `tools` and `tool_choice`: https://platform.openai.com/docs/api-reference/chat/create#chat-create-tools */
export function readTools(document: JsonRecord): Tools {
  const tools = (list(document["tools"], "tools") ?? []).map((tool, index) => readTool(tool, `tools[${index}]`));
  const choice = document["tool_choice"];
  if (choice === undefined || choice === null) return { tools, toolChoice: undefined };
  if (isRecord(choice) && choice["type"] === "allowed_tools") return readAllowedTools(choice, tools);
  return { tools, toolChoice: readToolChoice(choice) };
}

function readTool(value: unknown, path: string): Tool {
  const tool = requiredRecord(value, path);
  const type = text(tool["type"], `${path}.type`) ?? "function";
  if (type !== "function") return { type: "vendor", dialect: "chat-completions", name: type, definition: tool, path };
  return { ...readFunction(requiredRecord(tool["function"], `${path}.function`), tool, `${path}.function`), path };
}

function readFunction(definition: JsonRecord, tool: JsonRecord, path: string): FunctionTool {
  const parameters = record(definition["parameters"], `${path}.parameters`);
  return {
    type: "function",
    name: requiredText(definition["name"], `${path}.name`),
    description: text(definition["description"], `${path}.description`),
    parameters,
    strict: flag(definition["strict"], `${path}.strict`),
    cache: cacheControl(definition, path) ?? cacheControl(tool, path),
  };
}

function readToolChoice(choice: unknown): ToolChoice {
  if (isRecord(choice)) {
    if (choice["type"] === "function") {
      const { name } = requiredRecord(choice["function"], "tool_choice.function");
      return { type: "tool", name: requiredText(name, "tool_choice.function.name") };
    }
    if (choice["type"] === "custom")
      throw untranslatable("tool_choice", "custom tools are not supported on this backend");
  }
  return readMode(isRecord(choice) ? choice["type"] : choice, "tool_choice");
}

function readMode(mode: unknown, path: string): ToolChoice {
  // `any` is what Anthropic and others say for OpenAI's `required`.
  if (mode === "any") return { type: "required" };
  if (mode === "auto" || mode === "none" || mode === "required") return { type: mode };
  throw malformed(path, 'must be "none", "auto", "required" or an object that names a function');
}

/** A choice among some of the tools is, where it has no word of its own, a request with those tools only. */
function readAllowedTools(choice: JsonRecord, tools: readonly Tool[]): Tools {
  const path = "tool_choice.allowed_tools";
  const allowed = requiredRecord(choice["allowed_tools"], path);
  const names = new Set(
    (list(allowed["tools"], `${path}.tools`) ?? []).map((tool, index) => {
      const named = requiredRecord(tool, `${path}.tools[${index}]`);
      return isRecord(named["function"]) ? named["function"]["name"] : named["type"];
    }),
  );
  return { tools: tools.filter(({ name }) => names.has(name)), toolChoice: readMode(allowed["mode"], `${path}.mode`) };
}

/**
 * Reads a tool call of an earlier answer.
 *
 * @throws GatewayError `untranslatable` for one without id, which no vendor could tell from another.
 */
export function readToolCall(value: unknown, path: string): ToolCallPart {
  const call = requiredRecord(value, path);
  if (call["type"] === "custom") throw untranslatable(path, "calls of custom tools are not supported on this backend");
  const called = requiredRecord(call["function"], `${path}.function`);
  const id = text(call["id"], `${path}.id`);
  if (id === undefined || id === "") throw untranslatable(`${path}.id`, "a tool call needs an id");
  return {
    type: "tool-call",
    id,
    name: requiredText(called["name"], `${path}.function.name`),
    arguments: readArguments(called["arguments"], `${path}.function.arguments`),
    signature: readSignature(call, path),
    cache: cacheControl(call, path),
    path,
  };
}

/** Some callers send the arguments as the object they stand for. */
function readArguments(value: unknown, path: string): string {
  return isRecord(value) ? JSON.stringify(value) : (text(value, path) ?? "");
}

/**
 * Reads {@link ToolCallPart.signature} where Gemini's OpenAI-compatible API has it:
 * https://ai.google.dev/gemini-api/docs/thought-signatures#openai
 */
export function readSignature(call: JsonRecord, path: string): string | undefined {
  const google = record(
    record(call["extra_content"], `${path}.extra_content`)?.["google"],
    `${path}.extra_content.google`,
  );
  return text(google?.["thought_signature"], `${path}.extra_content.google.thought_signature`);
}

/** What {@link ToolCallPart.signature} is written as. */
export function writeSignature(signature: string | undefined): object | undefined {
  return signature === undefined ? undefined : { google: { thought_signature: signature } };
}
