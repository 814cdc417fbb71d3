import type { MessageUsage } from "../../apischema/anthropic/usage.ts";
import { type TokenUsage, tokenCount } from "../../usage/token-usage.ts";
import type { ScannedObject } from "../../wire/json-scan.ts";

/**
 * Adds up Anthropic's usage, whose `input_tokens` leaves out the cached part. `message_start` brings all members and
 * `message_delta` newer totals of some; a 0 or null among the latter's input members does not take back what was said.
 */
export class MessageUsageReader {
  readonly #usage: TokenUsage;
  #uncached: number | undefined;

  constructor(usage: TokenUsage) {
    this.#usage = usage;
  }

  /** Reads the `usage` member of a message or of a `message_delta` event. */
  read(scanned: ScannedObject): void {
    if (scanned.kind("usage") === "object") this.add(scanned.json("usage") as MessageUsage);
  }

  /** Reads usage that is parsed already. */
  add(said: MessageUsage): void {
    const usage = this.#usage;
    this.#uncached = newer(said.input_tokens, this.#uncached);
    usage.cachedInputTokens = newer(said.cache_read_input_tokens, usage.cachedInputTokens);
    const { ephemeral_5m_input_tokens: for5m, ephemeral_1h_input_tokens: for1h } = said.cache_creation ?? NOTHING;
    usage.cacheCreation5mInputTokens = newer(for5m, usage.cacheCreation5mInputTokens);
    usage.cacheCreation1hInputTokens = newer(for1h, usage.cacheCreation1hInputTokens);
    usage.cacheCreationInputTokens =
      newer(said.cache_creation_input_tokens, usage.cacheCreationInputTokens) ??
      sum(usage.cacheCreation5mInputTokens, usage.cacheCreation1hInputTokens);
    usage.outputTokens = tokenCount(said.output_tokens) ?? usage.outputTokens;
    usage.reasoningTokens = newer(said.output_tokens_details?.thinking_tokens, usage.reasoningTokens);
    usage.inputTokens = sum(this.#uncached, usage.cachedInputTokens, usage.cacheCreationInputTokens);
    usage.totalTokens = sum(usage.inputTokens, usage.outputTokens);
  }
}

const NOTHING: NonNullable<MessageUsage["cache_creation"]> = {};

function newer(said: unknown, known: number | undefined): number | undefined {
  return tokenCount(said) || known === undefined ? tokenCount(said) : known;
}

/** The sum of what is known; undefined when nothing is, or when it is too large to be true. */
function sum(...counts: readonly (number | undefined)[]): number | undefined {
  const known = counts.filter((count) => count !== undefined);
  return known.length === 0 ? undefined : tokenCount(known.reduce((total, count) => total + count, 0));
}
