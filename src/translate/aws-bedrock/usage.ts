import { emptyUsage, type TokenUsage, tokenCount } from "../../usage/token-usage.ts";
import { isRecord } from "../conversation/read.ts";

/**
 * Reads Bedrock's usage, whose `inputTokens` leaves out what was read from the cache and written to it.
 * https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_TokenUsage.html
 */
export function readUsage(said: unknown): TokenUsage {
  const usage = emptyUsage();
  if (!isRecord(said)) return usage;
  usage.cachedInputTokens = tokenCount(said["cacheReadInputTokens"]);
  readCacheDetails(said["cacheDetails"], usage);
  usage.cacheCreationInputTokens =
    tokenCount(said["cacheWriteInputTokens"]) ??
    sum(usage.cacheCreation5mInputTokens, usage.cacheCreation1hInputTokens);
  usage.inputTokens = sum(tokenCount(said["inputTokens"]), usage.cachedInputTokens, usage.cacheCreationInputTokens);
  usage.outputTokens = tokenCount(said["outputTokens"]);
  usage.totalTokens = sum(usage.inputTokens, usage.outputTokens);
  return usage;
}

/** https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_CacheDetail.html */
function readCacheDetails(details: unknown, usage: TokenUsage): void {
  if (!Array.isArray(details)) return;
  for (const detail of details) {
    if (!isRecord(detail)) continue;
    const { ttl, inputTokens } = detail;
    if (ttl === "5m") usage.cacheCreation5mInputTokens = tokenCount(inputTokens);
    else if (ttl === "1h") usage.cacheCreation1hInputTokens = tokenCount(inputTokens);
  }
}

/** The sum of what is known, undefined when nothing is. */
function sum(...counts: readonly (number | undefined)[]): number | undefined {
  const known = counts.filter((count) => count !== undefined);
  return known.length === 0 ? undefined : tokenCount(known.reduce((total, count) => total + count, 0));
}
