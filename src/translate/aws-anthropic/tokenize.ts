import { readError } from "../aws-bedrock/error.ts";
import type { BackendRequest, BackendTarget } from "../conversation/codec.ts";
import type { Conversation } from "../conversation/conversation.ts";
import type { Losses } from "../conversation/losses.ts";
import type { TokenizeCodec } from "../tokenize/codec.ts";
import { AWS_ANTHROPIC_CODEC } from "./codec.ts";
import { countBody, countPath } from "./count-tokens.ts";

/** Counting of tokens by Bedrock, for what InvokeModel would be asked. */
export const AWS_ANTHROPIC_TOKENIZE: TokenizeCodec = { writeRequest, count: "inputTokens", readError };

function writeRequest(conversation: Conversation, target: BackendTarget, losses: Losses): BackendRequest {
  const { body } = AWS_ANTHROPIC_CODEC.writeRequest(conversation, target, losses);
  return { path: countPath(target.model), body: countBody(Buffer.from(JSON.stringify(body))) };
}
