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
  /** Parts of `cacheCreationInputTokens` by how long they are kept, which is priced differently. */
  cacheCreation5mInputTokens: number | undefined;
  cacheCreation1hInputTokens: number | undefined;
  /** Parts of `inputTokens`, cached ones included. */
  inputAudioTokens: number | undefined;
  inputImageTokens: number | undefined;
  outputTokens: number | undefined;
  /** Part of `outputTokens`. */
  outputAudioTokens: number | undefined;
  reasoningTokens: number | undefined;
  totalTokens: number | undefined;
  /** True when the stream ended before the provider told its usage and the numbers are ours. */
  estimated: boolean;
}

/** The same usage in buckets that do not overlap: a price is the sum over the buckets. All in tokens. */
export interface TokenBuckets {
  /** Input that is neither cached, nor written to a cache, nor audio or image. */
  readonly uncachedInput: number;
  readonly inputAudio: number;
  readonly inputImage: number;
  readonly cachedInput: number;
  /** Written to a cache for a time that was not told. */
  readonly cacheCreationInput: number;
  readonly cacheCreation5mInput: number;
  readonly cacheCreation1hInput: number;
  /** Output without reasoning and audio. */
  readonly output: number;
  readonly outputAudio: number;
  readonly reasoning: number;
}

/** Usage of which nothing is known yet. */
export function emptyUsage(): TokenUsage {
  return {
    inputTokens: undefined,
    cachedInputTokens: undefined,
    cacheCreationInputTokens: undefined,
    cacheCreation5mInputTokens: undefined,
    cacheCreation1hInputTokens: undefined,
    inputAudioTokens: undefined,
    inputImageTokens: undefined,
    outputTokens: undefined,
    outputAudioTokens: undefined,
    reasoningTokens: undefined,
    totalTokens: undefined,
    estimated: false,
  };
}

/** Whether the provider has said how much it was. */
export function isTold({ inputTokens, outputTokens, totalTokens }: TokenUsage): boolean {
  return inputTokens !== undefined || outputTokens !== undefined || totalTokens !== undefined;
}

/**
 * Splits usage into disjoint buckets; a provider that reports more cached than input tokens yields no negative bucket. Audio and
 * images are taken to be what was not cached, as far as there is any, since providers do not tell the two apart.
 */
export function toBuckets(usage: TokenUsage): TokenBuckets {
  const cachedInput = usage.cachedInputTokens ?? 0;
  const cacheCreation5mInput = usage.cacheCreation5mInputTokens ?? 0;
  const cacheCreation1hInput = usage.cacheCreation1hInputTokens ?? 0;
  const keptKnown = cacheCreation5mInput + cacheCreation1hInput;
  const cacheCreationInput = Math.max(0, (usage.cacheCreationInputTokens ?? 0) - keptKnown);
  const uncached = Math.max(0, (usage.inputTokens ?? 0) - cachedInput - cacheCreationInput - keptKnown);
  const inputAudio = Math.min(uncached, usage.inputAudioTokens ?? 0);
  const inputImage = Math.min(uncached - inputAudio, usage.inputImageTokens ?? 0);
  const reasoning = usage.reasoningTokens ?? 0;
  const said = Math.max(0, (usage.outputTokens ?? 0) - reasoning);
  const outputAudio = Math.min(said, usage.outputAudioTokens ?? 0);
  return {
    uncachedInput: uncached - inputAudio - inputImage,
    inputAudio,
    inputImage,
    cachedInput,
    cacheCreationInput,
    cacheCreation5mInput,
    cacheCreation1hInput,
    output: said - outputAudio,
    outputAudio,
    reasoning,
  };
}

/** Largest count taken from a provider: what lies above it (or is no whole number from 0) is a lie, not usage. */
export const TOKENS_MAX = 0xffff_ffff;

/** A count as a provider sent it, or undefined when it is not a whole number from 0 to {@link TOKENS_MAX}. */
export function tokenCount(value: unknown): number | undefined {
  return typeof value === "number" && Number.isInteger(value) && value >= 0 && value <= TOKENS_MAX ? value : undefined;
}
