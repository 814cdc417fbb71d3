import type {
  CompletionUsage,
  InputTokensDetails,
  OutputTokensDetails,
  ResponseUsage,
} from "../../apischema/openai/usage.ts";
import { type TokenUsage, tokenCount } from "../../usage/token-usage.ts";
import type { ScannedObject } from "../../wire/json-scan.ts";

/** Reads the usage of a chat completion, completion or embedding; what it does not say stays as it was. */
export function readCompletionUsage(scanned: ScannedObject, usage: TokenUsage): void {
  if (scanned.kind("usage") === "object") noteCompletionUsage(scanned.json("usage") as CompletionUsage, usage);
}

/** Notes what a `usage` member says; what it does not say stays as it was. */
export function noteCompletionUsage(said: CompletionUsage, usage: TokenUsage): void {
  usage.inputTokens = tokenCount(said.prompt_tokens) ?? usage.inputTokens;
  usage.outputTokens = tokenCount(said.completion_tokens) ?? usage.outputTokens;
  usage.totalTokens = tokenCount(said.total_tokens) ?? usage.totalTokens;
  readDetails(said.prompt_tokens_details, said.completion_tokens_details, usage);
}

/** Reads the usage of a Responses answer; what it does not say stays as it was. */
export function readResponseUsage(scanned: ScannedObject, usage: TokenUsage): void {
  if (scanned.kind("usage") !== "object") return;
  const said = scanned.json("usage") as ResponseUsage;
  usage.inputTokens = tokenCount(said.input_tokens) ?? usage.inputTokens;
  usage.outputTokens = tokenCount(said.output_tokens) ?? usage.outputTokens;
  usage.totalTokens = tokenCount(said.total_tokens) ?? usage.totalTokens;
  readDetails(said.input_tokens_details ?? said.input_token_details, said.output_tokens_details, usage);
}

/** OpenAI's totals include their parts already, as {@link TokenUsage} wants them. */
function readDetails(
  input: InputTokensDetails | null | undefined,
  output: OutputTokensDetails | null | undefined,
  usage: TokenUsage,
): void {
  const written = tokenCount(input?.cache_creation_input_tokens) ?? tokenCount(input?.cache_write_tokens);
  usage.cachedInputTokens = tokenCount(input?.cached_tokens) ?? usage.cachedInputTokens;
  usage.cacheCreationInputTokens = written ?? usage.cacheCreationInputTokens;
  usage.inputAudioTokens = tokenCount(input?.audio_tokens) ?? usage.inputAudioTokens;
  usage.inputImageTokens = tokenCount(input?.image_tokens) ?? usage.inputImageTokens;
  usage.outputAudioTokens = tokenCount(output?.audio_tokens) ?? usage.outputAudioTokens;
  usage.reasoningTokens = tokenCount(output?.reasoning_tokens) ?? usage.reasoningTokens;
}
