import type {
  ConverseRequest,
  InferenceConfiguration,
  OutputConfiguration,
} from "../../apischema/aws-bedrock/converse.ts";
import { invokeBetas } from "../aws-anthropic/invoke.ts";
import { pathSegment } from "../backend-path.ts";
import type { BackendRequest, BackendTarget } from "../conversation/codec.ts";
import type { Conversation, OutputFormat, Sampling } from "../conversation/conversation.ts";
import type { Losses } from "../conversation/losses.ts";
import { record } from "../conversation/read.ts";
import { writeMessages, writeSystem } from "./messages.ts";
import { familyOf, type ModelFamily } from "./model-family.ts";
import { writeReasoning } from "./reasoning.ts";
import { writeToolConfig } from "./tools.ts";

/** Fields of Converse itself that a caller may add to a request of any dialect. */
const OWN_FIELDS: ReadonlySet<string> = new Set([
  "additionalModelRequestFields",
  "additionalModelResponseFieldPaths",
  "guardrailConfig",
  "performanceConfig",
  "promptVariables",
  "requestMetadata",
] satisfies (keyof ConverseRequest)[]);

/** Writes a conversation for Converse or, streamed, ConverseStream. */
export function writeRequest(conversation: Conversation, target: BackendTarget, losses: Losses): BackendRequest {
  const operation = conversation.stream ? "converse-stream" : "converse";
  const body = writeConverse(conversation, target, losses);
  return { path: `/model/${pathSegment(target.model)}/${operation}`, body };
}

/** Writes a conversation as Converse's body. */
export function writeConverse(
  conversation: Conversation,
  { model, context }: BackendTarget,
  losses: Losses,
): ConverseRequest {
  const family = familyOf(model);
  const { extensions, sampling, reasoning, output, serviceTier } = conversation;
  noteLosses(conversation, losses);
  const textFormat = writeTextFormat(output, family, losses);
  const thinking = writeReasoning(reasoning, family, losses);
  const betas = family.claude === undefined ? undefined : invokeBetas(context.requestHeaders);
  const topK = sampling.topK === undefined ? {} : family.topK(sampling.topK);
  const system = writeSystem(conversation.system);
  const tier = SERVICE_TIERS.get(serviceTier ?? "") ?? serviceTier;
  return {
    additionalModelRequestFields: orNothing({
      ...topK,
      ...thinking.fields,
      ...(betas === undefined ? {} : { anthropic_beta: betas }),
      ...record(extensions["additionalModelRequestFields"], "additionalModelRequestFields"),
    }),
    additionalModelResponseFieldPaths: writeResponsePaths(conversation, family),
    guardrailConfig: extensions["guardrailConfig"],
    inferenceConfig: writeInferenceConfig(sampling),
    messages: writeMessages(conversation.turns, family.claude !== undefined, losses),
    outputConfig: writeOutputConfig(textFormat, thinking.effort),
    performanceConfig: extensions["performanceConfig"],
    promptVariables: extensions["promptVariables"],
    requestMetadata: writeMetadata(conversation, losses),
    system: system.length === 0 ? undefined : system,
    serviceTier: tier === undefined || tier === "auto" ? undefined : { type: tier },
    toolConfig: writeToolConfig(conversation, family.hasStructuredOutput, losses),
  };
}

/** Anthropic's words for Bedrock's: https://docs.aws.amazon.com/bedrock/latest/userguide/service-tiers-inference.html */
const SERVICE_TIERS: ReadonlyMap<string, string> = new Map([["standard_only", "default"]]);

function noteLosses({ sampling, extensions, userId, parallelToolCalls }: Conversation, losses: Losses): void {
  for (const name of Object.keys(extensions)) if (!OWN_FIELDS.has(name)) losses.dropPath(name);
  if (userId !== undefined) losses.drop("user");
  // To allow several calls is what every model does unasked.
  if (parallelToolCalls === false) losses.drop("parallel_tool_calls");
  if (sampling.n !== undefined && sampling.n !== 1) losses.drop("n");
  if (sampling.seed !== undefined) losses.drop("seed");
  if (sampling.frequencyPenalty) losses.drop("frequency_penalty");
  if (sampling.presencePenalty) losses.drop("presence_penalty");
  if (sampling.logprobs) losses.drop("logprobs");
  if (sampling.topLogprobs) losses.drop("top_logprobs");
}

function writeInferenceConfig({ maxTokens, temperature, topP, stop }: Sampling): InferenceConfiguration {
  return { maxTokens, stopSequences: stop.length === 0 ? undefined : stop, temperature, topP };
}

/** Which stop sequence was met is told only to those who ask. */
function writeResponsePaths({ extensions, sampling }: Conversation, family: ModelFamily): unknown {
  const asked = extensions["additionalModelResponseFieldPaths"];
  if (asked !== undefined) return asked;
  return sampling.stop.length > 0 && family.claude !== undefined ? ["/stop_sequence"] : undefined;
}

/** https://docs.aws.amazon.com/bedrock/latest/userguide/structured-output.html */
function writeTextFormat(
  output: OutputFormat | undefined,
  { hasStructuredOutput }: ModelFamily,
  losses: Losses,
): object | undefined {
  if (output === undefined || output.type === "text") return undefined;
  if (output.type === "json-schema" && hasStructuredOutput) {
    const { name, description, schema } = output;
    const jsonSchema = { schema: JSON.stringify(schema ?? {}), name, description };
    return { type: "json_schema", structure: { jsonSchema } };
  }
  // JSON of any shape is nothing Bedrock can be asked for.
  losses.drop("response_format");
  return undefined;
}

function writeOutputConfig(
  textFormat: object | undefined,
  effort: string | undefined,
): OutputConfiguration | undefined {
  return textFormat === undefined && effort === undefined ? undefined : { textFormat, effort };
}

const METADATA_MAX = 16;
const METADATA_KEY = /^[A-Za-z0-9\s:_@$#=/+,.-]{1,256}$/;
const METADATA_VALUE = /^[A-Za-z0-9\s:_@$#=/+,.-]{0,256}$/;

/**
 * Writes metadata within the limits of the API, which would refuse the whole request for one wrong character:
 * https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Converse.html#bedrock-runtime_Converse-request-requestMetadata
 */
function writeMetadata(
  { metadata, extensions }: Conversation,
  losses: Losses,
): Readonly<Record<string, unknown>> | undefined {
  const written: Record<string, unknown> = { ...record(extensions["requestMetadata"], "requestMetadata") };
  let room = METADATA_MAX - Object.keys(written).length;
  for (const [key, value] of Object.entries(metadata ?? {})) {
    if (room > 0 && METADATA_KEY.test(key) && METADATA_VALUE.test(value)) {
      written[key] = value;
      room -= 1;
    } else losses.dropPath(`${losses.pathOf("metadata")}.${key}`);
  }
  return orNothing(written);
}

function orNothing<T extends object>(value: T): T | undefined {
  return Object.keys(value).length === 0 ? undefined : value;
}
