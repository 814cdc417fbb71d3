import { CHAT_COMPLETIONS } from "./chat-completions.ts";
import { COMPLETIONS } from "./completions.ts";
import { EMBEDDINGS } from "./embeddings.ts";
import type { Endpoint } from "./endpoint.ts";
import { MESSAGES } from "./messages.ts";
import { ANTHROPIC_MODELS, MODELS } from "./models.ts";
import { RESPONSES } from "./responses.ts";

/** Every endpoint the gateway answers. The models list is there once per dialect. */
export const ENDPOINTS: readonly Endpoint[] = [
  CHAT_COMPLETIONS,
  COMPLETIONS,
  EMBEDDINGS,
  RESPONSES,
  MESSAGES,
  MODELS,
  ANTHROPIC_MODELS,
];

/** The endpoint of a path, exact and without query. */
export const endpointByPath: ReadonlyMap<string, Endpoint> = new Map(
  ENDPOINTS.flatMap((endpoint) => endpoint.paths.map((path) => [path, endpoint] as const)),
);
