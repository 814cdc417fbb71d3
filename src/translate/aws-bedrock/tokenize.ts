import { pathSegment } from "../backend-path.ts";
import type { BackendRequest, BackendTarget } from "../conversation/codec.ts";
import type { Conversation } from "../conversation/conversation.ts";
import type { Losses } from "../conversation/losses.ts";
import type { TokenizeCodec } from "../tokenize/codec.ts";
import { readError } from "./error.ts";
import { writeConverse } from "./request.ts";

/**
 * Counting of tokens by Bedrock, for what Converse would be asked:
 * https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_CountTokens.html
 */
export const BEDROCK_TOKENIZE: TokenizeCodec = { writeRequest, count: "inputTokens", readError };

/** https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_ConverseTokensRequest.html */
function writeRequest(conversation: Conversation, target: BackendTarget, losses: Losses): BackendRequest {
  const { messages, system, toolConfig, additionalModelRequestFields } = writeConverse(conversation, target, losses);
  return {
    path: `/model/${pathSegment(target.model.replace(AREA, ""))}/count-tokens`,
    body: { input: { converse: { messages, system, toolConfig, additionalModelRequestFields } } },
  };
}

/**
 * What an inference profile's id has in front of the model's, of which alone Bedrock counts:
 * https://docs.aws.amazon.com/bedrock/latest/userguide/inference-profiles-support.html
 */
const AREA = /^(?:us-gov|us|eu|apac|uk|au|jp|ca|global)\./;
