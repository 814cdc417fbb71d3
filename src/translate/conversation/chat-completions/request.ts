import { type Conversation, conversation, type OutputFormat, type Sampling } from "../conversation.ts";
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
import { readReasoning } from "./thinking.ts";
import { readTools } from "./tools.ts";
import { readMessages } from "./turns.ts";

/** Fields with a place in a conversation, and those that concern only the gateway. */
const READ: ReadonlySet<string> = new Set([
  ...["model", "stream", "stream_options", "messages", "tools", "tool_choice", "parallel_tool_calls"],
  ...["max_completion_tokens", "max_tokens", "temperature", "top_p", "top_k", "stop", "seed", "n"],
  ...["frequency_penalty", "presence_penalty", "logprobs", "top_logprobs", "response_format"],
  ...["reasoning_effort", "thinking", "service_tier", "user", "safety_identifier", "metadata"],
]);

/** Reads a request: https://platform.openai.com/docs/api-reference/chat/create */
export function readRequest(document: JsonRecord): Conversation {
  refuseFunctions(document);
  const { system, turns, extensions } = readMessages(document);
  const format = record(document["response_format"], "response_format");
  const output = readOutput(format);
  return conversation({
    stream: document["stream"] === true,
    system,
    turns,
    ...readTools(document),
    parallelToolCalls: flag(document["parallel_tool_calls"], "parallel_tool_calls"),
    sampling: readSampling(document),
    output,
    reasoning: readReasoning(document),
    serviceTier: text(document["service_tier"], "service_tier"),
    userId: text(document["safety_identifier"], "safety_identifier") ?? text(document["user"], "user"),
    metadata: readMetadata(document),
    extensions: {
      ...withoutDefaults(remaining(document, READ)),
      ...(output === undefined && format !== undefined ? { response_format: format } : {}),
      ...extensions,
    },
  });
}

/** Answering functions as tools would give callers what they cannot read, and leaving them out would change what is asked. */
function refuseFunctions(document: JsonRecord): void {
  const given = list(document["functions"], "functions") ?? [];
  if (given.length > 0) throw untranslatable("functions", "is deprecated and not supported on this backend; use tools");
}

function readSampling(document: JsonRecord): Sampling {
  const maxTokens =
    integer(document["max_completion_tokens"], "max_completion_tokens") ??
    integer(document["max_tokens"], "max_tokens");
  const n = integer(document["n"], "n");
  if (n !== undefined && n < 1) throw malformed("n", "must be at least 1");
  return {
    maxTokens,
    temperature: number(document["temperature"], "temperature"),
    topP: number(document["top_p"], "top_p"),
    topK: integer(document["top_k"], "top_k"),
    stop: readStop(document["stop"]),
    seed: integer(document["seed"], "seed"),
    // The defaults say nothing, so that a backend without the field need not be told to have lost them.
    n: n === 1 ? undefined : n,
    frequencyPenalty: number(document["frequency_penalty"], "frequency_penalty") || undefined,
    presencePenalty: number(document["presence_penalty"], "presence_penalty") || undefined,
    logprobs: flag(document["logprobs"], "logprobs") || undefined,
    topLogprobs: integer(document["top_logprobs"], "top_logprobs"),
  };
}

function readStop(stop: unknown): readonly string[] {
  if (typeof stop === "string") return [stop];
  return (list(stop, "stop") ?? []).map((sequence, index) => requiredText(sequence, `stop[${index}]`));
}

/**
 * Undefined where nothing is said, and for formats that only newer models know.
 * https://platform.openai.com/docs/api-reference/chat/create#chat-create-response_format
 */
function readOutput(format: JsonRecord | undefined): OutputFormat | undefined {
  if (format === undefined) return undefined;
  const type = requiredText(format["type"], "response_format.type");
  if (type === "text") return { type };
  if (type === "json_object") return { type: "json" };
  if (type !== "json_schema") return undefined;
  const path = "response_format.json_schema";
  const schema = requiredRecord(format["json_schema"], path);
  const structure = record(schema["schema"], `${path}.schema`);
  if (structure === undefined) return { type: "json" };
  return {
    type: "json-schema",
    name: text(schema["name"], `${path}.name`),
    schema: structure,
    strict: flag(schema["strict"], `${path}.strict`),
    description: text(schema["description"], `${path}.description`),
  };
}

function readMetadata(document: JsonRecord): Readonly<Record<string, string>> | undefined {
  const metadata = record(document["metadata"], "metadata");
  if (metadata === undefined) return undefined;
  return Object.fromEntries(
    Object.entries(metadata).map(([key, value]) => [key, requiredText(value, `metadata.${key}`)]),
  );
}

/** Fields that say what is so anyway, as some callers send them always: leaving them out loses nothing. */
const DEFAULTS: Readonly<Record<string, string>> = {
  store: "false",
  modalities: '["text"]',
  logit_bias: "{}",
  functions: "[]",
};

function withoutDefaults(fields: JsonRecord): JsonRecord {
  return Object.fromEntries(Object.entries(fields).filter(([key, value]) => DEFAULTS[key] !== JSON.stringify(value)));
}
