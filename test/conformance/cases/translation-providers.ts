/** The providers that every client dialect is tried with, and their configuration. */
import { UPSTREAM_PORT } from "../case.ts";
import { backend, route, upstream } from "../configs.ts";

/** A provider, asked for under an alias. */
export interface Provider {
  readonly alias: string;
  readonly schema: string;
  /** The model that the alias stands for, and under which the provider is asked. */
  readonly model: string;
  readonly path: string;
  readonly streamPath: string;
  /** Frames of AWS's have checksums. */
  readonly isFramed: boolean;
  /** Whether it shows what a model thought. */
  readonly thinks: boolean;
}

/** Claude under the id of an inference profile. */
export const CLAUDE_AT_AWS = "us.anthropic.claude-sonnet-4-5-20250929-v1:0";
const CLAUDE_AT_GOOGLE = "claude-sonnet-4-5@20250929";

/** Every provider. */
export const PROVIDERS: readonly Provider[] = [
  {
    alias: "bedrock",
    schema: "AWSBedrock",
    model: CLAUDE_AT_AWS,
    path: `/model/${CLAUDE_AT_AWS}/converse`,
    streamPath: `/model/${CLAUDE_AT_AWS}/converse-stream`,
    isFramed: true,
    thinks: true,
  },
  {
    alias: "aws-claude",
    schema: "AWSAnthropic",
    model: CLAUDE_AT_AWS,
    path: `/model/${CLAUDE_AT_AWS}/invoke`,
    streamPath: `/model/${CLAUDE_AT_AWS}/invoke-with-response-stream`,
    isFramed: true,
    thinks: true,
  },
  {
    alias: "gemini",
    schema: "GCPVertexAI",
    model: "gemini-2.5-flash",
    path: "/publishers/google/models/gemini-2.5-flash:generateContent",
    streamPath: "/publishers/google/models/gemini-2.5-flash:streamGenerateContent?alt=sse",
    isFramed: false,
    thinks: true,
  },
  {
    alias: "vertex-claude",
    schema: "GCPAnthropic",
    model: CLAUDE_AT_GOOGLE,
    path: `/publishers/anthropic/models/${CLAUDE_AT_GOOGLE}:rawPredict`,
    streamPath: `/publishers/anthropic/models/${CLAUDE_AT_GOOGLE}:streamRawPredict`,
    isFramed: false,
    thinks: true,
  },
  {
    alias: "claude",
    schema: "Anthropic",
    model: "claude-sonnet-4-5",
    path: "/v1/messages",
    streamPath: "/v1/messages",
    isFramed: false,
    thinks: true,
  },
  {
    alias: "gpt",
    schema: "OpenAI",
    model: "gpt-real",
    path: "/v1/chat/completions",
    streamPath: "/v1/chat/completions",
    isFramed: false,
    thinks: false,
  },
];

const COSTS = `  llmRequestCosts:
    - { metadataKey: input, type: InputToken }
    - { metadataKey: cached, type: CachedInputToken }
    - { metadataKey: output, type: OutputToken }
    - { metadataKey: weighted, type: CEL, cel: "(input_tokens - cached_input_tokens) * 2u + output_tokens * 8u" }
`;

const RULES = PROVIDERS.map(
  ({ alias, model }) => `
    - name: ${alias}
      matches:
        - headers: [{ type: Exact, name: x-ai-eg-model, value: ${alias} }]
      backendRefs: [{ name: ${alias}, modelNameOverride: "${model}" }]`,
).join("");

const BACKENDS = `${PROVIDERS.map(({ alias, schema }) => backend(alias, `{ name: ${schema} }`)).join("")}
${upstream(UPSTREAM_PORT)}`;

/** Faults cut connections, which no other request may be on. */
const SINGLE_USE = `---
apiVersion: gateway.envoyproxy.io/v1alpha1
kind: BackendTrafficPolicy
metadata: { name: single-use, namespace: default }
spec:
  targetRefs: [{ group: aigateway.envoyproxy.io, kind: AIGatewayRoute, name: every }]
  circuitBreaker: { maxRequestsPerConnection: 1 }
`;

/** Every provider under its alias. */
export const CONFIG = `${route("every", RULES, COSTS)}${BACKENDS}${SINGLE_USE}`;

/** The same, but nothing may be left out. */
export const STRICT = CONFIG.replace(
  "name: every, namespace: default }",
  'name: every, namespace: default, annotations: { aigateway.envoyproxy.io/strict-translation: "true" } }',
);
