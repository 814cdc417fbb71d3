import { TOOL_NAMES } from "../anthropic/codec.ts";
import { writeMessages } from "../anthropic/request.ts";
import { readMessage } from "../anthropic/response.ts";
import { MessageStreamReader } from "../anthropic/stream.ts";
import type { BackendCodec } from "../conversation/codec.ts";
import { readGcpError } from "./error.ts";
import { rawPredictPath, vertexVersion } from "./raw-predict.ts";

/** Claude on Vertex AI. */
export const GCP_ANTHROPIC_CODEC: BackendCodec = {
  toolNames: TOOL_NAMES,
  writeRequest(conversation, { model, context }, losses) {
    const body = writeMessages(conversation, { model, hasServiceTier: false }, losses);
    const stream = conversation.stream ? { stream: true } : {};
    return {
      path: rawPredictPath(model, conversation.stream),
      body: { ...body, ...stream, anthropic_version: vertexVersion(context) },
    };
  },
  readAnswer: readMessage,
  streamReader: () => new MessageStreamReader(),
  readError: readGcpError,
};
