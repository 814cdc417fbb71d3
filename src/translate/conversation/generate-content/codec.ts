import type { ClientCodec } from "../codec.ts";
import { writeError } from "./error.ts";
import { GENERATE_CONTENT_FIELDS } from "./fields.ts";
import { readRequest } from "./request.ts";
import { writeAnswer } from "./response.ts";
import { GenerateContentWriter } from "./stream.ts";

/** Gemini's generateContent as callers speak it: https://ai.google.dev/api/generate-content */
export const GENERATE_CONTENT_CLIENT: ClientCodec = {
  fields: GENERATE_CONTENT_FIELDS,
  readRequest,
  writeAnswer,
  streamWriter: (context) => new GenerateContentWriter(context),
  writeError,
};
