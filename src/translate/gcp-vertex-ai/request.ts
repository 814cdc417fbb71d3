import type { Content } from "../../apischema/gcp/generate-content.ts";
import type { BackendRequest, BackendTarget } from "../conversation/codec.ts";
import type { Conversation, Sampling } from "../conversation/conversation.ts";
import { type Losses, untranslatable } from "../conversation/losses.ts";
import { isRecord, type JsonRecord } from "../conversation/read.ts";
import { writeContents } from "./contents.ts";
import { openApiSchema } from "./json-schema.ts";
import { type GeminiModel, geminiModel } from "./model-version.ts";
import { modelPath } from "./path.ts";
import { writeReasoning } from "./reasoning.ts";
import { writeTools } from "./tools.ts";

/** Writes a request. */
export function writeRequest(conversation: Conversation, target: BackendTarget, losses: Losses): BackendRequest {
  return {
    path: modelPath(target, conversation.stream ? "streamGenerateContent?alt=sse" : "generateContent"),
    body: writeGenerateContent(conversation, target, losses),
  };
}

/** What is written of a request that others read again. */
export interface GenerateContentBody {
  readonly contents: readonly Content[];
  readonly tools?: unknown;
  readonly generationConfig: JsonRecord;
  readonly systemInstruction?: object;
}

/** Writes a conversation as generateContent's body: https://docs.cloud.google.com/vertex-ai/generative-ai/docs/model-reference/inference */
export function writeGenerateContent(
  conversation: Conversation,
  target: BackendTarget,
  losses: Losses,
): GenerateContentBody {
  const { system, extensions } = conversation;
  const model = geminiModel(target.model);
  noteLosses(conversation, losses);
  const instructions = system.filter(({ text }) => text !== "").map(({ text }) => ({ text }));
  const passed = PASSED.filter(([key]) => extensions[key] !== undefined).map(([key, name]) => [name, extensions[key]]);
  return {
    contents: writeContents(conversation, model, losses),
    ...writeTools(conversation, model, losses),
    generationConfig: writeConfig(conversation, model, losses),
    ...(instructions.length === 0 ? {} : { systemInstruction: { parts: instructions } }),
    ...Object.fromEntries(passed),
  };
}

/** Gemini's own fields that callers of other dialects may give, and their names. */
const PASSED = [
  ["safetySettings", "safetySettings"],
  ["safety_settings", "safetySettings"],
  ["cachedContent", "cachedContent"],
  ["cached_content", "cachedContent"],
  ["labels", "labels"],
] as const;

const GUIDED = ["guided_choice", "guided_regex", "guided_json"] as const;

const EXTENSIONS_READ: ReadonlySet<string> = new Set([
  ...PASSED.map(([key]) => key),
  ...GUIDED,
  "generationConfig",
  "modalities",
]);

function noteLosses({ system, extensions, serviceTier, userId, metadata }: Conversation, losses: Losses): void {
  for (const key of Object.keys(extensions)) if (!EXTENSIONS_READ.has(key)) losses.dropPath(key);
  for (const part of system) if (part.cache !== undefined) losses.dropIn(part, "cache");
  if (serviceTier !== undefined) losses.drop("service_tier");
  if (userId !== undefined) losses.drop("user");
  if (metadata !== undefined) losses.drop("metadata");
}

/** https://ai.google.dev/api/generate-content#v1beta.GenerationConfig */
function writeConfig(conversation: Conversation, model: GeminiModel, losses: Losses): JsonRecord {
  const thinkingConfig = writeReasoning(conversation.reasoning, model, losses);
  return defined({
    ...writeSampling(conversation.sampling),
    ...writeOutput(conversation, model, losses),
    thinkingConfig,
    ...writeExtensions(conversation, model, losses),
  });
}

function writeSampling(sampling: Sampling): object {
  return {
    temperature: sampling.temperature,
    topP: sampling.topP,
    topK: sampling.topK,
    candidateCount: sampling.n,
    maxOutputTokens: sampling.maxTokens,
    stopSequences: sampling.stop.length === 0 ? undefined : sampling.stop,
    seed: sampling.seed,
    presencePenalty: sampling.presencePenalty,
    frequencyPenalty: sampling.frequencyPenalty,
    responseLogprobs: sampling.logprobs,
    logprobs: sampling.topLogprobs,
  };
}

function writeExtensions({ extensions }: Conversation, model: GeminiModel, losses: Losses): object {
  const { generationConfig, modalities } = extensions;
  const written: Record<string, unknown> = {};
  if (Array.isArray(modalities)) {
    written["responseModalities"] = modalities.map((modality) => String(modality).toUpperCase());
  }
  if (isRecord(generationConfig)) {
    const { media_resolution: snake, mediaResolution = snake, ...others } = generationConfig;
    for (const key of Object.keys(others)) losses.dropPath(`generationConfig.${key}`);
    if (model.isAtLeast(3, 0)) written["mediaResolution"] = mediaResolution;
    else if (mediaResolution !== undefined) losses.dropPath("generationConfig.media_resolution");
  }
  return written;
}

/** Output of a given form: https://ai.google.dev/gemini-api/docs/structured-output */
function writeOutput({ output, extensions }: Conversation, model: GeminiModel, losses: Losses): object {
  const guided = GUIDED.filter((key) => extensions[key] !== undefined);
  const [guide, ...more] = guided;
  if (more.length > 0 || (guide !== undefined && output !== undefined)) {
    const given = [...(output === undefined ? [] : [losses.pathOf("response_format")]), ...guided];
    throw untranslatable(given.join(", "), "only one of them can be given");
  }
  switch (guide) {
    case "guided_choice":
      return { responseMimeType: "text/x.enum", responseSchema: { type: "STRING", enum: extensions[guide] } };
    case "guided_regex":
      return { responseMimeType: "application/json", responseSchema: { type: "STRING", pattern: extensions[guide] } };
    case "guided_json":
      return { responseMimeType: "application/json", responseJsonSchema: jsonOf(extensions[guide]) };
    default:
  }
  if (output === undefined) return {};
  if (output.type === "text") return { responseMimeType: "text/plain" };
  if (output.type === "json") return { responseMimeType: "application/json" };
  const schema = model.isAtLeast(2, 5)
    ? { responseJsonSchema: output.schema }
    : { responseSchema: openApiSchema(output.schema, losses.pathOf("response_format")) };
  return { responseMimeType: "application/json", ...schema };
}

/** vLLM takes a schema as an object or as its text. */
function jsonOf(schema: unknown): unknown {
  if (typeof schema !== "string") return schema;
  try {
    return JSON.parse(schema);
  } catch {
    throw untranslatable("guided_json", "is not JSON");
  }
}

function defined(members: object): JsonRecord {
  return Object.fromEntries(Object.entries(members).filter(([, value]) => value !== undefined));
}
