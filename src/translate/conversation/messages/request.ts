/** Requests of Anthropic's messages API: https://docs.anthropic.com/en/api/messages */
import {
  type Conversation,
  conversation,
  NO_SAMPLING,
  type OutputFormat,
  type Reasoning,
  type Sampling,
  type TextPart,
  type Turn,
} from "../conversation.ts";
import { malformed } from "../losses.ts";
import {
  integer,
  type JsonRecord,
  list,
  number,
  record,
  remaining,
  requiredList,
  requiredRecord,
  requiredText,
  text,
} from "../read.ts";
import { readAssistantContent, readSystemContent, readUserContent, type Unread } from "./blocks.ts";
import { readToolChoice, readTools } from "./tools.ts";

const FIELDS = new Set([
  ...["model", "stream", "messages", "system", "max_tokens", "temperature", "top_p", "top_k", "stop_sequences"],
  ...["tools", "tool_choice", "thinking", "output_config", "output_format", "metadata", "service_tier"],
]);
const OUTPUT_CONFIG_FIELDS = new Set(["effort", "format"]);

/**
 * Reads a messages request. `max_tokens` may be missing, though Anthropic wants it: most backends do without.
 * Extensions hold whole fields by name, and parts of fields by path (`messages[0].content[1].citations`).
 */
export function readRequest(document: JsonRecord): Conversation {
  const unread: Unread = new Map(Object.entries(remaining(document, FIELDS)));
  const { system, turns } = readMessages(document, unread);
  const config = record(document["output_config"], "output_config") ?? {};
  for (const [field, said] of Object.entries(remaining(config, OUTPUT_CONFIG_FIELDS))) {
    unread.set(`output_config.${field}`, said);
  }
  return conversation({
    stream: document["stream"] === true,
    system,
    turns,
    tools: readTools(document["tools"], unread),
    ...readToolChoice(document["tool_choice"]),
    sampling: readSampling(document),
    output: readOutput(document, config, unread),
    reasoning: readReasoning(document, config, unread),
    serviceTier: text(document["service_tier"], "service_tier"),
    userId: text(record(document["metadata"], "metadata")?.["user_id"], "metadata.user_id"),
    extensions: Object.fromEntries(unread),
  });
}

/** Messages with the role `system` are instructions that came later; they go after those of the field. */
function readMessages(document: JsonRecord, unread: Unread): { system: TextPart[]; turns: Turn[] } {
  const said = document["system"];
  const system = said === undefined || said === null ? [] : readSystemContent(said, "system", unread);
  const turns: Turn[] = [];
  for (const [index, entry] of requiredList(document["messages"], "messages").entries()) {
    const path = `messages[${index}]`;
    const message = requiredRecord(entry, path);
    const role = requiredText(message["role"], `${path}.role`);
    const content = message["content"];
    const at = `${path}.content`;
    if (role === "user") turns.push({ role, parts: readUserContent(content, at, unread) });
    else if (role === "assistant") turns.push({ role, parts: readAssistantContent(content, at, unread) });
    else if (role === "system") system.push(...readSystemContent(content, at, unread));
    else throw malformed(`${path}.role`, `unexpected role: ${JSON.stringify(role)}`);
  }
  return { system, turns };
}

function readSampling(document: JsonRecord): Sampling {
  const stop = list(document["stop_sequences"], "stop_sequences") ?? [];
  return {
    ...NO_SAMPLING,
    maxTokens: integer(document["max_tokens"], "max_tokens"),
    temperature: number(document["temperature"], "temperature"),
    topP: number(document["top_p"], "top_p"),
    topK: integer(document["top_k"], "top_k"),
    stop: stop.map((sequence, index) => requiredText(sequence, `stop_sequences[${index}]`)),
  };
}

/**
 * https://docs.anthropic.com/en/docs/build-with-claude/structured-outputs; `output_format` is the name it had in the beta.
 */
function readOutput(document: JsonRecord, config: JsonRecord, unread: Unread): OutputFormat | undefined {
  const [field, value] =
    config["format"] === undefined || config["format"] === null
      ? ["output_format", document["output_format"]]
      : ["output_config.format", config["format"]];
  const format = record(value, field);
  if (format === undefined) return undefined;
  if (format["type"] === "json_schema") {
    const schema = requiredRecord(format["schema"], `${field}.schema`);
    return { type: "json-schema", name: undefined, schema, strict: undefined, description: undefined };
  }
  unread.set(field, format);
  return undefined;
}

/** https://docs.anthropic.com/en/docs/build-with-claude/extended-thinking and …/effort */
function readReasoning(document: JsonRecord, config: JsonRecord, unread: Unread): Reasoning | undefined {
  const thinking = record(document["thinking"], "thinking");
  const effort = text(config["effort"], "output_config.effort");
  if (thinking === undefined) {
    return effort === undefined ? undefined : { ...NO_REASONING, effort };
  }
  const type = requiredText(thinking["type"], "thinking.type");
  if (type !== "enabled" && type !== "disabled" && type !== "adaptive") {
    unread.set("thinking", thinking);
    return effort === undefined ? undefined : { ...NO_REASONING, effort };
  }
  const display = text(thinking["display"], "thinking.display");
  return {
    type,
    budgetTokens: integer(thinking["budget_tokens"], "thinking.budget_tokens"),
    effort,
    includeThoughts: type === "disabled" ? undefined : display !== "omitted",
    display,
  };
}

const NO_REASONING: Reasoning = {
  type: undefined,
  budgetTokens: undefined,
  effort: undefined,
  includeThoughts: undefined,
  display: undefined,
};
