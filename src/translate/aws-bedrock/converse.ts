/**
 * Amazon Bedrock's Converse API: one dialect for the models of every maker there.
 * https://docs.aws.amazon.com/bedrock/latest/userguide/conversation-inference.html
 */
import type { BackendCodec } from "../conversation/codec.ts";
import { readError } from "./error.ts";
import { writeRequest } from "./request.ts";
import { readAnswer } from "./response.ts";
import { ConverseStreamReader } from "./stream.ts";

/** Converse and ConverseStream. */
export const CONVERSE: BackendCodec = {
  // https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_ToolSpecification.html
  toolNames: /^[a-zA-Z0-9_-]{1,64}$/,
  writeRequest,
  readAnswer,
  streamReader: (headers, target) => new ConverseStreamReader(headers, target),
  readError,
};
