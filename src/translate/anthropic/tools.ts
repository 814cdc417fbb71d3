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
  const written = tools.flatMap((tool) => writeTool(tool, model, losses));
  const choice = writeChoice(toolChoice, parallelToolCalls);
  if (written.length > 0) return choice === undefined ? { tools: written } : { tools: written, tool_choice: choice };
  if (toolChoice?.type === "tool" || toolChoice?.type === "required") {
    throw untranslatable(losses.pathOf("tool_choice"), "it wants a tool, and there is none that Claude could call");
  }
  return {};
}

function writeTool(tool: Tool, model: ClaudeModel, losses: Losses): unknown[] {
  if (tool.type === "function") return [writeFunction(tool, model, losses)];
  if (tool.dialect === "messages") return [tool.definition];
  losses.dropIn(tool);
  return [];
}

function writeFunction(tool: FunctionTool, model: ClaudeModel, losses: Losses): object {
  const { name, description, strict, cache } = tool;
  const isStrict = strict === true && model.hasStructuredOutput;
  if (strict === true && !isStrict) losses.dropIn(tool, "function.strict");
  return {
    name,
    ...(description === undefined ? {} : { description }),
    input_schema: inputSchema(tool, losses),
    ...(isStrict ? { strict: true } : {}),
    ...cacheBreakpoint(cache),
  };
}

/** Claude wants a schema with the type `object`, which others take for granted. */
function inputSchema(tool: FunctionTool, losses: Losses): object {
  const { parameters } = tool;
  if (parameters === undefined || parameters === null) return { type: "object", properties: {} };
  if (isRecord(parameters)) return "type" in parameters ? parameters : { type: "object", ...parameters };
  throw untranslatable(losses.pathIn(tool, "function.parameters"), `must be a JSON schema, not ${kindOf(parameters)}`);
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
