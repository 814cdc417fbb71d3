import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { GatewayError } from "../../../errors/gateway-error.ts";
import { type Conversation, NO_SAMPLING } from "../conversation.ts";
import { withoutPaths } from "../test-paths.ts";
import { readRequest } from "./request.ts";

function readWith(fields: object): Conversation {
  return readRequest({ model: "m", input: "Hi", ...fields });
}

const NO_REASONING = { type: undefined, budgetTokens: undefined, effort: undefined, includeThoughts: undefined };
const SCHEMA = { type: "object", properties: {} };
const FUNCTION = { type: "function", name: "f", parameters: SCHEMA };
const READ_FUNCTION = { ...FUNCTION, description: undefined, strict: undefined, cache: undefined };

describe("a field of a request", () => {
  const cases: { name: string; in: object; want: object }[] = [
    { name: "stream", in: { stream: true, stream_options: { include_obfuscation: false } }, want: { stream: true } },
    { name: "instructions", in: { instructions: "Be kind." }, want: { system: [{ type: "text", text: "Be kind." }] } },
    {
      name: "sampling",
      in: { max_output_tokens: 5, temperature: 0, top_p: 0.5, top_logprobs: 2 },
      want: {
        sampling: { ...NO_SAMPLING, maxTokens: 5, temperature: 0, topP: 0.5, topLogprobs: 2, logprobs: true },
      },
    },
    {
      name: "probabilities without alternatives",
      in: { include: ["message.output_text.logprobs"] },
      want: { sampling: { ...NO_SAMPLING, logprobs: true }, extensions: {} },
    },
    {
      name: "defaults and null, which say nothing",
      in: {
        ...{ store: false, background: false, truncation: "disabled", text: { format: null, verbosity: "medium" } },
        ...{ top_logprobs: 0, previous_response_id: null, conversation: null, prompt: null, temperature: null },
        ...{ reasoning: { effort: null, summary: null }, tools: null, tool_choice: null, include: null },
      },
      want: { sampling: NO_SAMPLING, reasoning: undefined, output: undefined, extensions: {} },
    },
    {
      name: "effort",
      in: { reasoning: { effort: "xhigh" } },
      want: { reasoning: { ...NO_REASONING, effort: "xhigh", display: undefined } },
    },
    {
      name: "a summary, by which thoughts are wanted",
      in: { reasoning: { summary: "auto" } },
      want: { reasoning: { ...NO_REASONING, includeThoughts: true, display: undefined } },
    },
    { name: "JSON", in: { text: { format: { type: "json_object" } } }, want: { output: { type: "json" } } },
    {
      name: "a JSON schema",
      in: { text: { format: { type: "json_schema", name: "a", schema: SCHEMA, strict: true } } },
      want: { output: { type: "json-schema", name: "a", schema: SCHEMA, strict: true, description: undefined } },
    },
    {
      name: "a format of a newer model, and verbosity",
      in: { text: { format: { type: "lark" }, verbosity: "low" } },
      want: { output: undefined, extensions: { "text.format": { type: "lark" }, "text.verbosity": "low" } },
    },
    { name: "user", in: { user: "u" }, want: { userId: "u" } },
    { name: "the newer name of user", in: { user: "u", safety_identifier: "s" }, want: { userId: "s" } },
    { name: "metadata", in: { metadata: { a: "b" } }, want: { metadata: { a: "b" } } },
    {
      name: "what is not kept, and what is unknown",
      in: { store: true, background: true, brand_new: 1, include: ["a", "reasoning.encrypted_content"] },
      want: { extensions: { store: true, background: true, brand_new: 1, "include[0]": "a" } },
    },
    {
      name: "OpenAI's context management, which is not Anthropic's",
      in: { context_management: [{ type: "compaction" }] },
      want: { extensions: { "context_management[0]": { type: "compaction" } } },
    },
    {
      name: "tools, vendors' own raw",
      in: { tools: [FUNCTION, { type: "web_search", x: 1 }], tool_choice: "required", parallel_tool_calls: false },
      want: {
        tools: [
          READ_FUNCTION,
          {
            ...{ type: "vendor", dialect: "responses", name: "web_search" },
            definition: { type: "web_search", x: 1 },
          },
        ],
        toolChoice: { type: "required" },
        parallelToolCalls: false,
      },
    },
    {
      name: "a choice among some tools",
      in: {
        tools: [FUNCTION, { ...FUNCTION, name: "g" }],
        tool_choice: { type: "allowed_tools", mode: "auto", tools: [{ type: "function", name: "f" }] },
      },
      want: { tools: [READ_FUNCTION], toolChoice: { type: "auto" } },
    },
    {
      name: "a custom tool, as a function of one text",
      in: {
        tools: [{ type: "custom", name: "f", format: { type: "grammar", syntax: "regex", definition: "a+" } }],
        tool_choice: { type: "custom", name: "f" },
      },
      want: {
        tools: [
          {
            ...{ type: "function", name: "f", description: undefined, strict: undefined },
            parameters: {
              type: "object",
              properties: { input: { type: "string", description: "Text that follows this grammar (regex):\na+" } },
              required: ["input"],
              additionalProperties: false,
            },
          },
        ],
        toolChoice: { type: "tool", name: "f" },
        extensions: { "tools[0].format": { type: "grammar", syntax: "regex", definition: "a+" } },
      },
    },
  ];
  for (const { name, in: fields, want } of cases) {
    it(name, () => {
      const read: Readonly<Record<string, unknown>> = { ...readWith(fields) };
      assert.deepEqual(withoutPaths(Object.fromEntries(Object.keys(want).map((key) => [key, read[key]]))), want);
    });
  }
});

describe("a request is refused for", () => {
  const cases: { name: string; in: object; want: RegExp; code: string }[] = [
    {
      name: "no input",
      in: { input: undefined },
      want: /input: must be a string or an array/,
      code: "invalid_request",
    },
    { name: "an earlier response", in: { previous_response_id: "r" }, want: /stored/, code: "untranslatable" },
    { name: "a conversation", in: { conversation: { id: "c" } }, want: /stored/, code: "untranslatable" },
    { name: "a prompt template", in: { prompt: { id: "p" } }, want: /stored/, code: "untranslatable" },
    {
      name: "a wrong type",
      in: { temperature: "hot" },
      want: /temperature: must be a number/,
      code: "invalid_request",
    },
    { name: "a wrong choice", in: { tool_choice: "any" }, want: /tool_choice/, code: "invalid_request" },
    {
      name: "a choice of a tool that OpenAI runs",
      in: { tool_choice: { type: "file_search" } },
      want: /file_search/,
      code: "untranslatable",
    },
    { name: "metadata that is no text", in: { metadata: { a: 1 } }, want: /metadata\.a/, code: "invalid_request" },
    {
      name: "a schema that is missing",
      in: { text: { format: { type: "json_schema", name: "a" } } },
      want: /text\.format\.schema/,
      code: "invalid_request",
    },
  ];
  for (const { name, in: fields, want, code } of cases) {
    it(name, () => {
      assert.throws(
        () => readWith(fields),
        (error) => error instanceof GatewayError && error.code === code && want.test(error.message),
      );
    });
  }
});
