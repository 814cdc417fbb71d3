import type { ApiSchema } from "../api-schema.ts";
import { joinPath } from "../backend-path.ts";
import { rerank } from "./rerank.ts";

/** Cohere's own API: https://docs.cohere.com/reference/rerank */
export const COHERE: ApiSchema = {
  name: "Cohere",
  otelProvider: "cohere",
  prefix: undefined,
  version: "Path in front of the operation, e.g. `v2`; none unless told.",
  outputCaps: {},
  endpoints: {
    rerank: rerank(({ version }) => joinPath(version ?? "", "rerank")),
  },
};
