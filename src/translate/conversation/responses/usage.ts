import type { TokenUsage } from "../../../usage/token-usage.ts";

/**
 * Usage as a response has it, null when the vendor said none: https://platform.openai.com/docs/api-reference/responses/object#responses/object-usage.
 * The details are always there, since SDKs take them for granted; tokens written to a cache only where there are any.
 */
export function writeUsage(usage: TokenUsage): object | null {
  const { inputTokens, outputTokens, totalTokens, cachedInputTokens, cacheCreationInputTokens, reasoningTokens } =
    usage;
  if (inputTokens === undefined && outputTokens === undefined && totalTokens === undefined) return null;
  const input = inputTokens ?? 0;
  const output = outputTokens ?? 0;
  const written = cacheCreationInputTokens ?? 0;
  return {
    input_tokens: input,
    input_tokens_details: {
      cached_tokens: cachedInputTokens ?? 0,
      ...(written === 0 ? {} : { cache_write_tokens: written }),
    },
    output_tokens: output,
    output_tokens_details: { reasoning_tokens: reasoningTokens ?? 0 },
    total_tokens: totalTokens ?? input + output,
  };
}
