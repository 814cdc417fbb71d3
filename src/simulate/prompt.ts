/** What the simulator reads of a request body: the same few facts, whatever dialect the body is written in. */

/** A JSON object of which nothing is known. */
export type JsonObject = { readonly [key: string]: unknown };

/** A tool the caller offers. */
export interface Tool {
  readonly name: string;
  /** JSON schema of its arguments. */
  readonly schema: unknown;
}

/** One request, reduced to what an answer depends on. */
export interface Prompt {
  readonly model: string;
  readonly stream: boolean;
  readonly includeUsage: boolean;
  /** All text of the request; the input tokens are counted from it. */
  readonly text: string;
  /** Text of the last turn; the answer quotes it. */
  readonly lastText: string;
  /** Whether the last turn is a tool's result. */
  readonly lastIsToolResult: boolean;
  /** The tool to call, undefined = answer with text. */
  readonly toolToCall: Tool | undefined;
  /** Whether the answer is to show what was thought before it. */
  readonly thinks: boolean;
  /** The texts to embed. */
  readonly inputs: readonly string[];
  readonly dimensions: number;
  readonly base64: boolean;
  /** The body as it was sent, for operations that have more in it. */
  readonly fields: JsonObject;
}

const DIMENSIONS_DEFAULT = 1536;
const TEXT_FIELDS = ["system", "instructions", "messages", "input", "prompt", "query", "documents"];

/** Reads a JSON body of any endpoint; what is missing or of another type counts as absent. */
export function readPrompt(body: JsonObject): Prompt {
  const input = body["input"];
  const turns = list(body["messages"] ?? input);
  const last = turns.at(-1);
  const lastText = last === undefined ? textOf(input ?? body["prompt"] ?? body["query"]) : textOf(last);
  const text = TEXT_FIELDS.map((name) => textOf(body[name])).join("");
  return {
    model: typeof body["model"] === "string" ? body["model"] : "",
    stream: body["stream"] === true,
    includeUsage: object(body["stream_options"])["include_usage"] === true,
    text,
    lastText,
    lastIsToolResult: isToolResult(last),
    toolToCall: chooseTool(readTools(body["tools"]), body["tool_choice"], isToolResult(last) ? "" : lastText),
    thinks: ["enabled", "adaptive"].includes(String(object(body["thinking"])["type"])),
    inputs:
      Array.isArray(input) && !input.every((item) => typeof item === "number") ? input.map(textOf) : [textOf(input)],
    dimensions: typeof body["dimensions"] === "number" ? Math.min(body["dimensions"], 8192) : DIMENSIONS_DEFAULT,
    base64: body["encoding_format"] === "base64",
    fields: body,
  };
}

/** The simulated count of tokens: one per four bytes, rounded up. */
export function countTokens(text: string): number {
  return Math.ceil(Buffer.byteLength(text) / 4);
}

/** Arguments that fit a tool's JSON schema: the first value allowed for each of its properties. */
export function simulateArguments(schema: unknown): JsonObject {
  const properties = object(object(schema)["properties"]);
  return Object.fromEntries(Object.keys(properties).map((name) => [name, simulateValue(object(properties[name]))]));
}

function simulateValue(schema: JsonObject): unknown {
  const allowed = list(schema["enum"]);
  if (allowed.length > 0) return allowed[0];
  switch (schema["type"]) {
    case "integer":
    case "number":
      return 1;
    case "boolean":
      return true;
    case "array":
      return [];
    case "object":
      return simulateArguments(schema);
    default:
      return "simulated";
  }
}

function readTools(value: unknown): Tool[] {
  return list(value).flatMap((item) => {
    const tool = object(item);
    const body = tool["function"] === undefined ? tool : object(tool["function"]);
    const name = body["name"];
    return typeof name === "string" ? [{ name, schema: body["parameters"] ?? body["input_schema"] }] : [];
  });
}

/** A tool is called when the caller forces it, or when the last turn names it. */
function chooseTool(tools: readonly Tool[], choice: unknown, lastText: string): Tool | undefined {
  const kind = typeof choice === "string" ? choice : object(choice)["type"];
  if (kind === "none") return undefined;
  if (kind === "required" || kind === "any") return tools[0];
  const forced = object(object(choice)["function"])["name"] ?? object(choice)["name"];
  return tools.find((tool) => (forced === undefined ? lastText.includes(tool.name) : tool.name === forced));
}

function isToolResult(turn: unknown): boolean {
  const { role, type, content } = object(turn);
  if (role === "tool" || type === "function_call_output") return true;
  return list(content).some((block) => object(block)["type"] === "tool_result");
}

/** All text inside a message, a list of messages, or a content block. */
export function textOf(value: unknown): string {
  if (typeof value === "string") return value;
  if (typeof value === "number") return `${value} `;
  if (Array.isArray(value)) return value.map(textOf).join("");
  const { text, content, output } = object(value);
  return text === undefined && content === undefined && output === undefined ? "" : textOf(text ?? content ?? output);
}

/** The value if it is an object, else an empty one. */
export function object(value: unknown): JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as JsonObject) : {};
}

/** The value if it is a list, else an empty one. */
export function list(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}
