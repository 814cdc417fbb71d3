import type { Conversation, FunctionTool, Tool, ToolChoice } from "../conversation/conversation.ts";
import { type Losses, untranslatable } from "../conversation/losses.ts";
import { isRecord, type JsonRecord, kindOf } from "../conversation/read.ts";
import type { ClaudeModel } from "./claude-model.ts";
import { cacheBreakpoint } from "./content.ts";

/**
 * Writes `tools` and `tool_choice`: https://docs.anthropic.com/en/docs/agents-and-tools/tool-use/implement-tool-use
 * A tool that another vendor runs is left out and told to be.
 */
export function writeTools(
  { tools, toolChoice, parallelToolCalls }: Conversation,
  model: ClaudeModel,
  losses: Losses,
): JsonRecord {
  const written = tools.flatMap((tool, index) => writeTool(tool, `tools[${index}]`, model, losses));
  const choice = writeChoice(toolChoice, parallelToolCalls);
  if (written.length > 0) return choice === undefined ? { tools: written } : { tools: written, tool_choice: choice };
  if (toolChoice?.type === "tool" || toolChoice?.type === "required") {
    throw untranslatable("tool_choice", "it wants a tool, and there is none that Claude could call");
  }
  return {};
}

function writeTool(tool: Tool, path: string, model: ClaudeModel, losses: Losses): unknown[] {
  if (tool.type === "function") return [writeFunction(tool, path, model, losses)];
  if (tool.dialect === "messages") return [tool.definition];
  losses.drop(path);
  return [];
}

function writeFunction(tool: FunctionTool, path: string, model: ClaudeModel, losses: Losses): object {
  const { name, description, strict, cache } = tool;
  const isStrict = strict === true && model.hasStructuredOutput;
  if (strict === true && !isStrict) losses.drop(`${path}.function.strict`);
  return {
    name,
    ...(description === undefined ? {} : { description }),
    input_schema: inputSchema(tool.parameters, path),
    ...(isStrict ? { strict: true } : {}),
    ...cacheBreakpoint(cache),
  };
}

/** Claude wants a schema with the type `object`, which others take for granted. */
function inputSchema(parameters: unknown, path: string): object {
  if (parameters === undefined || parameters === null) return { type: "object", properties: {} };
  if (isRecord(parameters)) return "type" in parameters ? parameters : { type: "object", ...parameters };
  throw untranslatable(`${path}.function.parameters`, `must be a JSON schema, not ${kindOf(parameters)}`);
}

function writeChoice(choice: ToolChoice | undefined, parallel: boolean | undefined): object | undefined {
  const serial = parallel === false ? { disable_parallel_tool_use: true } : {};
  switch (choice?.type) {
    case "none":
      return { type: "none" };
    case "required":
      return { type: "any", ...serial };
    case "tool":
      return { type: "tool", name: choice.name, ...serial };
    case "auto":
      return { type: "auto", ...serial };
    case undefined:
      return parallel === false ? { type: "auto", ...serial } : undefined;
  }
}
