/** OpenAI's responses as callers speak them: https://platform.openai.com/docs/api-reference/responses */
import { writeError } from "../chat-completions/error.ts";
import type { ClientCodec } from "../codec.ts";
import { RESPONSES_FIELDS } from "./fields.ts";
import { readRequest } from "./request.ts";
import { writeAnswer } from "./response.ts";
import { ResponseStreamWriter } from "./stream.ts";

/** The client dialect of the responses endpoint. Nothing is stored: what needs an earlier response is refused. */
export const RESPONSES_CLIENT: ClientCodec = {
  fields: RESPONSES_FIELDS,
  readRequest,
  writeAnswer,
  streamWriter: (context) => new ResponseStreamWriter(context),
  writeError,
};
