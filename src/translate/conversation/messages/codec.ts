/** Anthropic's messages as callers speak them: https://docs.anthropic.com/en/api/messages */
import type { ClientCodec } from "../codec.ts";
import { writeError } from "./error.ts";
import { readRequest } from "./request.ts";
import { writeAnswer } from "./response.ts";
import { MessageStreamWriter } from "./stream.ts";

/** The client dialect of the messages endpoint. */
export const MESSAGES_CLIENT: ClientCodec = {
  readRequest,
  writeAnswer,
  streamWriter: (context) => new MessageStreamWriter(context),
  writeError,
};
