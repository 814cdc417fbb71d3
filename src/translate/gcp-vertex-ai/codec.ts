import type { BackendCodec } from "../conversation/codec.ts";
import { readError } from "./error.ts";
import { writeRequest } from "./request.ts";
import { readAnswer } from "./response.ts";
import { GeminiStreamReader } from "./stream.ts";

/** Gemini's generateContent and streamGenerateContent: https://ai.google.dev/api/generate-content */
export const GEMINI: BackendCodec = {
  // https://cloud.google.com/vertex-ai/generative-ai/docs/reference/rest/v1/FunctionDeclaration, as older models have it.
  toolNames: /^[a-zA-Z_][a-zA-Z0-9_.-]{0,63}$/,
  writeRequest,
  readAnswer: (body, _headers, target) => readAnswer(body, target),
  streamMayBeArray: true,
  streamReader: (_headers, target) => new GeminiStreamReader(target),
  readError,
};
