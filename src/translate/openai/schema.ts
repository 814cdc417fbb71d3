import type { ApiSchema } from "../api-schema.ts";
import { joinPath } from "../backend-path.ts";
import type { BackendPath } from "../passthrough.ts";
import { chatCompletions } from "./chat-completions.ts";
import { completions } from "./completions.ts";
import { embeddings } from "./embeddings.ts";
import { responses } from "./responses.ts";

function under(operation: string): BackendPath {
  return ({ prefix }) => joinPath(prefix, operation);
}

/** OpenAI and the many servers that are compatible with it. */
export const OPENAI: ApiSchema = {
  name: "OpenAI",
  otelProvider: "openai",
  prefix: "Path in front of the operation, default `v1`.",
  version: undefined,
  endpoints: {
    "chat-completions": chatCompletions(under("chat/completions")),
    completions: completions(under("completions")),
    embeddings: embeddings(under("embeddings")),
    responses: responses(under("responses")),
  },
};
