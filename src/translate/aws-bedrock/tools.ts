import type { CachePointMember, ToolConfiguration, ToolSpecMember } from "../../apischema/aws-bedrock/converse.ts";
import type { Conversation, FunctionTool, ToolChoice, Turn } from "../conversation/conversation.ts";
import { type Losses, untranslatable } from "../conversation/losses.ts";
import { cachePoint } from "./messages.ts";

/** Bedrock takes no tool without a schema. */
const NO_PARAMETERS = { type: "object", properties: {} };

/**
 * Writes tools and tool choice. Bedrock knows no `none`: tools that must not be called are left out, unless calls in the
 * conversation need them to be declared. Calls of tools that the caller no longer declares get a declaration, without
 * which Bedrock refuses the conversation.
 *
 * @param canBeStrict Whether the model can be held to the schema of a tool's arguments.
 */
export function writeToolConfig(
  { tools, toolChoice, turns }: Conversation,
  canBeStrict: boolean,
  losses: Losses,
): ToolConfiguration | undefined {
  const called = calledTools(turns);
  const isForbidden = toolChoice?.type === "none";
  if (isForbidden && called.size === 0) return undefined;
  const declared = tools.flatMap((tool): readonly (ToolSpecMember | CachePointMember)[] => {
    if (tool.type === "vendor") losses.dropIn(tool);
    else if (tool.strict === true && !canBeStrict) losses.dropIn(tool, "function.strict");
    return tool.type === "vendor" ? [] : [specify(tool, canBeStrict), ...cachePoint(tool.cache)];
  });
  const names = new Set(tools.map(({ name }) => name));
  const missing = [...called].filter((name) => !names.has(name)).map(declare);
  if (declared.length + missing.length === 0) return checkNoneWanted(toolChoice, losses);
  if (isForbidden) losses.drop("tool_choice");
  return { tools: [...declared, ...missing], toolChoice: writeToolChoice(toolChoice) };
}

function checkNoneWanted(choice: ToolChoice | undefined, losses: Losses): undefined {
  if (choice?.type !== "required" && choice?.type !== "tool") return undefined;
  throw untranslatable(
    losses.pathOf("tool_choice"),
    "it wants a tool, and there is none that Bedrock could be told of",
  );
}

function calledTools(turns: readonly Turn[]): ReadonlySet<string> {
  const names = new Set<string>();
  for (const turn of turns) {
    if (turn.role === "user") continue;
    for (const part of turn.parts) if (part.type === "tool-call") names.add(part.name);
  }
  return names;
}

function specify({ name, description, parameters, strict }: FunctionTool, canBeStrict: boolean): ToolSpecMember {
  return {
    toolSpec: {
      name,
      description: description === "" ? undefined : description,
      inputSchema: { json: parameters ?? NO_PARAMETERS },
      strict: strict === true && canBeStrict ? true : undefined,
    },
  };
}

function declare(name: string): ToolSpecMember {
  const tool = { type: "function", name, description: undefined, parameters: undefined, strict: undefined } as const;
  return specify(tool, false);
}

function writeToolChoice(choice: ToolChoice | undefined): object | undefined {
  switch (choice?.type) {
    case "auto":
      return { auto: {} };
    case "required":
      return { any: {} };
    case "tool":
      return { tool: { name: choice.name } };
    default:
      return undefined;
  }
}
