import assert from "node:assert/strict";
import { test } from "node:test";
import { TOKENIZE } from "../../endpoints/tokenize.ts";
import { HeaderMap } from "../../wire/headers.ts";
import { translatedTokenize } from "../tokenize/translated.ts";
import { AWS_ANTHROPIC_TOKENIZE } from "./tokenize.ts";

/** The invocation that is counted. */
function counted(request: object): unknown {
  const raw = Buffer.from(JSON.stringify(request));
  const parsed = TOKENIZE.parse?.(raw, "application/json", "/tokenize");
  assert.ok(parsed);
  const context = {
    prefix: undefined,
    version: undefined,
    modelOverride: undefined,
    requestId: "r-1",
    newId: () => "",
    now: () => 0,
  };
  const translator = translatedTokenize(AWS_ANTHROPIC_TOKENIZE)({ ...context, requestHeaders: new HeaderMap() });
  const { body } = translator.request(raw, parsed);
  const { input } = JSON.parse(Buffer.from(body ?? raw).toString()) as { input: { invokeModel: { body: string } } };
  return JSON.parse(Buffer.from(input.invokeModel.body, "base64").toString());
}

const hello = [{ role: "user", content: [{ type: "text", text: "Hello" }] }];
const cases = [
  {
    name: "a prompt is what a user says",
    in: { prompt: "Hello" },
    want: { anthropic_version: "bedrock-2023-05-31", max_tokens: 4096, messages: hello },
  },
  {
    name: "a chat keeps its instructions and tools",
    in: {
      messages: [
        { role: "developer", content: "Be brief." },
        { role: "user", content: "Hello" },
      ],
      tools: [{ type: "function", function: { name: "now", parameters: { type: "object" } } }],
    },
    want: {
      anthropic_version: "bedrock-2023-05-31",
      max_tokens: 4096,
      system: [{ type: "text", text: "Be brief." }],
      messages: hello,
      tools: [{ name: "now", input_schema: { type: "object" } }],
    },
  },
  {
    name: "what no count depends on is left out, and the limit is above the budget for thinking",
    in: { prompt: "Hello", temperature: 1.7, user: "u", thinking: { type: "enabled", budget_tokens: 2048 } },
    want: {
      anthropic_version: "bedrock-2023-05-31",
      max_tokens: 6144,
      messages: hello,
      thinking: { type: "enabled", budget_tokens: 2048 },
    },
  },
];

for (const { name, in: request, want } of cases) {
  test(name, () => assert.deepEqual(counted({ model: "anthropic.claude-sonnet-4-5", ...request }), want));
}
