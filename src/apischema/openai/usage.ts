/**
 * Usage of chat completions, completions and embeddings.
 * https://platform.openai.com/docs/api-reference/completions/object#completions/object-usage
 */
export interface CompletionUsage {
  readonly prompt_tokens?: unknown;
  readonly completion_tokens?: unknown;
  readonly total_tokens?: unknown;
  readonly prompt_tokens_details?: InputTokensDetails | null;
  readonly completion_tokens_details?: OutputTokensDetails | null;
}

/** Usage of the Responses API: https://platform.openai.com/docs/api-reference/responses/object#responses/object-usage */
export interface ResponseUsage {
  readonly input_tokens?: unknown;
  readonly output_tokens?: unknown;
  readonly total_tokens?: unknown;
  readonly input_tokens_details?: InputTokensDetails | null;
  /** The same of transcriptions: https://platform.openai.com/docs/api-reference/audio/json-object */
  readonly input_token_details?: InputTokensDetails | null;
  readonly output_tokens_details?: OutputTokensDetails | null;
}

/** Parts of the input: https://platform.openai.com/docs/guides/prompt-caching */
export interface InputTokensDetails {
  readonly cached_tokens?: unknown;
  readonly audio_tokens?: unknown;
  /** Of what images are made from: https://platform.openai.com/docs/api-reference/images/object */
  readonly image_tokens?: unknown;
  /** Tokens written to the cache, as OpenAI spells them. */
  readonly cache_write_tokens?: unknown;
  /** The same, as OpenAI-compatible servers in front of Claude spell them. */
  readonly cache_creation_input_tokens?: unknown;
}

/** Parts of the output: https://platform.openai.com/docs/guides/reasoning */
export interface OutputTokensDetails {
  readonly reasoning_tokens?: unknown;
  readonly audio_tokens?: unknown;
}
