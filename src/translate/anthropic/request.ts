import { GatewayError } from "../../errors/gateway-error.ts";
import type { Conversation, Sampling } from "../conversation/conversation.ts";
import type { Losses } from "../conversation/losses.ts";
import type { JsonRecord } from "../conversation/read.ts";
import { claudeModel } from "./claude-model.ts";
import { writeText, writeTurns } from "./content.ts";
import { writeOutputConfig, writeThinking } from "./reasoning.ts";
import { writeTools } from "./tools.ts";

/**
 * What is asked for when the caller sets no limit, which Anthropic's API demands: the most that every Claude model can give. It
 * comes on top of a budget for thinking.
 */
export const MAX_TOKENS_DEFAULT = 4096;

/** Fields of Anthropic's own with no place in a conversation; whoever sends them means them for Claude. */
const OWN_FIELDS: ReadonlySet<string> = new Set([
  "cache_control",
  "container",
  "context_management",
  "inference_geo",
  "mcp_servers",
  "speed",
]);

/** Where a request goes. */
export interface MessagesOptions {
  readonly model: string;
  /** Whether the host knows Anthropic's `service_tier`. */
  readonly hasServiceTier: boolean;
}

/**
 * Writes a conversation as a body of the messages API, without `model`, `stream` and what else depends on the host.
 * https://docs.anthropic.com/en/api/messages
 *
 * @throws GatewayError `untranslatable`.
 */
export function writeMessages(conversation: Conversation, options: MessagesOptions, losses: Losses): JsonRecord {
  const model = claudeModel(options.model);
  const { system, turns, sampling, reasoning } = conversation;
  const thinking = writeThinking(reasoning, model, losses);
  const instructions = system.flatMap(writeText);
  const body: Readonly<Record<string, unknown>> = {
    ...writeSampling(sampling, losses),
    max_tokens: sampling.maxTokens ?? MAX_TOKENS_DEFAULT + budgetOf(thinking),
    system: instructions.length === 0 ? undefined : instructions,
    messages: writeTurns(turns, losses),
    ...writeTools(conversation, model, losses),
    thinking,
    output_config: writeOutputConfig(conversation, model, losses),
    metadata: writeMetadata(conversation, losses),
    service_tier: writeServiceTier(conversation.serviceTier, options.hasServiceTier, losses),
  };
  return { ...body, ...writeExtensions(conversation.extensions, losses) };
}

function budgetOf(thinking: JsonRecord | undefined): number {
  const budget = thinking?.["budget_tokens"];
  return typeof budget === "number" ? budget : 0;
}

function writeSampling(sampling: Sampling, losses: Losses): JsonRecord {
  const { temperature, topP, topK, stop } = sampling;
  if (temperature !== undefined && !(temperature >= 0 && temperature <= 1)) {
    throw new GatewayError(
      "untranslatable",
      `invalid request body: ${losses.pathOf("temperature")} ${temperature.toFixed(2)} is not supported by Anthropic (must be between 0.0 and 1.0)`,
    );
  }
  noteLost(sampling, losses);
  // Claude refuses sequences of nothing but space.
  const sequences = stop.filter((sequence) => sequence.trim() !== "");
  if (sequences.length < stop.length) losses.drop("stop");
  return {
    temperature,
    top_p: topP,
    top_k: topK,
    stop_sequences: sequences.length === 0 ? undefined : sequences,
  };
}

/** What Claude has no word for, unless it says what would happen anyway. */
function noteLost(sampling: Sampling, losses: Losses): void {
  if ((sampling.n ?? 1) !== 1) losses.drop("n");
  if (sampling.seed !== undefined) losses.drop("seed");
  if ((sampling.frequencyPenalty ?? 0) !== 0) losses.drop("frequency_penalty");
  if ((sampling.presencePenalty ?? 0) !== 0) losses.drop("presence_penalty");
  if (sampling.logprobs === true) losses.drop("logprobs");
  if ((sampling.topLogprobs ?? 0) !== 0) losses.drop("top_logprobs");
}

/** Of metadata Anthropic takes the user's id only: https://docs.anthropic.com/en/api/messages#body-metadata */
function writeMetadata({ userId, metadata = {} }: Conversation, losses: Losses): JsonRecord | undefined {
  const { user_id: user = userId, ...others } = metadata;
  if (Object.keys(others).length > 0) losses.drop("metadata");
  return user === undefined ? undefined : { user_id: userId ?? user };
}

/** Anthropic's words as they are, and OpenAI's `default`, which means no priority: https://docs.anthropic.com/en/api/service-tiers */
function writeServiceTier(tier: string | undefined, isKnown: boolean, losses: Losses): string | undefined {
  if (tier === undefined || (tier === "auto" && !isKnown)) return undefined;
  if (isKnown && (tier === "auto" || tier === "standard_only")) return tier;
  if (isKnown && tier === "default") return "standard_only";
  losses.drop("service_tier");
  return undefined;
}

function writeExtensions(extensions: JsonRecord, losses: Losses): JsonRecord {
  const own: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(extensions)) {
    if (OWN_FIELDS.has(name)) own[name] = value;
    else losses.dropPath(name);
  }
  return own;
}
