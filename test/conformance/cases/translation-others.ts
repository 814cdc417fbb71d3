/** What is no conversation at providers with paths and bodies of their own: embeddings and counts of tokens. */
import { type Case, UPSTREAM_PORT } from "../case.ts";
import { backend, chat, route, upstream } from "../configs.ts";
import { CLAUDE_AT_AWS } from "./translation-providers.ts";

interface Operation {
  readonly name: string;
  readonly schema: string;
  /** The model under which the provider is asked. */
  readonly model: string;
  readonly path: string;
  readonly body: object;
  /** What the provider is sent, and where. */
  readonly at: string;
  readonly sent: object;
  readonly answer: object;
}

const EMBED = { path: "/v1/embeddings", body: { input: "hello", dimensions: 1 } };
const COUNT = { path: "/v1/messages/count_tokens", answer: { input_tokens: 2 } };
const VECTOR = { object: "list", data: [{ object: "embedding", embedding: [1] }], usage: { prompt_tokens: 2 } };

const OPERATIONS: readonly Operation[] = [
  {
    name: "embeddings by Titan",
    schema: "AWSBedrock",
    model: "amazon.titan-embed-text-v2:0",
    ...EMBED,
    at: "/model/amazon.titan-embed-text-v2:0/invoke",
    sent: { inputText: "hello", dimensions: 1 },
    answer: VECTOR,
  },
  {
    name: "embeddings by Cohere's models at Bedrock",
    schema: "AWSBedrock",
    model: "cohere.embed-v4:0",
    ...EMBED,
    at: "/model/cohere.embed-v4:0/invoke",
    sent: { texts: ["hello"], output_dimension: 1 },
    answer: VECTOR,
  },
  {
    name: "embeddings by Google's text models",
    schema: "GCPVertexAI",
    model: "text-embedding-005",
    ...EMBED,
    at: "/publishers/google/models/text-embedding-005:predict",
    sent: { instances: [{ content: "hello" }], parameters: { outputDimensionality: 1 } },
    answer: VECTOR,
  },
  {
    name: "embeddings by Gemini",
    schema: "GCPVertexAI",
    model: "gemini-embedding-2",
    ...EMBED,
    at: "/publishers/google/models/gemini-embedding-2:embedContent",
    sent: { content: { parts: [{ text: "hello" }] }, embedContentConfig: { outputDimensionality: 1 } },
    answer: VECTOR,
  },
  ...["AWSBedrock", "AWSAnthropic"].map((schema) => ({
    name: `tokens of a message for ${schema}`,
    schema,
    model: CLAUDE_AT_AWS,
    ...COUNT,
    body: chat(""),
    at: "/model/anthropic.claude-sonnet-4-5-20250929-v1:0/count-tokens",
    sent: { input: { invokeModel: {} } },
  })),
  {
    name: "tokens of a message for Claude on Vertex AI",
    schema: "GCPAnthropic",
    model: "claude-sonnet-4-5@20250929",
    ...COUNT,
    body: chat(""),
    at: "/publishers/anthropic/models/count-tokens:rawPredict",
    sent: { model: "claude-sonnet-4-5@20250929" },
  },
  {
    name: "tokens of a message for Anthropic",
    schema: "Anthropic",
    model: "claude-sonnet-4-5",
    ...COUNT,
    body: chat(""),
    at: "/v1/messages/count_tokens",
    sent: { model: "claude-sonnet-4-5" },
  },
];

const RULES = OPERATIONS.map(
  ({ model }, i) => `
    - matches: [{ headers: [{ type: Exact, name: x-ai-eg-model, value: alias-${i} }] }]
      backendRefs: [{ name: backend-${i}, modelNameOverride: "${model}" }]`,
).join("");
const BACKENDS = OPERATIONS.map(({ schema }, i) => backend(`backend-${i}`, `{ name: ${schema} }`)).join("");
const CONFIG = `${route("others", RULES)}${BACKENDS}${upstream(UPSTREAM_PORT)}`;

/** One case for each operation at each provider that has it. */
export const OTHER_CASES: readonly Case[] = OPERATIONS.map(({ name, path, body, at, sent, answer }, i) => ({
  name,
  config: CONFIG,
  request: { path, body: { ...body, model: `alias-${i}` } },
  want: {
    status: 200,
    headers: { "content-type": /^application\/json/ },
    body: { json: answer },
    upstream: { path: at, body: { json: sent } },
    log: { outcome: "ok", "gen_ai.usage.input_tokens": 2 },
  },
}));
