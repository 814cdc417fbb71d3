import { cacheControl } from "../chat-completions/content.ts";
import type { Tool, ToolChoice } from "../conversation.ts";
import { malformed, untranslatable } from "../losses.ts";
import { flag, isRecord, type JsonRecord, list, record, requiredRecord, requiredText, text } from "../read.ts";
import { readCustomTool } from "./custom-tools.ts";

/** The tools of a request and which of them may be called. */
export interface Tools {
  readonly tools: readonly Tool[];
  readonly toolChoice: ToolChoice | undefined;
}

/** Reads `tools` and `tool_choice`: https://platform.openai.com/docs/api-reference/responses/create#responses-create-tools */
export function readTools(document: JsonRecord): Tools {
  const tools = (list(document["tools"], "tools") ?? []).map((tool, index) => readTool(tool, `tools[${index}]`));
  const choice = document["tool_choice"];
  if (choice === undefined || choice === null) return { tools, toolChoice: undefined };
  if (!isRecord(choice)) return { tools, toolChoice: readMode(choice, "tool_choice") };
  if (choice["type"] === "allowed_tools") return readAllowedTools(choice, tools);
  if (choice["type"] === "function" || choice["type"] === "custom") {
    return { tools, toolChoice: { type: "tool", name: requiredText(choice["name"], "tool_choice.name") } };
  }
  throw untranslatable("tool_choice", `a tool of type ${JSON.stringify(choice["type"])} cannot be called here`);
}

function readTool(value: unknown, path: string): Tool {
  const tool = requiredRecord(value, path);
  const type = requiredText(tool["type"], `${path}.type`);
  if (type === "custom") return readCustomTool(tool, path);
  if (type !== "function") return { type: "vendor", dialect: "responses", name: type, definition: tool, path };
  return {
    type: "function",
    name: requiredText(tool["name"], `${path}.name`),
    description: text(tool["description"], `${path}.description`),
    parameters: record(tool["parameters"], `${path}.parameters`),
    strict: flag(tool["strict"], `${path}.strict`),
    cache: cacheControl(tool, path),
    path,
  };
}

function readMode(mode: unknown, path: string): ToolChoice {
  if (mode === "auto" || mode === "none" || mode === "required") return { type: mode };
  throw malformed(path, 'must be "none", "auto", "required" or an object that names a tool');
}

/** A choice among some of the tools is, where it has no word of its own, a request with those tools only. */
function readAllowedTools(choice: JsonRecord, tools: readonly Tool[]): Tools {
  const names = new Set(
    (list(choice["tools"], "tool_choice.tools") ?? []).map((tool, index) => {
      const named = requiredRecord(tool, `tool_choice.tools[${index}]`);
      return named["type"] === "function" || named["type"] === "custom" ? named["name"] : named["type"];
    }),
  );
  return {
    tools: tools.filter(({ name }) => names.has(name)),
    toolChoice: readMode(choice["mode"] ?? "auto", "tool_choice.mode"),
  };
}
