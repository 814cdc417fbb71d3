/**
 * Usage of a message. `input_tokens` leaves out what came from the cache or was written to it; in `message_delta` every
 * member is cumulative and may be null. https://docs.anthropic.com/en/api/messages#response-usage and
 * https://docs.anthropic.com/en/docs/build-with-claude/streaming
 */
export interface MessageUsage {
  readonly input_tokens?: unknown;
  readonly cache_read_input_tokens?: unknown;
  readonly cache_creation_input_tokens?: unknown;
  /** The same by how long it is kept: https://docs.anthropic.com/en/docs/build-with-claude/prompt-caching#1-hour-cache-duration */
  readonly cache_creation?: {
    readonly ephemeral_5m_input_tokens?: unknown;
    readonly ephemeral_1h_input_tokens?: unknown;
  } | null;
  readonly output_tokens?: unknown;
  readonly output_tokens_details?: { readonly thinking_tokens?: unknown } | null;
}
