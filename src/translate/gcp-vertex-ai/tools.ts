import type { Conversation, FunctionTool, ToolChoice, VendorTool } from "../conversation/conversation.ts";
import { type Losses, untranslatable } from "../conversation/losses.ts";
import { isRecord, type JsonRecord } from "../conversation/read.ts";
import { openApiSchema } from "./json-schema.ts";
import type { GeminiModel } from "./model-version.ts";

/** Tools and how they may be used, as members of a request. */
export interface ToolMembers {
  /** https://ai.google.dev/api/caching#Tool */
  readonly tools?: readonly object[];
  /** https://ai.google.dev/api/caching#ToolConfig */
  readonly toolConfig?: object;
}

/** Writes the tools: those of the vendor's own one by one, then all functions as one tool. */
export function writeTools(conversation: Conversation, model: GeminiModel, losses: Losses): ToolMembers {
  const { tools, toolChoice, parallelToolCalls } = conversation;
  if (parallelToolCalls === false) losses.drop("parallel_tool_calls");
  const functions = tools.filter((tool) => tool.type === "function");
  const written = tools.filter((tool) => tool.type === "vendor").flatMap((tool) => vendorTool(tool, losses));
  if (functions.length > 0) {
    written.push({
      functionDeclarations: functions.map((tool) => declaration(tool, model, losses)),
    });
  }
  return {
    ...(written.length === 0 ? {} : { tools: written }),
    ...(toolChoice === undefined ? {} : { toolConfig: { functionCallingConfig: callingConfig(toolChoice) } }),
  };
}

/** https://ai.google.dev/api/caching#FunctionDeclaration */
function declaration(tool: FunctionTool, model: GeminiModel, losses: Losses): object {
  const { name, description, parameters, strict, cache } = tool;
  if (cache !== undefined) losses.dropIn(tool, "cache");
  if (strict === true) losses.dropIn(tool, "function.strict");
  const schema =
    parameters === undefined || parameters === null
      ? {}
      : model.isAtLeast(2, 5)
        ? { parametersJsonSchema: parameters }
        : { parameters: openApiSchema(parameters, losses.pathIn(tool, "function.parameters")) };
  return { name, ...(description === undefined ? {} : { description }), ...schema };
}

/** https://ai.google.dev/api/caching#FunctionCallingConfig */
function callingConfig(choice: ToolChoice): object {
  switch (choice.type) {
    case "auto":
      return { mode: "AUTO" };
    case "none":
      return { mode: "NONE" };
    case "required":
      return { mode: "ANY" };
    case "tool":
      return { mode: "ANY", allowedFunctionNames: [choice.name] };
  }
}

function vendorTool(tool: VendorTool, losses: Losses): object[] {
  const { name, dialect, definition } = tool;
  const given = isRecord(definition) ? definition : {};
  if (name === "google_search") return [{ googleSearch: searchSettings(given["google_search"]) }];
  if (name === "enterprise_search") return [{ enterpriseWebSearch: {} }];
  if (/^web_search/.test(name)) return [{ googleSearch: webSearchSettings(given, tool, losses) }];
  if (dialect === "chat-completions")
    throw untranslatable(losses.pathIn(tool), `the tool type ${JSON.stringify(name)} is not supported`);
  losses.dropIn(tool);
  return [];
}

/** https://docs.cloud.google.com/vertex-ai/generative-ai/docs/reference/rest/v1/Tool#GoogleSearch */
function searchSettings(given: unknown): object {
  if (!isRecord(given)) return {};
  const range = timeRange(given["time_range_filter"]);
  return {
    ...(Array.isArray(given["exclude_domains"]) ? { excludeDomains: given["exclude_domains"] } : {}),
    ...(typeof given["blocking_confidence"] === "string" ? { blockingConfidence: given["blocking_confidence"] } : {}),
    ...(range === undefined ? {} : { timeRangeFilter: range }),
  };
}

function timeRange(given: unknown): object | undefined {
  if (!isRecord(given)) return undefined;
  const { start_time: start, end_time: end } = given;
  const range = { ...(isTime(start) ? { startTime: start } : {}), ...(isTime(end) ? { endTime: end } : {}) };
  return Object.keys(range).length === 0 ? undefined : range;
}

function isTime(value: unknown): value is string {
  return typeof value === "string" && !Number.isNaN(Date.parse(value));
}

/** Web search as Anthropic and OpenAI have it is Google's here; of its settings only what it shall not look at has a counterpart. */
function webSearchSettings(given: JsonRecord, tool: VendorTool, losses: Losses): object {
  for (const setting of ["max_uses", "allowed_domains", "user_location", "filters", "search_context_size"]) {
    if (given[setting] !== undefined) losses.dropPath(`${losses.pathIn(tool)}.${setting}`);
  }
  return Array.isArray(given["blocked_domains"]) ? { excludeDomains: given["blocked_domains"] } : {};
}
