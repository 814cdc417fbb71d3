import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { GatewayError } from "../../../errors/gateway-error.ts";
import { type Conversation, NO_SAMPLING } from "../conversation.ts";
import { withoutPaths } from "../test-paths.ts";
import { readRequest } from "./request.ts";

const HI = [{ role: "user", content: "Hi" }];

function readWith(fields: object): Conversation {
  return readRequest({ model: "m", messages: HI, ...fields });
}

describe("a field of a request", () => {
  const cases: { name: string; in: object; want: Partial<Conversation> }[] = [
    { name: "stream", in: { stream: true, stream_options: { include_usage: true } }, want: { stream: true } },
    {
      name: "sampling",
      in: {
        ...{ max_tokens: 5, temperature: 0, top_p: 0.5, top_k: 3, stop: "x", seed: 7, n: 2, logprobs: true },
        ...{ frequency_penalty: 1, presence_penalty: -1, top_logprobs: 2 },
      },
      want: {
        sampling: {
          ...{ maxTokens: 5, temperature: 0, topP: 0.5, topK: 3, stop: ["x"], seed: 7, n: 2, logprobs: true },
          ...{ frequencyPenalty: 1, presencePenalty: -1, topLogprobs: 2 },
        },
      },
    },
    {
      name: "the newer limit of tokens",
      in: { max_tokens: 5, max_completion_tokens: 6 },
      want: { sampling: { ...NO_SAMPLING, maxTokens: 6 } },
    },
    {
      name: "several stop sequences",
      in: { stop: ["a", "b"] },
      want: { sampling: { ...NO_SAMPLING, stop: ["a", "b"] } },
    },
    {
      name: "defaults, which say nothing",
      in: {
        ...{ n: 1, logprobs: false, frequency_penalty: 0, presence_penalty: 0, store: false, modalities: ["text"] },
        ...{ logit_bias: {}, stop: null, temperature: null, metadata: null, functions: [] },
      },
      want: { sampling: NO_SAMPLING, extensions: {} },
    },
    {
      name: "effort",
      in: { reasoning_effort: "xhigh" },
      want: {
        reasoning: {
          ...{ type: undefined, budgetTokens: undefined, effort: "xhigh" },
          ...{ includeThoughts: undefined, display: undefined },
        },
      },
    },
    {
      name: "thinking",
      in: { thinking: { type: "enabled", budget_tokens: 1024, includeThoughts: true, display: "omitted" } },
      want: {
        reasoning: {
          ...{ type: "enabled", budgetTokens: 1024, effort: undefined },
          ...{ includeThoughts: true, display: "omitted" },
        },
      },
    },
    { name: "text output", in: { response_format: { type: "text" } }, want: { output: { type: "text" } } },
    { name: "JSON output", in: { response_format: { type: "json_object" } }, want: { output: { type: "json" } } },
    {
      name: "structured output",
      in: {
        response_format: {
          type: "json_schema",
          json_schema: { name: "n", description: "d", strict: true, schema: { type: "object" } },
        },
      },
      want: {
        output: { type: "json-schema", name: "n", description: "d", strict: true, schema: { type: "object" } },
      },
    },
    {
      name: "a schema without structure",
      in: { response_format: { type: "json_schema", json_schema: { name: "n" } } },
      want: { output: { type: "json" } },
    },
    {
      name: "an unknown kind of output",
      in: { response_format: { type: "grammar", grammar: "g" } },
      want: { output: undefined, extensions: { response_format: { type: "grammar", grammar: "g" } } },
    },
    {
      name: "who it is for",
      in: { user: "u", metadata: { a: "b" }, service_tier: "flex" },
      want: { userId: "u", metadata: { a: "b" }, serviceTier: "flex" },
    },
    { name: "who it is for, in the newer word", in: { user: "u", safety_identifier: "s" }, want: { userId: "s" } },
    {
      name: "what has no place",
      in: {
        guided_regex: "a+",
        safetySettings: [1],
        generationConfig: { media_resolution: "x" },
        logit_bias: { "1": 2 },
      },
      want: {
        extensions: {
          ...{ guided_regex: "a+", safetySettings: [1], generationConfig: { media_resolution: "x" } },
          logit_bias: { "1": 2 },
        },
      },
    },
  ];
  for (const { name, in: fields, want } of cases) {
    it(`is read: ${name}`, () => {
      const read = readWith(fields);
      for (const [key, value] of Object.entries(want)) assert.deepEqual(read[key as keyof Conversation], value);
    });
  }
});

describe("a tool", () => {
  const weather = { name: "weather", description: "d", parameters: { type: "object" }, strict: true };
  const read = {
    type: "function",
    ...{ name: "weather", description: "d", parameters: { type: "object" }, strict: true, cache: undefined },
  };
  it("is read as a function, with its cache mark", () => {
    const cached = { ...weather, cache_control: { type: "ephemeral", ttl: "1h" } };
    const { tools } = readWith({ tools: [{ type: "function", function: weather }, { function: cached }] });
    assert.deepEqual(withoutPaths(tools), [read, { ...read, cache: { ttl: "1h" } }]);
  });
  it("of a vendor's is kept as it is", () => {
    const search = { type: "google_search", google_search: { exclude_domains: ["a"] } };
    assert.deepEqual(withoutPaths(readWith({ tools: [search] }).tools), [
      { type: "vendor", dialect: "chat-completions", name: "google_search", definition: search },
    ]);
  });
  for (const [choice, want] of [
    ["auto", { type: "auto" }],
    ["none", { type: "none" }],
    ["required", { type: "required" }],
    ["any", { type: "required" }],
    [{ type: "auto" }, { type: "auto" }],
    [
      { type: "function", function: { name: "f" } },
      { type: "tool", name: "f" },
    ],
  ] as const) {
    it(`is chosen by ${JSON.stringify(choice)}`, () => {
      assert.deepEqual(readWith({ tool_choice: choice }).toolChoice, want);
    });
  }
  it("that is not among the allowed ones is left out", () => {
    const tools = ["a", "b"].map((name) => ({ type: "function", function: { name } }));
    const { tools: allowed, toolChoice } = readWith({
      tools,
      tool_choice: { type: "allowed_tools", allowed_tools: { mode: "required", tools: [tools[1]] } },
    });
    assert.deepEqual([allowed.map(({ name }) => name), toolChoice], [["b"], { type: "required" }]);
  });
});

describe("a request is refused:", () => {
  const cases: { name: string; in: object; want: string; code?: string }[] = [
    { name: "no messages", in: { messages: undefined }, want: "messages: must be an array and is missing" },
    { name: "a text for messages", in: { messages: "Hi" }, want: "messages: must be an array, not a string" },
    { name: "zero answers", in: { n: 0 }, want: "n: must be at least 1" },
    { name: "a text for a number", in: { temperature: "1" }, want: "temperature: must be a number, not a string" },
    { name: "half a token", in: { max_tokens: 0.5 }, want: "max_tokens: must be a whole number" },
    { name: "a number among stops", in: { stop: ["a", 1] }, want: "stop[1]: must be a string, not a number" },
    {
      name: "an unknown kind of thinking",
      in: { thinking: { type: "deep" } },
      want: 'thinking.type: must be "enabled", "disabled" or "adaptive"',
    },
    {
      name: "metadata that is no text",
      in: { metadata: { a: 1 } },
      want: "metadata.a: must be a string, not a number",
    },
    {
      name: "a tool without name",
      in: { tools: [{ type: "function", function: {} }] },
      want: "tools[0].function.name: must be a string and is missing",
    },
    {
      name: "parameters that are no schema",
      in: { tools: [{ type: "function", function: { name: "f", parameters: "x" } }] },
      want: "tools[0].function.parameters: must be an object, not a string",
    },
    {
      name: "an unknown choice",
      in: { tool_choice: "some" },
      want: 'tool_choice: must be "none", "auto", "required" or an object that names a function',
    },
    {
      name: "the choice of a custom tool",
      in: { tool_choice: { type: "custom", custom: { name: "x" } } },
      want: "tool_choice: custom tools are not supported on this backend",
      code: "untranslatable",
    },
    {
      name: "functions from before there were tools",
      in: { functions: [{ name: "f" }] },
      want: "functions: is deprecated and not supported on this backend; use tools",
      code: "untranslatable",
    },
  ];
  for (const { name, in: fields, want, code = "invalid_request" } of cases) {
    it(name, () => {
      assert.throws(
        () => readWith(fields),
        (error) => {
          assert.ok(error instanceof GatewayError);
          assert.deepEqual([error.code, error.message.replace(/^.*? request( body)?: /, "")], [code, want]);
          return true;
        },
      );
    });
  }
});
