import { TOOL_NAMES } from "../anthropic/codec.ts";
import { writeMessages } from "../anthropic/request.ts";
import { readMessage } from "../anthropic/response.ts";
import { readError } from "../aws-bedrock/error.ts";
import type { BackendCodec } from "../conversation/codec.ts";
import { invokeBetas, invokePath, invokeVersion } from "./invoke.ts";
import { invokeStreamReader } from "./invoke-stream.ts";

/** Claude by Bedrock's InvokeModel. */
export const AWS_ANTHROPIC_CODEC: BackendCodec = {
  toolNames: TOOL_NAMES,
  writeRequest(conversation, { model, context }, losses) {
    const body = writeMessages(conversation, { model, hasServiceTier: false }, losses);
    const betas = invokeBetas(context.requestHeaders);
    return {
      path: invokePath(model, conversation.stream),
      body: { anthropic_version: invokeVersion(context), ...body, anthropic_beta: betas },
    };
  },
  readAnswer: readMessage,
  streamReader: invokeStreamReader,
  readError,
};
