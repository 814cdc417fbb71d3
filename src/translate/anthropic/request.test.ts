import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { GatewayError } from "../../errors/gateway-error.ts";
import { CHAT_FIELDS } from "../conversation/chat-completions/fields.ts";
import {
  type Conversation,
  conversation,
  type MediaPart,
  NO_SAMPLING,
  type Reasoning,
  type Sampling,
  type Tool,
  type UserPart,
} from "../conversation/conversation.ts";
import { Losses } from "../conversation/losses.ts";
import { writeMessages } from "./request.ts";

const NEW = "claude-opus-4-6";
const OLD = "claude-sonnet-4-20250514";

function write(given: Partial<Conversation>, model = NEW, hasServiceTier = true) {
  const losses = new Losses(CHAT_FIELDS, {});
  const written = writeMessages(conversation(given), { model, hasServiceTier }, losses);
  // As it is sent: members that are undefined are no members.
  const body = JSON.parse(JSON.stringify(written)) as Record<string, unknown>;
  return { body, losses: losses.paths };
}

function asked(...parts: readonly UserPart[]): Partial<Conversation> {
  return { turns: [{ role: "user", parts }] };
}

function sampled(sampling: Partial<Sampling>): Partial<Conversation> {
  return { sampling: { ...NO_SAMPLING, ...sampling } };
}

function reasoned(reasoning: Partial<Reasoning>): Partial<Conversation> {
  const nothing = { type: undefined, budgetTokens: undefined, effort: undefined, includeThoughts: undefined };
  return { reasoning: { ...nothing, display: undefined, ...reasoning } };
}

function file(type: MediaPart["type"], mimeType: string, data: string, name?: string): MediaPart {
  return { type, source: { kind: "bytes", mimeType, data }, name };
}

const EMPTY = { max_tokens: 4096, messages: [] };

interface Case {
  readonly name: string;
  readonly in: Partial<Conversation>;
  readonly model?: string;
  readonly want: object;
  readonly losses?: readonly string[];
}

const fields: readonly Case[] = [
  { name: "nothing but a limit is sent for nothing", in: {}, want: EMPTY },
  { name: "the caller's limit stays", in: sampled({ maxTokens: 7 }), want: { ...EMPTY, max_tokens: 7 } },
  {
    name: "the default limit comes on top of a budget",
    in: reasoned({ type: "enabled", budgetTokens: 2000 }),
    want: { ...EMPTY, max_tokens: 6096, thinking: { type: "enabled", budget_tokens: 2000 } },
  },
  {
    name: "sampling is written, bounds included",
    in: sampled({ temperature: 1, topP: 0, topK: 5, stop: ["END", " \n"] }),
    want: { ...EMPTY, temperature: 1, top_p: 0, top_k: 5, stop_sequences: ["END"] },
    losses: ["stop"],
  },
  {
    name: "what says what would happen anyway is no loss",
    in: sampled({ n: 1, frequencyPenalty: 0, presencePenalty: 0, logprobs: false, topLogprobs: 0 }),
    want: EMPTY,
  },
  {
    name: "what Claude has no word for is told",
    in: sampled({ n: 2, seed: 1, frequencyPenalty: 1, presencePenalty: 1, logprobs: true, topLogprobs: 1 }),
    want: EMPTY,
    losses: ["n", "seed", "frequency_penalty", "presence_penalty", "logprobs", "top_logprobs"],
  },
  {
    name: "a user is told, other metadata is not",
    in: { userId: "u", metadata: { user_id: "v", team: "t" } },
    want: { ...EMPTY, metadata: { user_id: "u" } },
    losses: ["metadata"],
  },
  {
    name: "a user may be in the metadata",
    in: { metadata: { user_id: "v" } },
    want: { ...EMPTY, metadata: { user_id: "v" } },
  },
  {
    name: "the default tier is the standard one",
    in: { serviceTier: "default" },
    want: { ...EMPTY, service_tier: "standard_only" },
  },
  { name: "a tier Anthropic has not is lost", in: { serviceTier: "flex" }, want: EMPTY, losses: ["service_tier"] },
  {
    name: "fields of Anthropic's own pass, others are lost",
    in: { extensions: { container: "c", logit_bias: {} } },
    want: { ...EMPTY, container: "c" },
    losses: ["logit_bias"],
  },
  {
    name: "effort is written",
    in: reasoned({ effort: "xhigh" }),
    want: { ...EMPTY, output_config: { effort: "xhigh" } },
  },
  {
    name: "minimal effort is low",
    in: reasoned({ effort: "minimal" }),
    want: { ...EMPTY, output_config: { effort: "low" } },
  },
  {
    name: "no effort is no thinking",
    in: reasoned({ effort: "none" }),
    want: { ...EMPTY, thinking: { type: "disabled" } },
  },
  {
    name: "a model that always thinks is not told to stop",
    in: reasoned({ effort: "none" }),
    model: "claude-fable-5",
    want: EMPTY,
    losses: ["reasoning_effort"],
  },
  {
    name: "older models know no effort",
    in: reasoned({ effort: "high" }),
    model: OLD,
    want: EMPTY,
    losses: ["reasoning_effort"],
  },
  {
    name: "thoughts that are wanted are thought",
    in: reasoned({ effort: "high", includeThoughts: true }),
    want: { ...EMPTY, thinking: { type: "adaptive", display: "summarized" }, output_config: { effort: "high" } },
  },
  {
    name: "thinking without a budget is adaptive",
    in: reasoned({ type: "enabled", display: "omitted" }),
    want: { ...EMPTY, thinking: { type: "adaptive", display: "omitted" } },
  },
  {
    name: "thinking without a budget has the least one where nothing is adaptive",
    in: reasoned({ type: "enabled" }),
    model: OLD,
    want: { ...EMPTY, max_tokens: 5120, thinking: { type: "enabled", budget_tokens: 1024 } },
  },
  {
    name: "JSON without a schema cannot be asked for",
    in: { output: { type: "json" } },
    want: EMPTY,
    losses: ["response_format"],
  },
  {
    name: "older models know no schema of the answer",
    in: { output: { type: "json-schema", name: "a", schema: {}, strict: true, description: undefined } },
    model: OLD,
    want: EMPTY,
    losses: ["response_format"],
  },
];

const tool: Tool = {
  path: "tools[0]",
  type: "function",
  name: "f",
  description: undefined,
  parameters: { properties: {} },
  strict: true,
};
const search: Tool = {
  type: "vendor",
  path: "tools[0]",
  dialect: "chat-completions",
  name: "google_search",
  definition: {},
};
const written = { name: "f", input_schema: { type: "object", properties: {} }, strict: true };

const tools: readonly Case[] = [
  { name: "a schema without type is an object's", in: { tools: [tool] }, want: { ...EMPTY, tools: [written] } },
  {
    name: "older models are not strict",
    in: { tools: [tool] },
    model: OLD,
    want: { ...EMPTY, tools: [{ name: "f", input_schema: { type: "object", properties: {} } }] },
    losses: ["tools[0].function.strict"],
  },
  {
    name: "one call at a time is asked for with or without a choice",
    in: { tools: [tool], parallelToolCalls: false },
    want: { ...EMPTY, tools: [written], tool_choice: { type: "auto", disable_parallel_tool_use: true } },
  },
  {
    name: "a vendor's tool is lost and the others stay",
    in: { tools: [search, tool], toolChoice: { type: "required" } },
    want: { ...EMPTY, tools: [written], tool_choice: { type: "any" } },
    losses: ["tools[0]"],
  },
  { name: "a choice needs tools", in: { toolChoice: { type: "auto" } }, want: EMPTY },
  {
    name: "Anthropic's own tools pass",
    in: {
      tools: [
        { type: "vendor", dialect: "messages", name: "bash", definition: { type: "bash_20250124", name: "bash" } },
      ],
    },
    want: { ...EMPTY, tools: [{ type: "bash_20250124", name: "bash" }] },
  },
];

describe("a request to Claude", () => {
  for (const { name, in: given, model, want, losses = [] } of [...fields, ...tools]) {
    it(name, () => assert.deepEqual(write(given, model), { body: want, losses }));
  }

  it("has no service tier on hosts without one, where only a wish for a special one is lost", () => {
    assert.deepEqual(write({ serviceTier: "auto" }, NEW, false), { body: EMPTY, losses: [] });
    assert.deepEqual(write({ serviceTier: "default" }, NEW, false), { body: EMPTY, losses: ["service_tier"] });
  });
});

const media = [
  {
    name: "an image without type is known by its bytes",
    in: file("image", "", "/9j/4AAQ"),
    want: { type: "image", source: { type: "base64", media_type: "image/jpeg", data: "/9j/4AAQ" } },
  },
  {
    name: "a misspelled type is mended",
    in: file("image", "image/jpg; q=1", "AAAA"),
    want: { type: "image", source: { type: "base64", media_type: "image/jpeg", data: "AAAA" } },
  },
  {
    name: "a PDF among the images is a document",
    in: file("image", "application/pdf", "JVBERi0="),
    want: { type: "document", source: { type: "base64", media_type: "application/pdf", data: "JVBERi0=" } },
  },
  {
    name: "a text file is text",
    in: file("document", "text/markdown", "IyBI", "a.md"),
    want: { type: "document", source: { type: "text", media_type: "text/plain", data: "# H" }, title: "a.md" },
  },
  {
    name: "a text is a document",
    in: { type: "document", source: { kind: "text", text: "x" } },
    want: { type: "document", source: { type: "text", media_type: "text/plain", data: "x" } },
  },
  {
    name: "a URL of a PDF is a document's",
    in: { type: "image", source: { kind: "url", url: "https://e.com/a.PDF?x=1", mimeType: undefined } },
    want: { type: "document", source: { type: "url", url: "https://e.com/a.PDF?x=1" } },
  },
  {
    name: "an uploaded file is named",
    in: { type: "image", source: { kind: "file-id", id: "file_1" } },
    want: { type: "image", source: { type: "file", file_id: "file_1" } },
  },
] as const;

describe("a file for Claude", () => {
  for (const { name, in: part, want } of media) {
    it(name, () => assert.deepEqual(write(asked(part)).body["messages"], [{ role: "user", content: [want] }]));
  }

  it("is told when its detail is lost", () => {
    const image: MediaPart = { ...file("image", "image/png", "AA=="), detail: "high", path: "messages[0].content[1]" };
    assert.deepEqual(write(asked(image)).losses, ["messages[0].content[1].image_url.detail"]);
  });
});

const refused: readonly { name: string; in: Partial<Conversation>; want: RegExp }[] = [
  {
    name: "temperature above 1",
    in: sampled({ temperature: 2 }),
    want: /temperature 2\.00 is not supported by Anthropic \(must be between 0\.0 and 1\.0\)$/,
  },
  { name: "temperature below 0", in: sampled({ temperature: -0.1 }), want: /temperature -0\.10/ },
  { name: "sound", in: asked(file("audio", "audio/wav", "AA==")), want: /no audio/ },
  { name: "film", in: asked(file("video", "video/mp4", "AA==")), want: /no video/ },
  {
    name: "an image of another format",
    in: asked(file("image", "image/tiff", "AA==")),
    want: /no image of type "image\/tiff"/,
  },
  {
    name: "a result without id",
    in: asked({ type: "tool-result", id: "", parts: [], isError: false }),
    want: /needs the id/,
  },
  {
    name: "a call without id",
    in: { turns: [{ role: "assistant", parts: [{ type: "tool-call", id: "", name: "f", arguments: "{}" }] }] },
    want: /needs an id/,
  },
  {
    name: "arguments that are no object",
    in: { turns: [{ role: "assistant", parts: [{ type: "tool-call", id: "c", name: "f", arguments: "[1]" }] }] },
    want: /those of "c" are no JSON object/,
  },
  {
    name: "a schema that is none",
    in: { tools: [{ ...tool, parameters: "x" }] },
    want: /must be a JSON schema, not a string/,
  },
  {
    name: "a choice of a tool that is not there",
    in: { tools: [search], toolChoice: { type: "required" } },
    want: /tool_choice/,
  },
];

describe("Claude is not asked for", () => {
  for (const { name, in: given, want } of refused) {
    it(name, () => {
      assert.throws(
        () => write(given),
        (error) => error instanceof GatewayError && error.code === "untranslatable" && want.test(error.message),
      );
    });
  }
});
