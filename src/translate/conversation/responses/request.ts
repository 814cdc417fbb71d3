import { type Conversation, conversation, NO_SAMPLING, type OutputFormat, type Sampling } from "../conversation.ts";
import { malformed, untranslatable } from "../losses.ts";
import {
  flag,
  integer,
  type JsonRecord,
  list,
  number,
  record,
  remaining,
  requiredRecord,
  requiredText,
  text,
} from "../read.ts";
import { customFormats } from "./custom-tools.ts";
import { readInput } from "./items.ts";
import { readReasoning } from "./reasoning.ts";
import { readTools } from "./tools.ts";

/** Fields with a place in a conversation, and those that are taken apart here or concern only the gateway. */
const READ: ReadonlySet<string> = new Set([
  ...["model", "stream", "stream_options", "input", "instructions", "tools", "tool_choice", "parallel_tool_calls"],
  ...["max_output_tokens", "temperature", "top_p", "top_logprobs", "text", "reasoning", "service_tier", "user"],
  ...["safety_identifier", "metadata", "include", "context_management"],
]);

/** Reads a request: https://platform.openai.com/docs/api-reference/responses/create */
export function readRequest(document: JsonRecord): Conversation {
  refuseState(document);
  const { system, turns, extensions } = readInput(document["input"]);
  const instructions = text(document["instructions"], "instructions") ?? "";
  const format = readText(document);
  const reasoning = readReasoning(document);
  return conversation({
    stream: document["stream"] === true,
    system: instructions === "" ? system : [{ type: "text", text: instructions, path: "instructions" }, ...system],
    turns,
    ...readTools(document),
    parallelToolCalls: flag(document["parallel_tool_calls"], "parallel_tool_calls"),
    sampling: readSampling(document),
    output: format.output,
    reasoning,
    serviceTier: text(document["service_tier"], "service_tier"),
    userId: text(document["safety_identifier"], "safety_identifier") ?? text(document["user"], "user"),
    metadata: readMetadata(document),
    extensions: {
      ...withoutDefaults(remaining(document, READ)),
      ...format.extensions,
      ...readContextManagement(document),
      ...notedIncludes(document),
      ...customFormats(list(document["tools"], "tools") ?? []),
      ...extensions,
    },
  });
}

/** What stands for things OpenAI keeps cannot be left out: something else would be asked. */
function refuseState(document: JsonRecord): void {
  for (const field of ["previous_response_id", "conversation", "prompt"]) {
    if (document[field] === undefined || document[field] === null) continue;
    throw untranslatable(field, "needs what only OpenAI has stored; send the whole input to this backend");
  }
}

function readSampling(document: JsonRecord): Sampling {
  const topLogprobs = integer(document["top_logprobs"], "top_logprobs") || undefined;
  const isAsked = includes(document).includes("message.output_text.logprobs");
  return {
    ...NO_SAMPLING,
    maxTokens: integer(document["max_output_tokens"], "max_output_tokens"),
    temperature: number(document["temperature"], "temperature"),
    topP: number(document["top_p"], "top_p"),
    logprobs: isAsked || topLogprobs !== undefined || undefined,
    topLogprobs,
  };
}

function includes(document: JsonRecord): readonly unknown[] {
  return list(document["include"], "include") ?? [];
}

/** What any answer has, or what the sampling is told of. */
const INCLUDED: ReadonlySet<unknown> = new Set(["reasoning.encrypted_content", "message.output_text.logprobs"]);

function notedIncludes(document: JsonRecord): JsonRecord {
  const noted = includes(document).map((wanted, index) => [`include[${index}]`, wanted] as const);
  return Object.fromEntries(noted.filter(([, wanted]) => !INCLUDED.has(wanted)));
}

/** Anthropic has a field of this name with another meaning, so that OpenAI's goes on by its members' names. */
function readContextManagement(document: JsonRecord): JsonRecord {
  const entries = list(document["context_management"], "context_management") ?? [];
  return Object.fromEntries(entries.map((entry, index) => [`context_management[${index}]`, entry]));
}

interface TextConfig {
  readonly output: OutputFormat | undefined;
  readonly extensions: JsonRecord;
}

/** https://platform.openai.com/docs/api-reference/responses/create#responses-create-text */
function readText(document: JsonRecord): TextConfig {
  const config = record(document["text"], "text") ?? {};
  const format = record(config["format"], "text.format");
  const output = readOutput(format);
  const verbosity = text(config["verbosity"], "text.verbosity");
  return {
    output,
    extensions: {
      ...(output === undefined && format !== undefined ? { "text.format": format } : {}),
      ...(verbosity === undefined || verbosity === "medium" ? {} : { "text.verbosity": verbosity }),
    },
  };
}

/** Undefined where nothing is said, and for formats that only newer models know. */
function readOutput(format: JsonRecord | undefined): OutputFormat | undefined {
  if (format === undefined) return undefined;
  const type = requiredText(format["type"], "text.format.type");
  if (type === "text") return { type };
  if (type === "json_object") return { type: "json" };
  if (type !== "json_schema") return undefined;
  return {
    type: "json-schema",
    name: text(format["name"], "text.format.name"),
    schema: requiredRecord(format["schema"], "text.format.schema"),
    strict: flag(format["strict"], "text.format.strict"),
    description: text(format["description"], "text.format.description"),
  };
}

function readMetadata(document: JsonRecord): Readonly<Record<string, string>> | undefined {
  const metadata = record(document["metadata"], "metadata");
  if (metadata === undefined) return undefined;
  return Object.fromEntries(
    Object.entries(metadata).map(([key, value]) => {
      if (typeof value !== "string") throw malformed(`metadata.${key}`, "must be a string");
      return [key, value];
    }),
  );
}

/** Fields that say what is so anyway: leaving them out loses nothing. */
const DEFAULTS: Readonly<Record<string, string>> = {
  store: "false",
  background: "false",
  truncation: '"disabled"',
};

function withoutDefaults(fields: JsonRecord): JsonRecord {
  return Object.fromEntries(Object.entries(fields).filter(([key, value]) => DEFAULTS[key] !== JSON.stringify(value)));
}
