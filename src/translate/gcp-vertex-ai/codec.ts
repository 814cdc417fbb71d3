import type { BackendCodec } from "../conversation/codec.ts";
import { readError } from "./error.ts";
import { writeRequest } from "./request.ts";
import { readAnswer } from "./response.ts";
import { GeminiStreamReader } from "./stream.ts";

/** Gemini's generateContent and streamGenerateContent: https://ai.google.dev/api/generate-content */
export const GEMINI: BackendCodec = {
  writeRequest,
  readAnswer: (body, _headers, target) => readAnswer(body, target),
  streamMayBeArray: true,
  streamReader: (_headers, target) => new GeminiStreamReader(target),
  readError,
};
