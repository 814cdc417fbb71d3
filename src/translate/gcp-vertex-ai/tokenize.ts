import type { BackendRequest, BackendTarget } from "../conversation/codec.ts";
import type { Conversation } from "../conversation/conversation.ts";
import type { Losses } from "../conversation/losses.ts";
import { isRecord } from "../conversation/read.ts";
import type { TokenizeCodec } from "../tokenize/codec.ts";
import { readError } from "./error.ts";
import { modelPath } from "./path.ts";
import { type GenerateContentBody, writeGenerateContent } from "./request.ts";

/** Counting of tokens by Gemini. */
export const GEMINI_TOKENIZE: TokenizeCodec = { writeRequest, count: "totalTokens", readError };

function writeRequest(conversation: Conversation, target: BackendTarget, losses: Losses): BackendRequest {
  const body = writeGenerateContent(withResolution(conversation), target, losses);
  const isStudio = target.context.prefix !== undefined && target.context.prefix !== "";
  return { path: modelPath(target, "countTokens"), body: isStudio ? forStudio(body, target) : forVertex(body) };
}

/** Callers of the tokenizer give Gemini's `media_resolution` beside the messages. */
function withResolution(conversation: Conversation): Conversation {
  const { media_resolution, ...extensions } = conversation.extensions;
  if (media_resolution === undefined) return conversation;
  const { generationConfig } = extensions;
  const given = isRecord(generationConfig) ? generationConfig : {};
  return { ...conversation, extensions: { ...extensions, generationConfig: { media_resolution, ...given } } };
}

/** https://docs.cloud.google.com/vertex-ai/generative-ai/docs/model-reference/count-tokens */
function forVertex({ contents, systemInstruction, tools, generationConfig }: GenerateContentBody): object {
  const { mediaResolution } = generationConfig;
  return {
    contents,
    systemInstruction,
    tools,
    generationConfig: mediaResolution === undefined ? undefined : { mediaResolution },
  };
}

/** AI Studio wants the request that would be made, whole: https://ai.google.dev/api/tokens#method:-models.counttokens */
function forStudio(body: GenerateContentBody, { model }: BackendTarget): object {
  return { generateContentRequest: { model: `models/${model}`, ...body } };
}
