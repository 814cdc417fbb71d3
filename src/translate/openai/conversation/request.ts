import type { Conversation, OutputFormat } from "../../conversation/conversation.ts";
import type { Losses } from "../../conversation/losses.ts";
import { writeMessages } from "./messages.ts";
import type { ServedModel } from "./model.ts";
import { writeReasoning } from "./reasoning.ts";
import { writeTools } from "./tools.ts";

/** The model to ask, with what is known of it. */
export interface AskedModel extends ServedModel {
  readonly name: string;
}

/** Longest `user` that OpenAI takes. */
const USER_LENGTH_MAX = 64;

/**
 * Writes a request: https://platform.openai.com/docs/api-reference/chat/create. `cache_control` has no word here and is no loss:
 * OpenAI caches prompts by itself.
 */
export function writeRequest(conversation: Conversation, model: AskedModel, losses: Losses): object {
  const { stream, sampling } = conversation;
  const tools = writeTools(conversation, losses);
  noteLosses(conversation, losses);
  return {
    messages: writeMessages(conversation, model, losses),
    model: model.name,
    max_completion_tokens: sampling.maxTokens,
    ...(stream ? { stream, stream_options: { include_usage: true } } : {}),
    temperature: sampling.temperature,
    top_p: sampling.topP,
    ...tools,
    ...writeReasoning(conversation.reasoning, { model, hasTools: tools.tools !== undefined }, losses),
    response_format: writeFormat(conversation.output),
    seed: sampling.seed,
    n: sampling.n,
    frequency_penalty: sampling.frequencyPenalty,
    presence_penalty: sampling.presencePenalty,
    logprobs: sampling.logprobs,
    top_logprobs: sampling.topLogprobs,
    service_tier: writeTier(conversation.serviceTier),
    user: writeUser(conversation.userId, losses),
    stop: sampling.stop.length === 0 ? undefined : sampling.stop,
  };
}

function noteLosses({ sampling, metadata, extensions }: Conversation, losses: Losses): void {
  if (sampling.topK !== undefined) losses.drop("top_k");
  // OpenAI takes metadata only for answers that it is told to store.
  if (metadata !== undefined) losses.drop("metadata");
  for (const name of Object.keys(extensions)) losses.dropPath(name);
}

/** https://platform.openai.com/docs/guides/structured-outputs; a schema must have a name. */
function writeFormat(output: OutputFormat | undefined): object | undefined {
  switch (output?.type) {
    case undefined:
    case "text":
      return undefined;
    case "json":
      return { type: "json_object" };
    case "json-schema": {
      const { name, description, schema, strict } = output;
      return { type: "json_schema", json_schema: { name: name ?? "response", description, schema, strict } };
    }
  }
}

/** OpenAI's `default` is what Anthropic calls `standard_only`. */
function writeTier(tier: string | undefined): string | undefined {
  return tier === "standard_only" ? "default" : tier;
}

function writeUser(userId: string | undefined, losses: Losses): string | undefined {
  if (userId === undefined || userId.length <= USER_LENGTH_MAX) return userId;
  losses.drop("user");
  return undefined;
}
