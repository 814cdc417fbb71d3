import { type TokenUsage, toBuckets } from "../../../usage/token-usage.ts";

/**
 * Usage as Anthropic tells it, whose `input_tokens` leaves out the cached part.
 * https://docs.anthropic.com/en/api/messages#response-usage
 */
export function writeUsage(usage: TokenUsage): object {
  const buckets = toBuckets(usage);
  const { cacheCreation5mInput: for5m, cacheCreation1hInput: for1h, reasoning } = buckets;
  const isKeptTold = usage.cacheCreation5mInputTokens !== undefined || usage.cacheCreation1hInputTokens !== undefined;
  return {
    input_tokens: buckets.uncachedInput + buckets.inputAudio + buckets.inputImage,
    cache_creation_input_tokens: buckets.cacheCreationInput + for5m + for1h,
    cache_read_input_tokens: buckets.cachedInput,
    ...(isKeptTold ? { cache_creation: { ephemeral_5m_input_tokens: for5m, ephemeral_1h_input_tokens: for1h } } : {}),
    output_tokens: usage.outputTokens ?? 0,
    ...(reasoning === 0 ? {} : { output_tokens_details: { thinking_tokens: reasoning } }),
  };
}
