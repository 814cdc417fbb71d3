/** The `meta` member of a rerank answer: https://docs.cohere.com/reference/rerank */
export interface RerankMeta {
  readonly tokens?: CohereTokens | null;
  readonly billed_units?: CohereTokens | null;
}

/** Token counts as Cohere reports them. */
export interface CohereTokens {
  readonly input_tokens?: unknown;
  readonly output_tokens?: unknown;
}
