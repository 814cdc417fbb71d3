/** Answers that only count or sort: input tokens of responses, vLLM's tokens, Cohere's ranks. */
import type { Answer } from "./answer.ts";
import type { Prompt } from "./prompt.ts";
import { indented, type Rendered, simulateId } from "./shape.ts";

/** https://platform.openai.com/docs/api-reference/responses/input-tokens */
export function inputTokens(_prompt: Prompt, { usage }: Answer): Rendered {
  return { pieces: [indented({ object: "response.input_tokens", input_tokens: usage.input })] };
}

/** https://docs.anthropic.com/en/api/messages-count-tokens */
export function messageTokens(_prompt: Prompt, { usage }: Answer): Rendered {
  return { pieces: [JSON.stringify({ input_tokens: usage.input })] };
}

/** https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_CountTokens.html */
export function awsTokens(_prompt: Prompt, { usage }: Answer): Rendered {
  return { pieces: [JSON.stringify({ inputTokens: usage.input })] };
}

/** https://ai.google.dev/api/tokens#method:-models.counttokens */
export function geminiTokens(_prompt: Prompt, { usage }: Answer): Rendered {
  return { pieces: [indented({ totalTokens: usage.input })] };
}

/** https://docs.vllm.ai/en/latest/serving/openai_compatible_server/#tokenizer-api */
export function tokenize(_prompt: Prompt, { usage: { input } }: Answer): Rendered {
  const tokens = Array.from({ length: input }, (_, i) => i + 1);
  return { pieces: [JSON.stringify({ count: input, max_model_len: 4096, tokens, token_strs: null })] };
}

/** Documents in the order they came, the first one best: https://docs.cohere.com/reference/rerank */
export function rerank({ fields }: Prompt, answer: Answer): Rendered {
  const { documents, top_n } = fields;
  const count = Array.isArray(documents) ? documents.length : 0;
  const length = typeof top_n === "number" ? Math.min(top_n, count) : count;
  const results = Array.from({ length }, (_, index) => ({ index, relevance_score: 1 / (index + 1) }));
  const billed_units = { search_units: 1 };
  const told = { input_tokens: answer.usageShape === "lies" ? -5 : answer.usage.input };
  const meta = { api_version: { version: "2" }, billed_units, ...(answer.usageShape !== "none" && { tokens: told }) };
  return { pieces: [JSON.stringify({ id: simulateId("", answer.serial), results, meta })] };
}
