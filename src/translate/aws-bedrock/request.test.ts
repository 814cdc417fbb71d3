import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { GatewayError } from "../../errors/gateway-error.ts";
import { HeaderMap } from "../../wire/headers.ts";
import { CHAT_FIELDS } from "../conversation/chat-completions/fields.ts";
import {
  type Conversation,
  conversation,
  type MediaPart,
  NO_SAMPLING,
  type Reasoning,
  type Tool,
  type ToolCallPart,
  type Turn,
  type UserPart,
} from "../conversation/conversation.ts";
import { Losses } from "../conversation/losses.ts";
import { writeRequest } from "./request.ts";

const CLAUDE = "us.anthropic.claude-opus-4-6-v1";
const NOVA = "us.amazon.nova-2-lite-v1:0";

interface Written {
  readonly path: string;
  readonly body: Readonly<Record<string, unknown>>;
  readonly losses: readonly string[];
}

function write(given: Partial<Conversation>, model = CLAUDE, headers = new HeaderMap()): Written {
  const losses = new Losses(CHAT_FIELDS, {});
  const context = {
    prefix: undefined,
    version: undefined,
    modelOverride: undefined,
    requestHeaders: headers,
    requestId: "r-1",
    newId: () => "id-1",
    now: () => 0,
  };
  const { path, body } = writeRequest(conversation(given), { model, context }, losses);
  return { path, body: JSON.parse(JSON.stringify(body)) as Written["body"], losses: losses.paths };
}

const NO_REASONING: Reasoning = {
  type: undefined,
  budgetTokens: undefined,
  effort: undefined,
  includeThoughts: undefined,
  display: undefined,
};
const PLAIN = { inferenceConfig: {}, messages: [] };
const CALL: ToolCallPart = { type: "tool-call", id: "call-1", name: "get_time", arguments: "{}" };
const CALLED: Turn = { role: "assistant", parts: [CALL] };
const USE = { toolUse: { name: "get_time", input: {}, toolUseId: "call-1" } };
const WEATHER: Tool = {
  path: "tools[0]",
  type: "function",
  name: "get_weather",
  description: "",
  parameters: {},
  strict: true,
};
const WEATHER_SPEC = { name: "get_weather", inputSchema: { json: {} } };
const TIME_SPEC = { name: "get_time", inputSchema: { json: { type: "object", properties: {} } } };
const SCHEMA = { type: "object" };

function effort(word: string): Partial<Conversation> {
  return { reasoning: { ...NO_REASONING, effort: word } };
}

function said(...parts: readonly UserPart[]): Partial<Conversation> {
  return { turns: [{ role: "user", parts }] };
}

const cases: readonly {
  name: string;
  in: Partial<Conversation>;
  model?: string;
  want: Readonly<Record<string, unknown>>;
  losses?: readonly string[];
}[] = [
  {
    name: "effort goes to Claude in Converse's own field",
    in: effort("high"),
    want: { ...PLAIN, outputConfig: { effort: "high" } },
  },
  {
    name: "effort is lost on a Claude that knows budgets only",
    in: effort("high"),
    model: "anthropic.claude-3-7-sonnet-20250219-v1:0",
    want: PLAIN,
    losses: ["reasoning_effort"],
  },
  {
    name: "the effort none turns a Claude's thinking off",
    in: effort("none"),
    want: { ...PLAIN, additionalModelRequestFields: { thinking: { type: "disabled" } } },
  },
  {
    name: "Nova gets the nearest of its efforts",
    in: effort("xhigh"),
    model: NOVA,
    want: {
      ...PLAIN,
      additionalModelRequestFields: { reasoningConfig: { type: "enabled", maxReasoningEffort: "high" } },
    },
  },
  {
    name: "a budget is lost on Nova",
    in: { reasoning: { ...NO_REASONING, type: "enabled", budgetTokens: 2048 } },
    model: NOVA,
    want: {
      ...PLAIN,
      additionalModelRequestFields: { reasoningConfig: { type: "enabled", maxReasoningEffort: "medium" } },
    },
    losses: ["thinking.budget_tokens"],
  },
  {
    name: "gpt-oss gets OpenAI's field",
    in: effort("low"),
    model: "openai.gpt-oss-120b-1:0",
    want: { ...PLAIN, additionalModelRequestFields: { reasoning_effort: "low" } },
  },
  {
    name: "OpenAI's newer models get it inside of reasoning",
    in: effort("low"),
    model: "openai.gpt-5.6",
    want: { ...PLAIN, additionalModelRequestFields: { reasoning: { effort: "low" } } },
  },
  {
    name: "other models get reasoning_config",
    in: effort("high"),
    model: "deepseek.v3-v1:0",
    want: { ...PLAIN, additionalModelRequestFields: { reasoning_config: "high" } },
  },
  {
    name: "top_k goes to each model its own way",
    in: { sampling: { ...NO_SAMPLING, topK: 5 } },
    model: NOVA,
    want: { ...PLAIN, additionalModelRequestFields: { inferenceConfig: { topK: 5 } } },
  },
  {
    name: "fields of Converse's own pass, others are lost",
    in: {
      extensions: {
        guardrailConfig: { guardrailIdentifier: "g" },
        performanceConfig: { latency: "optimized" },
        additionalModelRequestFields: { top_k: 3 },
        requestMetadata: { a: "b" },
        logit_bias: {},
      },
    },
    want: {
      ...PLAIN,
      additionalModelRequestFields: { top_k: 3 },
      guardrailConfig: { guardrailIdentifier: "g" },
      performanceConfig: { latency: "optimized" },
      requestMetadata: { a: "b" },
    },
    losses: ["logit_bias"],
  },
  {
    name: "metadata the API would refuse are lost",
    in: { metadata: { good: "yes", bad: "a|b", "": "x" } },
    want: { ...PLAIN, requestMetadata: { good: "yes" } },
    losses: ["metadata.bad", "metadata."],
  },
  {
    name: "the service tier auto is what happens unasked",
    in: { serviceTier: "auto" },
    want: PLAIN,
  },
  { name: "a service tier", in: { serviceTier: "flex" }, want: { ...PLAIN, serviceTier: { type: "flex" } } },
  {
    name: "Claude is asked for the stop sequence it met",
    in: { sampling: { ...NO_SAMPLING, stop: ["END"] } },
    want: {
      ...PLAIN,
      additionalModelResponseFieldPaths: ["/stop_sequence"],
      inferenceConfig: { stopSequences: ["END"] },
    },
  },
  {
    name: "a schema is lost on models that cannot be held to one",
    in: {
      output: { type: "json-schema", name: "x", schema: SCHEMA, strict: true, description: undefined },
      tools: [WEATHER],
    },
    model: NOVA,
    want: { ...PLAIN, toolConfig: { tools: [{ toolSpec: WEATHER_SPEC }] } },
    losses: ["response_format", "tools[0].function.strict"],
  },
  {
    name: "a strict tool",
    in: { tools: [WEATHER] },
    want: { ...PLAIN, toolConfig: { tools: [{ toolSpec: { ...WEATHER_SPEC, strict: true } }] } },
  },
  {
    name: "tools that must not be called are left out",
    in: { tools: [WEATHER], toolChoice: { type: "none" } },
    want: PLAIN,
  },
  {
    name: "tools that must not be called are declared where the conversation has calls",
    in: { tools: [{ ...WEATHER, strict: false }], toolChoice: { type: "none" }, turns: [CALLED] },
    want: {
      ...PLAIN,
      messages: [{ role: "assistant", content: [USE] }],
      toolConfig: { tools: [{ toolSpec: WEATHER_SPEC }, { toolSpec: TIME_SPEC }] },
    },
    losses: ["tool_choice"],
  },
  {
    name: "a called tool that is no longer declared is",
    in: { turns: [CALLED] },
    want: {
      ...PLAIN,
      messages: [{ role: "assistant", content: [USE] }],
      toolConfig: { tools: [{ toolSpec: TIME_SPEC }] },
    },
  },
  {
    name: "no tools are none, not an empty list",
    in: {
      tools: [{ path: "tools[0]", type: "vendor", dialect: "chat-completions", name: "google_search", definition: {} }],
    },
    want: PLAIN,
    losses: ["tools[0]"],
  },
  {
    name: "blank text is nothing",
    in: {
      turns: [
        { role: "user", parts: [{ type: "text", text: "a" }] },
        { role: "assistant", parts: [{ type: "text", text: " \n" }] },
        { role: "user", parts: [{ type: "text", text: "b" }] },
      ],
    },
    want: { ...PLAIN, messages: [{ role: "user", content: [{ text: "a" }, { text: "b" }] }] },
  },
  {
    name: "a result is cached behind it, with what its parts say",
    in: said({
      type: "tool-result",
      id: "call-1",
      parts: [{ type: "text", text: "noon", cache: { ttl: "1h" } }],
      isError: true,
    }),
    want: {
      ...PLAIN,
      messages: [
        {
          role: "user",
          content: [
            { toolResult: { content: [{ text: "noon" }], status: "error", toolUseId: "call-1" } },
            { cachePoint: { type: "default", ttl: "1h" } },
          ],
        },
      ],
    },
  },
  {
    name: "thinking without signature is lost on Claude",
    in: {
      turns: [{ role: "assistant", parts: [{ path: "input[1]", type: "thinking", text: "hm", signature: undefined }] }],
    },
    want: PLAIN,
    losses: ["input[1]"],
  },
  {
    name: "thinking without signature goes back to others",
    in: { turns: [{ role: "assistant", parts: [{ type: "thinking", text: "hm", signature: undefined }] }] },
    model: NOVA,
    want: {
      ...PLAIN,
      messages: [{ role: "assistant", content: [{ reasoningContent: { reasoningText: { text: "hm" } } }] }],
    },
  },
  {
    name: "an image in an assistant's turn is lost",
    in: { turns: [{ role: "assistant", parts: [{ ...media("image", "image/png"), path: "contents[1].parts[0]" }] }] },
    want: PLAIN,
    losses: ["contents[1].parts[0]"],
  },
  {
    name: "the detail of an image is lost",
    in: said({ ...media("image", "image/png"), detail: "high", path: "messages[0].content[0]" }),
    want: {
      ...PLAIN,
      messages: [{ role: "user", content: [{ image: { format: "png", source: { bytes: "AAAA" } } }] }],
    },
    losses: ["messages[0].content[0].image_url.detail"],
  },
];

function media(type: MediaPart["type"], mimeType: string, data = "AAAA"): MediaPart {
  return { type, source: { kind: "bytes", mimeType, data } };
}

describe("requests for Converse", () => {
  for (const { name, in: given, model, want, losses = [] } of cases) {
    it(name, () => {
      const written = write(given, model);
      assert.deepEqual(written.body, want);
      assert.deepEqual(written.losses, losses);
    });
  }

  it("a model's name is one segment of the path", () => {
    const arn = "arn:aws:bedrock:us-east-1:1:inference-profile/us.meta.llama";
    assert.equal(write({}, arn).path, "/model/arn:aws:bedrock:us-east-1:1:inference-profile%2Fus.meta.llama/converse");
    assert.equal(write({ stream: true }, "m").path, "/model/m/converse-stream");
  });

  it("betas of the caller's that Bedrock knows go to Claude", () => {
    const headers = new HeaderMap(["anthropic-beta", "context-1m-2025-08-07,unheard-of-2020-01-01"]);
    const fields = { anthropic_beta: ["context-1m-2025-08-07"] };
    assert.deepEqual(write({}, CLAUDE, headers).body, { ...PLAIN, additionalModelRequestFields: fields });
    assert.deepEqual(write({}, NOVA, headers).body, PLAIN);
  });
});

const refused: readonly { name: string; in: Partial<Conversation>; want: RegExp }[] = [
  { name: "a call without id", in: { turns: [{ role: "assistant", parts: [{ ...CALL, id: "" }] }] }, want: /no id/ },
  {
    name: "a call with arguments that are no JSON",
    in: { turns: [{ role: "assistant", parts: [{ ...CALL, arguments: "{" }] }] },
    want: /not a JSON object/,
  },
  {
    name: "a call with arguments that are no object",
    in: { turns: [{ role: "assistant", parts: [{ ...CALL, arguments: "[1]" }] }] },
    want: /not a JSON object/,
  },
  { name: "a tool that is wanted where there is none", in: { toolChoice: { type: "required" } }, want: /wants a tool/ },
];

describe("what Converse cannot be asked", () => {
  for (const { name, in: given, want } of refused) {
    it(name, () => {
      assert.throws(
        () => write(given),
        (error) => error instanceof GatewayError && error.code === "untranslatable" && want.test(error.message),
      );
    });
  }

  it("additional fields that are no object are the caller's mistake", () => {
    assert.throws(
      () => write({ extensions: { additionalModelRequestFields: "x" } }),
      (error) => error instanceof GatewayError && error.code === "invalid_request",
    );
  });
});
