/**
 * OpenAI's chat completions as callers speak them: https://platform.openai.com/docs/api-reference/chat
 *
 * Beside OpenAI's own fields the extensions that users of Envoy AI Gateway know are read and written: `thinking`, `thinking_blocks`,
 * `reasoning_content`, `cache_control`.
 */
import type { ClientCodec } from "../codec.ts";
import { writeError } from "./error.ts";
import { CHAT_FIELDS } from "./fields.ts";
import { readRequest } from "./request.ts";
import { writeAnswer } from "./response.ts";
import { ChatStreamWriter } from "./stream.ts";

/** Chat completions as a dialect of callers. */
export const CHAT_COMPLETIONS_CLIENT: ClientCodec = {
  fields: CHAT_FIELDS,
  readRequest,
  writeAnswer,
  streamWriter: (context) => new ChatStreamWriter(context),
  writeError,
};
