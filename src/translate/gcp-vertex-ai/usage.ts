import { emptyUsage, type TokenUsage, tokenCount } from "../../usage/token-usage.ts";
import { isRecord } from "../conversation/read.ts";

/**
 * Reads `usageMetadata`, whose candidates leave out the thoughts and whose prompt leaves out what the vendor's own tools
 * added to it. https://ai.google.dev/api/generate-content#UsageMetadata
 */
export function readUsage(metadata: unknown): TokenUsage {
  const usage = emptyUsage();
  if (!isRecord(metadata)) return usage;
  const thoughts = tokenCount(metadata["thoughtsTokenCount"]);
  usage.inputTokens = sum(metadata["promptTokenCount"], metadata["toolUsePromptTokenCount"]);
  usage.cachedInputTokens = tokenCount(metadata["cachedContentTokenCount"]);
  const input = [metadata["promptTokensDetails"], metadata["toolUsePromptTokensDetails"]];
  usage.inputAudioTokens = ofModality("AUDIO", input);
  usage.inputImageTokens = ofModality("IMAGE", input);
  usage.outputAudioTokens = ofModality("AUDIO", [metadata["candidatesTokensDetails"]]);
  usage.outputTokens = sum(metadata["candidatesTokenCount"], thoughts);
  usage.reasoningTokens = thoughts;
  usage.totalTokens = tokenCount(metadata["totalTokenCount"]);
  return usage;
}

/** The sum over lists of counts by modality: https://ai.google.dev/api/generate-content#v1beta.ModalityTokenCount */
function ofModality(modality: string, lists: readonly unknown[]): number | undefined {
  const counts: unknown[] = [];
  for (const list of lists) {
    if (!Array.isArray(list)) continue;
    for (const each of list) if (isRecord(each) && each["modality"] === modality) counts.push(each["tokenCount"]);
  }
  return sum(...counts);
}

/** Takes over what newer usage says; what it does not say stays as it was. */
export function updateUsage(usage: TokenUsage, newer: TokenUsage): void {
  usage.inputTokens = newer.inputTokens ?? usage.inputTokens;
  usage.cachedInputTokens = newer.cachedInputTokens ?? usage.cachedInputTokens;
  usage.inputAudioTokens = newer.inputAudioTokens ?? usage.inputAudioTokens;
  usage.inputImageTokens = newer.inputImageTokens ?? usage.inputImageTokens;
  usage.outputAudioTokens = newer.outputAudioTokens ?? usage.outputAudioTokens;
  usage.outputTokens = newer.outputTokens ?? usage.outputTokens;
  usage.reasoningTokens = newer.reasoningTokens ?? usage.reasoningTokens;
  usage.totalTokens = newer.totalTokens ?? usage.totalTokens;
}

/** The sum of what is known; undefined when nothing is. */
function sum(...counts: readonly unknown[]): number | undefined {
  const known = counts.map(tokenCount).filter((count) => count !== undefined);
  return known.length === 0 ? undefined : tokenCount(known.reduce((total, count) => total + count, 0));
}
