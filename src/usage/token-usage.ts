/**
 * Token usage of one request, in OpenTelemetry's words. A member is undefined when the provider never said it, which is
 * not the same as 0: it decides which metric series exist.
 */

/** What the provider reported (or what was estimated). `inputTokens` includes cached and cache-creation tokens and
 * `outputTokens` includes reasoning, whatever the provider's own convention; `totalTokens` is the provider's own number. */
export interface TokenUsage {
  inputTokens: number | undefined;
  cachedInputTokens: number | undefined;
  cacheCreationInputTokens: number | undefined;
  outputTokens: number | undefined;
  reasoningTokens: number | undefined;
  totalTokens: number | undefined;
  /** True when the stream ended before the provider told its usage and the numbers are ours. */
  estimated: boolean;
}

/** The same usage in buckets that do not overlap: a price is the sum over the buckets. All in tokens. */
export interface TokenBuckets {
  readonly uncachedInput: number;
  readonly cachedInput: number;
  readonly cacheCreationInput: number;
  /** Output without reasoning. */
  readonly output: number;
  readonly reasoning: number;
}

/** Usage of which nothing is known yet. */
export function emptyUsage(): TokenUsage {
  return {
    inputTokens: undefined,
    cachedInputTokens: undefined,
    cacheCreationInputTokens: undefined,
    outputTokens: undefined,
    reasoningTokens: undefined,
    totalTokens: undefined,
    estimated: false,
  };
}

/** Splits usage into disjoint buckets; a provider that reports more cached than input tokens yields no negative bucket. */
export function toBuckets(usage: TokenUsage): TokenBuckets {
  const cachedInput = usage.cachedInputTokens ?? 0;
  const cacheCreationInput = usage.cacheCreationInputTokens ?? 0;
  const reasoning = usage.reasoningTokens ?? 0;
  return {
    uncachedInput: Math.max(0, (usage.inputTokens ?? 0) - cachedInput - cacheCreationInput),
    cachedInput,
    cacheCreationInput,
    output: Math.max(0, (usage.outputTokens ?? 0) - reasoning),
    reasoning,
  };
}

/** Largest count taken from a provider: what lies above it (or is no whole number from 0) is a lie, not usage. */
export const TOKENS_MAX = 0xffff_ffff;

/** A count as a provider sent it, or undefined when it is not a whole number from 0 to {@link TOKENS_MAX}. */
export function tokenCount(value: unknown): number | undefined {
  return typeof value === "number" && Number.isInteger(value) && value >= 0 && value <= TOKENS_MAX ? value : undefined;
}
