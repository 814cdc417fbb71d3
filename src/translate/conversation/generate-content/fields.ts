import type { ConversationField, FieldPaths } from "../losses.ts";
import { isRecord, type JsonRecord } from "../read.ts";
import { member } from "./member.ts";

const CONFIG = "generationConfig";

const NAMES: Readonly<Partial<Record<ConversationField, string>>> = {
  frequency_penalty: `${CONFIG}.frequencyPenalty`,
  logprobs: `${CONFIG}.responseLogprobs`,
  n: `${CONFIG}.candidateCount`,
  presence_penalty: `${CONFIG}.presencePenalty`,
  reasoning_effort: `${CONFIG}.thinkingConfig.thinkingLevel`,
  seed: `${CONFIG}.seed`,
  stop: `${CONFIG}.stopSequences`,
  temperature: `${CONFIG}.temperature`,
  thinking: `${CONFIG}.thinkingConfig`,
  "thinking.budget_tokens": `${CONFIG}.thinkingConfig.thinkingBudget`,
  tool_choice: "toolConfig.functionCallingConfig",
  top_k: `${CONFIG}.topK`,
  top_logprobs: `${CONFIG}.logprobs`,
};

/** Where generateContent has its fields: https://ai.google.dev/api/generate-content#request-body. The names are those in camelCase. */
export const GENERATE_CONTENT_FIELDS: FieldPaths = {
  field: (field, document) => (field === "response_format" ? outputPath(document) : (NAMES[field] ?? field)),
  part: {
    // A cache is made beforehand here, and functions are never strict.
    cache: "cache_control",
    "function.parameters": "parameters",
    "function.strict": "strict",
    "media.detail": "mediaResolution",
    "thinking.signature": "thoughtSignature",
    "tool-call.arguments": "functionCall.args",
    "tool-call.id": "functionCall.id",
    "tool-call.signature": "thoughtSignature",
    "tool-result.id": "functionResponse.id",
  },
};

/** The most that is said of the answer's form. */
function outputPath(document: JsonRecord): string {
  const config = member(document, CONFIG);
  const names = ["responseJsonSchema", "responseSchema"];
  const name = names.find((schema) => isRecord(config) && member(config, schema) !== undefined);
  return `${CONFIG}.${name ?? "responseMimeType"}`;
}
