import type { Tool, ToolChoice } from "../conversation.ts";
import { malformed } from "../losses.ts";
import { flag, list, record, remaining, requiredRecord, requiredText, text } from "../read.ts";
import { readPlace, type Unread } from "./blocks.ts";

const TOOL_FIELDS = new Set(["type", "name", "description", "input_schema", "strict", "cache_control"]);

/** Reads `tools`: custom ones become functions, typed ones are the vendor's. https://docs.anthropic.com/en/api/messages#body-tools */
export function readTools(value: unknown, unread: Unread): Tool[] {
  return (list(value, "tools") ?? []).map((entry, index) => readTool(entry, `tools[${index}]`, unread));
}

function readTool(entry: unknown, path: string, unread: Unread): Tool {
  const tool = requiredRecord(entry, path);
  const type = text(tool["type"], `${path}.type`) ?? "custom";
  if (type !== "custom") return { type: "vendor", dialect: "messages", name: type, definition: tool, path };
  for (const [field, said] of Object.entries(remaining(tool, TOOL_FIELDS))) unread.set(`${path}.${field}`, said);
  return {
    type: "function",
    name: requiredText(tool["name"], `${path}.name`),
    description: text(tool["description"], `${path}.description`),
    parameters: record(tool["input_schema"], `${path}.input_schema`),
    strict: flag(tool["strict"], `${path}.strict`),
    ...readPlace(tool, path),
  };
}

/** Reads `tool_choice`: https://docs.anthropic.com/en/api/messages#body-tool-choice */
export function readToolChoice(value: unknown): {
  readonly toolChoice: ToolChoice | undefined;
  readonly parallelToolCalls: boolean | undefined;
} {
  const choice = record(value, "tool_choice");
  if (choice === undefined) return { toolChoice: undefined, parallelToolCalls: undefined };
  const isOneAtMost = flag(choice["disable_parallel_tool_use"], "tool_choice.disable_parallel_tool_use");
  return { toolChoice: readChoice(choice), parallelToolCalls: isOneAtMost === true ? false : undefined };
}

function readChoice(choice: Readonly<Record<string, unknown>>): ToolChoice {
  const type = requiredText(choice["type"], "tool_choice.type");
  switch (type) {
    case "auto":
    case "none":
      return { type };
    case "any":
      return { type: "required" };
    case "tool":
      return { type, name: requiredText(choice["name"], "tool_choice.name") };
    default:
      throw malformed("tool_choice.type", `${JSON.stringify(type)} is not one of auto, any, tool, none`);
  }
}
