import type { TokenUsage } from "../../../usage/token-usage.ts";

/**
 * Usage as a chat completion has it, undefined when the vendor said none: details are there when the vendor said any, and zeros in
 * them are left out. https://platform.openai.com/docs/api-reference/chat/object#chat-object-usage
 */
export function writeUsage(usage: TokenUsage): object | undefined {
  const { inputTokens, outputTokens, totalTokens } = usage;
  if (inputTokens === undefined && outputTokens === undefined && totalTokens === undefined) return undefined;
  const prompt = inputTokens ?? 0;
  const completion = outputTokens ?? 0;
  return {
    prompt_tokens: prompt,
    completion_tokens: completion,
    total_tokens: totalTokens ?? prompt + completion,
    completion_tokens_details: details({
      reasoning_tokens: usage.reasoningTokens,
      audio_tokens: usage.outputAudioTokens,
    }),
    prompt_tokens_details: details({
      cached_tokens: usage.cachedInputTokens,
      cache_creation_input_tokens: usage.cacheCreationInputTokens,
      audio_tokens: usage.inputAudioTokens,
    }),
  };
}

function details(counts: Readonly<Record<string, number | undefined>>): object | undefined {
  const told = Object.entries(counts).filter(([, count]) => count !== undefined);
  return told.length === 0 ? undefined : Object.fromEntries(told.filter(([, count]) => count !== 0));
}
