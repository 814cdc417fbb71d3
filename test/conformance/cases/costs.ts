import type { Group } from "../case.ts";
import { BACKENDS, CHAT, chat, MESSAGES, route } from "../configs.ts";

const COST_RULES = `  llmRequestCosts:
    - { metadataKey: input, type: InputToken }
    - { metadataKey: cached, type: CachedInputToken }
    - { metadataKey: creation, type: CacheCreationInputToken }
    - { metadataKey: output, type: OutputToken }
    - { metadataKey: reasoning, type: ReasoningToken }
    - { metadataKey: total, type: TotalToken }
    - metadataKey: weighted
      type: CEL
      cel: "model == 'gpt-real' ? (input_tokens - cached_input_tokens) * 2u + output_tokens * 8u : 7u"
    - metadataKey: named
      type: CEL
      cel: "route_name == 'default/costs' && backend.endsWith('/route/costs/rule/0/ref/0') ? 1 : 0"
`;

const CONFIG = `${route(
  "costs",
  `
    - matches:
        - headers: [{ type: RegularExpression, name: x-ai-eg-model, value: "gpt-.*" }]
      backendRefs: [{ name: openai, modelNameOverride: gpt-real }]
    - matches:
        - headers: [{ type: RegularExpression, name: x-ai-eg-model, value: "claude.*" }]
      backendRefs: [{ name: anthropic }]`,
  COST_RULES,
)}
${BACKENDS}`;

const OPENAI_COSTS = {
  input: 12,
  cached: 10,
  creation: 0,
  output: 21,
  reasoning: 5,
  total: 33,
  weighted: 172,
  named: 1,
};

/** What a request costs, by the rules of its route. */
export const COSTS: Group = {
  name: "costs",
  cases: [
    ...[false, true].map((stream) => ({
      name: `every type of cost is computed ${stream ? "at the end of a stream" : "from a whole answer"}`,
      config: CONFIG,
      request: {
        path: CHAT,
        headers: { "x-simulate": "cached-tokens=10,reasoning-tokens=5" },
        body: chat("gpt-4o", { stream }),
      },
      want: { status: 200, log: { costs: OPENAI_COSTS } },
    })),
    {
      name: "Anthropic's input costs include cached and cache-creation tokens",
      config: CONFIG,
      request: {
        path: MESSAGES,
        headers: { "x-simulate": "cached-tokens=10,cache-creation-tokens=20" },
        body: chat("claude-4"),
      },
      want: {
        status: 200,
        log: {
          costs: { input: 32, cached: 10, creation: 20, output: 16, reasoning: 0, total: 48, weighted: 7, named: 0 },
        },
      },
    },
    {
      name: "an error of the provider's costs nothing",
      config: CONFIG,
      request: { path: CHAT, headers: { "x-simulate": "status=500" }, body: chat("gpt-4o") },
      want: { status: 500, log: { costs: undefined } },
    },
    {
      name: "a stream that breaks off is charged what it is estimated to have used",
      config: CONFIG,
      request: {
        path: CHAT,
        headers: { "x-simulate": "fault=reset-mid-stream" },
        body: chat("gpt-4o", { stream: true }),
      },
      want: { status: 200, log: { usage_estimated: true, costs: { named: 1 } } },
    },
    {
      name: "lies about usage cost nothing",
      config: CONFIG,
      request: { path: CHAT, headers: { "x-simulate": "fault=usage-lies" }, body: chat("gpt-4o") },
      want: {
        status: 200,
        log: { costs: { ...OPENAI_COSTS, input: 0, cached: 0, output: 0, reasoning: 0, total: 0, weighted: 0 } },
      },
    },
  ],
};
