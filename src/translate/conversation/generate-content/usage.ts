import type { ModalityTokenCount, UsageMetadata } from "../../../apischema/gcp/generate-content.ts";
import type { TokenUsage } from "../../../usage/token-usage.ts";

/** Writes usage, in which the candidates leave out the thoughts; what is not known is left out. */
export function writeUsage(usage: TokenUsage): UsageMetadata {
  const { inputTokens, cachedInputTokens, outputTokens, reasoningTokens, totalTokens } = usage;
  const promptTokensDetails = modalities(usage.inputAudioTokens, usage.inputImageTokens);
  const candidatesTokensDetails = modalities(usage.outputAudioTokens, undefined);
  const total = totalTokens ?? (inputTokens === undefined ? undefined : inputTokens + (outputTokens ?? 0));
  return {
    ...(inputTokens === undefined ? {} : { promptTokenCount: inputTokens }),
    ...(promptTokensDetails.length === 0 ? {} : { promptTokensDetails }),
    ...(cachedInputTokens === undefined ? {} : { cachedContentTokenCount: cachedInputTokens }),
    ...(outputTokens === undefined ? {} : { candidatesTokenCount: Math.max(0, outputTokens - (reasoningTokens ?? 0)) }),
    ...(candidatesTokensDetails.length === 0 ? {} : { candidatesTokensDetails }),
    ...(reasoningTokens === undefined ? {} : { thoughtsTokenCount: reasoningTokens }),
    ...(total === undefined ? {} : { totalTokenCount: total }),
  };
}

/** Counts by modality; what is not told to be audio or image may be anything else. */
function modalities(audio: number | undefined, image: number | undefined): ModalityTokenCount[] {
  return [
    ...(audio ? [{ modality: "AUDIO", tokenCount: audio } as const] : []),
    ...(image ? [{ modality: "IMAGE", tokenCount: image } as const] : []),
  ];
}
