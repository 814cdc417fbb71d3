import type { FunctionTool, Tool, ToolChoice } from "../conversation.ts";
import { malformed } from "../losses.ts";
import { type JsonRecord, list, record, requiredRecord, requiredText, text } from "../read.ts";
import { camelCase, member } from "./member.ts";
import { fromSchema } from "./schema.ts";

/**
 * Reads the tools of a request: https://ai.google.dev/api/caching#Tool
 *
 * @param allowed Names of the functions that may be called; undefined = all.
 */
export function readTools(tools: readonly unknown[], allowed: ReadonlySet<string> | undefined): Tool[] {
  return tools.flatMap((given, i) => {
    const path = `tools[${i}]`;
    const tool = requiredRecord(given, path);
    const functions = list(member(tool, "functionDeclarations"), `${path}.functionDeclarations`) ?? [];
    const read = functions.map((declaration, k) => readFunction(declaration, `${path}.functionDeclarations[${k}]`));
    return [...read.filter(({ name }) => allowed?.has(name) ?? true), ...vendorTools(tool, path)];
  });
}

function readFunction(given: unknown, path: string): FunctionTool {
  const declaration = requiredRecord(given, path);
  return {
    type: "function",
    name: requiredText(declaration["name"], `${path}.name`),
    description: text(declaration["description"], `${path}.description`),
    parameters: member(declaration, "parametersJsonSchema") ?? fromSchema(declaration["parameters"]),
    strict: undefined,
    path,
  };
}

/** Tools that Google runs; each is a member of its own. */
function vendorTools(tool: JsonRecord, path: string): Tool[] {
  return Object.entries(tool)
    .map(([given, definition]) => {
      const name = camelCase(given);
      return { type: "vendor", dialect: "generate-content", name, definition, path: `${path}.${name}` } as const;
    })
    .filter(({ name }) => name !== "functionDeclarations");
}

/** How functions may be called. */
interface Calling {
  readonly choice: ToolChoice | undefined;
  /** Where a call is demanded of one of several functions: other dialects can only be told of no others. */
  readonly allowed: ReadonlySet<string> | undefined;
}

/** https://ai.google.dev/api/caching#FunctionCallingConfig */
export function readToolChoice(config: JsonRecord | undefined): Calling {
  const path = "toolConfig.functionCallingConfig";
  const calling = config && record(member(config, "functionCallingConfig"), path);
  if (calling === undefined) return { choice: undefined, allowed: undefined };
  const mode = text(calling["mode"], `${path}.mode`)?.toUpperCase() ?? "AUTO";
  const names = list(member(calling, "allowedFunctionNames"), `${path}.allowedFunctionNames`) ?? [];
  const allowed = names.map((name, i) => requiredText(name, `${path}.allowedFunctionNames[${i}]`));
  switch (mode) {
    case "AUTO":
    case "VALIDATED":
    case "MODE_UNSPECIFIED":
      return { choice: { type: "auto" }, allowed: undefined };
    case "NONE":
      return { choice: { type: "none" }, allowed: undefined };
    case "ANY": {
      const [only, ...more] = allowed;
      if (only === undefined) return { choice: { type: "required" }, allowed: undefined };
      if (more.length === 0) return { choice: { type: "tool", name: only }, allowed: undefined };
      return { choice: { type: "required" }, allowed: new Set(allowed) };
    }
    default:
      throw malformed(`${path}.mode`, `must be AUTO, ANY or NONE, not ${JSON.stringify(mode)}`);
  }
}
