import type { Conversation, FunctionTool, ToolChoice } from "../../conversation/conversation.ts";
import { type Losses, untranslatable } from "../../conversation/losses.ts";

/** The members of a request that are about tools. */
export interface WrittenTools {
  readonly tools?: readonly object[];
  readonly tool_choice?: string | object | undefined;
  readonly parallel_tool_calls?: boolean | undefined;
}

/** Writes the functions; tools that another vendor runs are lost. https://platform.openai.com/docs/guides/function-calling */
export function writeTools(conversation: Conversation, losses: Losses): WrittenTools {
  const { toolChoice, parallelToolCalls } = conversation;
  const functions: FunctionTool[] = [];
  for (const tool of conversation.tools) {
    if (tool.type === "function") functions.push(tool);
    else losses.dropIn(tool);
  }
  if (functions.length === 0) {
    // OpenAI refuses a choice among no tools; to forbid them is what happens anyway.
    if (toolChoice !== undefined && toolChoice.type !== "none") losses.drop("tool_choice");
    return {};
  }
  return {
    tools: functions.map(writeFunction),
    tool_choice: toolChoice && writeChoice(toolChoice, functions, losses),
    parallel_tool_calls: parallelToolCalls,
  };
}

function writeFunction({ name, description, parameters, strict }: FunctionTool): object {
  return { type: "function", function: { name, description, parameters, strict } };
}

function writeChoice(choice: ToolChoice, functions: readonly FunctionTool[], losses: Losses): string | object {
  if (choice.type !== "tool") return choice.type;
  if (!functions.some(({ name }) => name === choice.name)) {
    throw untranslatable(
      losses.pathOf("tool_choice"),
      `${JSON.stringify(choice.name)} is not a tool that the backend can be given`,
    );
  }
  return { type: "function", function: { name: choice.name } };
}
