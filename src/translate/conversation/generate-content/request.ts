import {
  type Conversation,
  conversation,
  type OutputFormat,
  type Reasoning,
  type Sampling,
  type TextPart,
} from "../conversation.ts";
import {
  flag,
  integer,
  isRecord,
  type JsonRecord,
  list,
  number,
  record,
  remaining,
  requiredRecord,
  text,
} from "../read.ts";
import { readTurns } from "./contents.ts";
import { camelCased, member } from "./member.ts";
import { fromSchema } from "./schema.ts";
import { readToolChoice, readTools } from "./tools.ts";

const READ: ReadonlySet<string> = new Set([
  "contents",
  "systemInstruction",
  "tools",
  "toolConfig",
  "generationConfig",
  "model",
]);

const CONFIG_READ: ReadonlySet<string> = new Set([
  "temperature",
  "topP",
  "topK",
  "candidateCount",
  "maxOutputTokens",
  "stopSequences",
  "seed",
  "presencePenalty",
  "frequencyPenalty",
  "responseLogprobs",
  "logprobs",
  "thinkingConfig",
]);

const OUTPUT_READ: ReadonlySet<string> = new Set(["responseMimeType", "responseSchema", "responseJsonSchema"]);

/** Reads a request of generateContent: https://ai.google.dev/api/generate-content#request-body */
export function readRequest(given: JsonRecord): Conversation {
  const document = camelCased(given);
  const config = camelCased(record(document["generationConfig"], "generationConfig") ?? {});
  const output = readOutput(config);
  const known = output === undefined ? CONFIG_READ : new Set([...CONFIG_READ, ...OUTPUT_READ]);
  const unknown = Object.entries(remaining(config, known)).map(([key, value]) => [`generationConfig.${key}`, value]);
  const { choice, allowed } = readToolChoice(record(document["toolConfig"], "toolConfig"));
  return conversation({
    system: readSystem(document["systemInstruction"]),
    turns: readTurns(document["contents"]),
    tools: readTools(list(document["tools"], "tools") ?? [], allowed),
    toolChoice: choice,
    sampling: readSampling(config),
    output,
    reasoning: readReasoning(record(config["thinkingConfig"], "generationConfig.thinkingConfig")),
    extensions: { ...remaining(document, READ), ...Object.fromEntries(unknown) },
  });
}

function readSystem(given: unknown): TextPart[] {
  const path = "systemInstruction";
  if (typeof given === "string") return [{ type: "text", text: given, path }];
  const parts = list(record(given, path)?.["parts"], `${path}.parts`) ?? [];
  return parts.map((part, i) => {
    const at = `${path}.parts[${i}]`;
    return { type: "text", text: text(requiredRecord(part, at)["text"], `${at}.text`) ?? "", path: at };
  });
}

function readSampling(config: JsonRecord): Sampling {
  const at = (name: string) => [config[name], `generationConfig.${name}`] as const;
  const stop = list(...at("stopSequences")) ?? [];
  return {
    maxTokens: integer(...at("maxOutputTokens")),
    temperature: number(...at("temperature")),
    topP: number(...at("topP")),
    topK: number(...at("topK")),
    stop: stop.map((sequence, i) => text(sequence, `generationConfig.stopSequences[${i}]`) ?? ""),
    seed: integer(...at("seed")),
    n: integer(...at("candidateCount")),
    frequencyPenalty: number(...at("frequencyPenalty")),
    presencePenalty: number(...at("presencePenalty")),
    logprobs: flag(...at("responseLogprobs")),
    topLogprobs: integer(...at("logprobs")),
  };
}

/** Undefined for other types than JSON and text, which other dialects do not have. */
function readOutput(config: JsonRecord): OutputFormat | undefined {
  const type = text(config["responseMimeType"], "generationConfig.responseMimeType");
  if (type === "text/plain") return { type: "text" };
  if (type !== "application/json") return undefined;
  const schema = config["responseJsonSchema"] ?? fromSchema(config["responseSchema"]);
  if (schema === undefined) return { type: "json" };
  return { type: "json-schema", name: undefined, schema, strict: undefined, description: undefined };
}

/** https://ai.google.dev/api/generate-content#ThinkingConfig */
function readReasoning(config: JsonRecord | undefined): Reasoning | undefined {
  if (!isRecord(config)) return undefined;
  const path = "generationConfig.thinkingConfig";
  const budget = integer(member(config, "thinkingBudget"), `${path}.thinkingBudget`);
  return {
    type: budget === undefined ? undefined : budget === 0 ? "disabled" : budget < 0 ? "adaptive" : "enabled",
    budgetTokens: budget !== undefined && budget > 0 ? budget : undefined,
    effort: text(member(config, "thinkingLevel"), `${path}.thinkingLevel`)?.toLowerCase(),
    includeThoughts: flag(member(config, "includeThoughts"), `${path}.includeThoughts`),
    display: undefined,
  };
}
