import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { emptyUsage, type TokenUsage } from "../../../usage/token-usage.ts";
import type { Answer, AnswerPart, Choice, StopReason } from "../answer.ts";
import type { AnswerContext } from "../codec.ts";
import { CHAT_COMPLETIONS_CLIENT } from "./codec.ts";

const CONTEXT: AnswerContext = {
  model: "asked",
  includeUsage: false,
  request: {},
  requestId: "r-1",
  newId: () => "id-1",
  now: () => 1_760_000_000,
};

function choice(parts: readonly AnswerPart[], changes: Partial<Choice> = {}): Choice {
  return {
    parts,
    stopReason: "end",
    vendorReason: undefined,
    stopSequence: undefined,
    logprobs: undefined,
    extensions: {},
    ...changes,
  };
}

function write(choices: readonly Choice[], changes: Partial<Answer> = {}): Record<string, unknown> {
  const answer = {
    ...{ id: "a", model: "answered", createdAt: 5, choices, usage: emptyUsage() },
    ...{ serviceTier: undefined, extensions: {}, ...changes },
  };
  const text = JSON.stringify(CHAT_COMPLETIONS_CLIENT.writeAnswer(answer, CONTEXT));
  return JSON.parse(text) as Record<string, unknown>;
}

function messageOf(parts: readonly AnswerPart[]): unknown {
  const { choices } = write([choice(parts)]) as { choices: { message: unknown }[] };
  return choices[0]?.message;
}

it("an answer has its members in the order that callers compare", () => {
  const usage = { ...emptyUsage(), inputTokens: 3, outputTokens: 4 };
  const said = choice([{ type: "text", text: "Hi" }], { logprobs: { content: [] } });
  assert.equal(
    JSON.stringify(write([said], { usage, serviceTier: "flex", extensions: { prompt_feedback: 1 } })),
    '{"id":"a","choices":[{"index":0,"message":{"content":"Hi","role":"assistant"},"logprobs":{"content":[]},' +
      '"finish_reason":"stop"}],"created":5,"model":"answered","service_tier":"flex","object":"chat.completion",' +
      '"usage":{"prompt_tokens":3,"completion_tokens":4,"total_tokens":7},"prompt_feedback":1}',
  );
});

it("what the vendor left out is filled in", () => {
  const { id, model, created, usage } = write([], { id: "", model: "", createdAt: undefined });
  assert.deepEqual([id, model, created, usage], ["chatcmpl-id-1", "asked", 1_760_000_000, undefined]);
});

it("several choices are numbered, each with its own end", () => {
  const said = [choice([{ type: "text", text: "a" }]), choice([], { stopReason: "max-tokens", extensions: { x: 1 } })];
  assert.deepEqual(write(said)["choices"], [
    { index: 0, message: { content: "a", role: "assistant" }, finish_reason: "stop" },
    { index: 1, message: { content: null, role: "assistant" }, finish_reason: "length", x: 1 },
  ]);
});

describe("a message", () => {
  const cases: { name: string; in: readonly AnswerPart[]; want: object }[] = [
    {
      name: "has all texts and what they cite",
      in: [
        { type: "text", text: "a", annotations: [{ type: "url_citation" }] },
        { type: "vendor", block: { type: "server_tool_use" } },
        { type: "text", text: "b" },
      ],
      want: { content: "ab", role: "assistant", annotations: [{ type: "url_citation" }] },
    },
    {
      name: "has calls and no content",
      in: [
        { type: "tool-call", id: "c", name: "f", arguments: '{"a":1}' },
        { type: "tool-call", id: "d", name: "g", arguments: "", signature: "s" },
      ],
      want: {
        content: null,
        role: "assistant",
        tool_calls: [
          { id: "c", type: "function", function: { arguments: '{"a":1}', name: "f" } },
          {
            ...{ id: "d", type: "function", function: { arguments: "{}", name: "g" } },
            extra_content: { google: { thought_signature: "s" } },
          },
        ],
      },
    },
    {
      name: "has what was thought as a text, and as blocks what can be sent back",
      in: [
        { type: "thinking", text: "t", signature: "s" },
        { type: "redacted-thinking", data: "r" },
        { type: "thinking", text: "u", signature: undefined },
        { type: "text", text: "a" },
      ],
      want: {
        content: "a",
        role: "assistant",
        reasoning_content: "tu",
        thinking_blocks: [
          { type: "thinking", thinking: "t", signature: "s" },
          { type: "redacted_thinking", data: "r" },
        ],
      },
    },
    {
      name: "has a refusal",
      in: [{ type: "refusal", text: "No." }],
      want: { content: null, role: "assistant", refusal: "No." },
    },
  ];
  for (const { name, in: parts, want } of cases) it(name, () => assert.deepEqual(messageOf(parts), want));
});

describe("an end is told as", () => {
  const reasons: Record<StopReason, string> = {
    end: "stop",
    "stop-sequence": "stop",
    "max-tokens": "length",
    "tool-calls": "tool_calls",
    "content-filter": "content_filter",
    refusal: "content_filter",
    pause: "stop",
  };
  for (const [reason, want] of Object.entries(reasons)) {
    it(`${want}: ${reason}`, () => {
      const { choices } = write([choice([], { stopReason: reason as StopReason })]) as { choices: object[] };
      assert.deepEqual(choices, [{ index: 0, message: { content: null, role: "assistant" }, finish_reason: want }]);
    });
  }
});

describe("usage", () => {
  const numbers = { prompt_tokens: 10, completion_tokens: 5, total_tokens: 15 };
  const cases: { name: string; in: Partial<TokenUsage>; want: object | undefined }[] = [
    { name: "is left out when there is none", in: {}, want: undefined },
    { name: "has the sum where the vendor has none", in: { inputTokens: 10, outputTokens: 5 }, want: numbers },
    {
      name: "has details",
      in: {
        ...{ inputTokens: 10, outputTokens: 5, totalTokens: 15 },
        ...{ cachedInputTokens: 3, cacheCreationInputTokens: 2, reasoningTokens: 1 },
      },
      want: {
        ...numbers,
        completion_tokens_details: { reasoning_tokens: 1 },
        prompt_tokens_details: { cached_tokens: 3, cache_creation_input_tokens: 2 },
      },
    },
    {
      name: "has details without zeros",
      in: { inputTokens: 10, outputTokens: 5, cachedInputTokens: 0, reasoningTokens: 0 },
      want: { ...numbers, completion_tokens_details: {}, prompt_tokens_details: {} },
    },
  ];
  for (const { name, in: usage, want } of cases) {
    it(name, () => assert.deepEqual(write([], { usage: { ...emptyUsage(), ...usage } })["usage"], want));
  }
});

it("an error is in the envelope of OpenAI's callers", () => {
  const error = { type: "ThrottlingException", message: "slow down", status: 429 };
  assert.equal(
    JSON.stringify(CHAT_COMPLETIONS_CLIENT.writeError(error, CONTEXT)),
    '{"type":"error","error":{"type":"ThrottlingException","code":"429","message":"slow down"}}',
  );
  const named = { ...error, code: "context_length_exceeded", param: "messages" };
  assert.deepEqual(CHAT_COMPLETIONS_CLIENT.writeError(named, CONTEXT), {
    type: "error",
    error: {
      type: "ThrottlingException",
      code: "context_length_exceeded",
      message: "slow down",
      param: "messages",
    },
  });
});
