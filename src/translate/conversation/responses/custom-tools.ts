/**
 * Custom tools take a text, not JSON: https://platform.openai.com/docs/guides/function-calling#custom-tools. No other vendor has
 * them, so that the backend is told of a function with one string, and its calls become calls of the custom tool again.
 */
import type { FunctionTool } from "../conversation.ts";
import { isRecord, type JsonRecord, record, requiredText, text } from "../read.ts";

/** Reads a custom tool as a function. What a grammar demands can only be described. */
export function readCustomTool(tool: JsonRecord, path: string): FunctionTool {
  const grammar = grammarOf(tool, path);
  const input = grammar === undefined ? { type: "string" } : { type: "string", description: grammar };
  return {
    type: "function",
    name: requiredText(tool["name"], `${path}.name`),
    description: text(tool["description"], `${path}.description`),
    parameters: { type: "object", properties: { input }, required: ["input"], additionalProperties: false },
    strict: undefined,
    path,
  };
}

/** What the input must be like, in words; undefined for any text. */
function grammarOf(tool: JsonRecord, path: string): string | undefined {
  const format = record(tool["format"], `${path}.format`);
  if (format === undefined || format["type"] === "text") return undefined;
  // The guide has syntax and definition beside the type; chat completions have them in a member of its name.
  const { syntax, definition } = isRecord(format["grammar"]) ? format["grammar"] : format;
  return `Text that follows this grammar (${text(syntax, `${path}.format.syntax`) ?? "lark"}):\n${
    text(definition, `${path}.format.definition`) ?? ""
  }`;
}

/** Formats of custom tools, by their paths: no backend can be made to keep to them. */
export function customFormats(tools: readonly unknown[]): JsonRecord {
  const formats = tools.map((tool, index) => [`tools[${index}].format`, formatOf(tool)] as const);
  return Object.fromEntries(formats.filter(([, format]) => isRecord(format) && format["type"] !== "text"));
}

function formatOf(tool: unknown): unknown {
  return isRecord(tool) && tool["type"] === "custom" ? tool["format"] : undefined;
}

/** Names of the custom tools of a request. */
export function customToolNames(request: JsonRecord): ReadonlySet<unknown> {
  const tools: readonly unknown[] = Array.isArray(request["tools"]) ? request["tools"] : [];
  return new Set(tools.flatMap((tool) => (isRecord(tool) && tool["type"] === "custom" ? [tool["name"]] : [])));
}

/** The arguments of the function for an input. */
export function customArguments(input: string): string {
  return JSON.stringify({ input });
}

/** The input in the arguments of a call of the function; what the model wrote otherwise is the input itself. */
export function customInput(json: string): string {
  try {
    const parsed: unknown = JSON.parse(json);
    return isRecord(parsed) && typeof parsed["input"] === "string" ? parsed["input"] : json;
  } catch {
    // A call that was cut short, or broken JSON: the tool can say to the model what is wrong with it.
    return json;
  }
}
