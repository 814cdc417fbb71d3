import type { HeaderMap } from "../../wire/headers.ts";
import { writeMessages } from "../anthropic/request.ts";
import type { VendorError } from "../conversation/answer.ts";
import type { BackendRequest, BackendTarget } from "../conversation/codec.ts";
import type { Conversation } from "../conversation/conversation.ts";
import type { Losses } from "../conversation/losses.ts";
import type { TokenizeCodec } from "../tokenize/codec.ts";
import { COUNT_TOKENS_PATH, countedModel } from "./count-tokens.ts";
import { readGcpError, UNNAMED } from "./error.ts";
import { vertexVersion } from "./raw-predict.ts";

/** Counting of tokens for Claude on Vertex AI. */
export const GCP_ANTHROPIC_TOKENIZE: TokenizeCodec = { writeRequest, count: "input_tokens", readError };

/** A count knows the fields of a message, but no limit: https://docs.anthropic.com/en/api/messages-count-tokens */
function writeRequest(conversation: Conversation, { model, context }: BackendTarget, losses: Losses): BackendRequest {
  const { max_tokens, ...counted } = writeMessages(conversation, { model, hasServiceTier: false }, losses);
  return {
    path: COUNT_TOKENS_PATH,
    body: { anthropic_version: vertexVersion(context), model: countedModel(model), ...counted },
  };
}

/** Callers of the reference gateway know errors without a name by another one here. */
function readError(status: number, headers: HeaderMap, body: Uint8Array): VendorError {
  const error = readGcpError(status, headers, body);
  return error.type === UNNAMED ? { ...error, type: "GCPAnthropicBackendError" } : error;
}
