import type { ApiSchema } from "../api-schema.ts";
import { joinPath } from "../backend-path.ts";
import { fromGenerateContent } from "../conversation/generate-content/translated.ts";
import { MESSAGES_CLIENT } from "../conversation/messages/codec.ts";
import { translated } from "../conversation/translated.ts";
import { audioSpeech, audioText } from "./audio.ts";
import { chatCompletions } from "./chat-completions.ts";
import { completions } from "./completions.ts";
import { chatBackend, type ModelPath } from "./conversation/codec.ts";
import { embeddings } from "./embeddings.ts";
import { images } from "./images.ts";
import { OPENAI_OUTPUT_CAPS } from "./output-caps.ts";
import { responses } from "./responses.ts";
import { responsesInputTokens } from "./responses-input-tokens.ts";
import { tokenize } from "./tokenize.ts";

function under(operation: string): ModelPath {
  return ({ prefix }) => joinPath(prefix, operation);
}

/** OpenAI and the many servers that are compatible with it. */
export const OPENAI: ApiSchema = {
  name: "OpenAI",
  otelProvider: "openai",
  prefix: "Path in front of the operation, default `v1`.",
  version: undefined,
  outputCaps: OPENAI_OUTPUT_CAPS,
  endpoints: {
    "chat-completions": chatCompletions(under("chat/completions")),
    completions: completions(under("completions")),
    embeddings: embeddings(under("embeddings")),
    "generate-content": fromGenerateContent(chatBackend(under("chat/completions"))),
    messages: translated(MESSAGES_CLIENT, chatBackend(under("chat/completions"))),
    responses: responses(under("responses")),
    "responses-input-tokens": responsesInputTokens(under("responses/input_tokens")),
    "images-generations": images(under("images/generations")),
    "images-edits": images(under("images/edits")),
    "audio-speech": audioSpeech(under("audio/speech")),
    "audio-transcriptions": audioText(under("audio/transcriptions")),
    "audio-translations": audioText(under("audio/translations")),
    tokenize: tokenize(),
  },
};
