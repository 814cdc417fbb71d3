import { AUDIO_SPEECH, AUDIO_TRANSCRIPTIONS, AUDIO_TRANSLATIONS } from "./audio.ts";
import { CHAT_COMPLETIONS } from "./chat-completions.ts";
import { COMPLETIONS } from "./completions.ts";
import { COUNT_TOKENS } from "./count-tokens.ts";
import { EMBEDDINGS } from "./embeddings.ts";
import type { Endpoint } from "./endpoint.ts";
import { GENERATE_CONTENT } from "./generate-content.ts";
import { IMAGES_EDITS, IMAGES_GENERATIONS } from "./images.ts";
import { MESSAGES } from "./messages.ts";
import { MODEL_PLACE, modelIn } from "./model-in-path.ts";
import { ANTHROPIC_MODELS, MODELS } from "./models.ts";
import { RERANK } from "./rerank.ts";
import { RESPONSES } from "./responses.ts";
import { RESPONSES_INPUT_TOKENS } from "./responses-input-tokens.ts";
import { TOKENIZE } from "./tokenize.ts";

/** Every endpoint the gateway answers. The models list is there once per dialect. */
export const ENDPOINTS: readonly Endpoint[] = [
  CHAT_COMPLETIONS,
  COMPLETIONS,
  EMBEDDINGS,
  RESPONSES,
  RESPONSES_INPUT_TOKENS,
  IMAGES_GENERATIONS,
  IMAGES_EDITS,
  AUDIO_SPEECH,
  AUDIO_TRANSCRIPTIONS,
  AUDIO_TRANSLATIONS,
  TOKENIZE,
  RERANK,
  MESSAGES,
  COUNT_TOKENS,
  GENERATE_CONTENT,
  MODELS,
  ANTHROPIC_MODELS,
];

/** Endpoints by their paths, as these are written; see {@link findEndpoint}. */
export const endpointByPath: ReadonlyMap<string, Endpoint> = new Map(
  ENDPOINTS.flatMap((endpoint) => endpoint.paths.map((path) => [path, endpoint] as const)),
);

const patterns = [...endpointByPath].filter(([path]) => path.includes(MODEL_PLACE));

/** The endpoint of a path without query. */
export function findEndpoint(path: string): Endpoint | undefined {
  return endpointByPath.get(path) ?? patterns.find(([pattern]) => modelIn(path, pattern) !== undefined)?.[1];
}
