/** Anthropic's messages as callers speak them: https://docs.anthropic.com/en/api/messages */
import type { ClientCodec } from "../codec.ts";
import { writeError } from "./error.ts";
import { MESSAGES_FIELDS } from "./fields.ts";
import { readRequest } from "./request.ts";
import { writeAnswer } from "./response.ts";
import { MessageStreamWriter } from "./stream.ts";

/** The client dialect of the messages endpoint. */
export const MESSAGES_CLIENT: ClientCodec = {
  fields: MESSAGES_FIELDS,
  readRequest,
  writeAnswer,
  streamWriter: (context) => new MessageStreamWriter(context),
  writeError: (error, { requestId }) => writeError(error, requestId),
};
