import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { emptyUsage } from "../../../usage/token-usage.ts";
import type { AnswerEvent, PartBegin, StopReason } from "../answer.ts";
import { ChatStreamWriter } from "./stream.ts";

const START: AnswerEvent = { type: "start", id: "a", model: "answered", createdAt: 5 };
const DONE: AnswerEvent = { type: "done" };
const USAGE: AnswerEvent = { type: "usage", usage: { ...emptyUsage(), inputTokens: 3, outputTokens: 4 } };

function begin(begun: PartBegin, part = 0, choice = 0): AnswerEvent {
  return { type: "part", choice, part, begin: begun };
}

function grow(type: "text" | "thinking" | "arguments", text: string, part = 0, choice = 0): AnswerEvent {
  return { type, choice, part, text };
}

function end(part = 0, choice = 0): AnswerEvent {
  return { type: "part-end", choice, part };
}

function stop(reason: StopReason = "end", choice = 0): AnswerEvent {
  return { type: "stop", choice, reason, vendorReason: undefined, stopSequence: undefined };
}

function write(events: readonly AnswerEvent[], includeUsage = false): string {
  const writer = new ChatStreamWriter({
    ...{ model: "asked", includeUsage, request: {} },
    ...{ requestId: "r-1", newId: () => "id-1", now: () => 1_760_000_000 },
  });
  return events.map((event) => writer.write(event)).join("");
}

const TAIL = '"created":5,"model":"answered","object":"chat.completion.chunk"';

/** The text of a chunk whose choice is this. */
function chunk(choice: string): string {
  return `data: {"id":"a","choices":[${choice}],${TAIL}}\n\n`;
}

const FINAL = chunk('{"index":0,"delta":{},"finish_reason":"stop"}');

describe("a stream is written byte for byte:", () => {
  const usage = '"usage":{"prompt_tokens":3,"completion_tokens":4,"total_tokens":7}';
  const text = [
    chunk('{"index":0,"delta":{"content":"Hi","role":"assistant"}}'),
    chunk('{"index":0,"delta":{"content":" \\"you\\"\\n"}}'),
    FINAL,
  ];
  const said = [START, begin({ type: "text" }), grow("text", "Hi"), grow("text", ' "you"\n'), end(), stop()];
  const cases: { name: string; in: AnswerEvent[]; includeUsage?: boolean; want: string[] }[] = [
    { name: "text, with its role once", in: [...said, USAGE, DONE], want: [...text, "data: [DONE]\n\n"] },
    {
      name: "usage for those who asked, once",
      in: [{ type: "usage", usage: emptyUsage() }, ...said, USAGE, DONE],
      includeUsage: true,
      want: [...text, `data: {"id":"a","choices":[],${TAIL},${usage}}\n\n`, "data: [DONE]\n\n"],
    },
    {
      name: "calls, which follow one another and text",
      in: [
        ...[START, begin({ type: "text" }), grow("text", "a"), end()],
        ...[
          begin({ type: "tool-call", id: "c", name: "f" }, 1),
          grow("arguments", "", 1),
          grow("arguments", '{"a"', 1),
        ],
        ...[grow("arguments", ":1}", 1), end(1), begin({ type: "tool-call", id: "d", name: "g", signature: "s" }, 2)],
        ...[end(2), stop("tool-calls")],
      ],
      want: [
        chunk('{"index":0,"delta":{"content":"a","role":"assistant"}}'),
        chunk(
          '{"index":0,"delta":{"tool_calls":[{"index":0,"id":"c","function":{"arguments":"","name":"f"},"type":"function"}]}}',
        ),
        chunk(
          '{"index":0,"delta":{"tool_calls":[{"index":0,"id":null,"function":{"arguments":"{\\"a\\"","name":""}}]}}',
        ),
        chunk('{"index":0,"delta":{"tool_calls":[{"index":0,"id":null,"function":{"arguments":":1}","name":""}}]}}'),
        chunk(
          '{"index":0,"delta":{"tool_calls":[{"index":1,"id":"d","function":{"arguments":"","name":"g"},' +
            '"type":"function","extra_content":{"google":{"thought_signature":"s"}}}]}}',
        ),
        chunk('{"index":0,"delta":{"tool_calls":[{"index":1,"id":null,"function":{"arguments":"{}","name":""}}]}}'),
        chunk('{"index":0,"delta":{},"finish_reason":"tool_calls"}'),
      ],
    },
    {
      name: "thinking piece by piece, and signed blocks whole",
      in: [
        ...[START, begin({ type: "thinking" }), grow("thinking", "t"), grow("thinking", "u")],
        ...[{ type: "signature", choice: 0, part: 0, signature: "s" } as const, end()],
        ...[begin({ type: "redacted-thinking", data: "r" }, 1), end(1)],
        ...[begin({ type: "thinking" }, 2), grow("thinking", "v", 2), end(2), stop()],
      ],
      want: [
        chunk('{"index":0,"delta":{"role":"assistant","reasoning_content":"t"}}'),
        chunk('{"index":0,"delta":{"reasoning_content":"u"}}'),
        chunk(
          '{"index":0,"delta":{"thinking_blocks":[{"index":0,"type":"thinking","thinking":"tu","signature":"s"}]}}',
        ),
        chunk('{"index":0,"delta":{"thinking_blocks":[{"index":1,"type":"redacted_thinking","data":"r"}]}}'),
        chunk('{"index":0,"delta":{"reasoning_content":"v"}}'),
        FINAL,
      ],
    },
    {
      name: "a block whose end was not told ends with its choice",
      in: [START, begin({ type: "thinking" }), { type: "signature", choice: 0, part: 0, signature: "s" }, stop()],
      want: [
        chunk(
          '{"index":0,"delta":{"role":"assistant","thinking_blocks":[{"index":0,"type":"thinking","thinking":"","signature":"s"}]}}',
        ),
        FINAL,
      ],
    },
    {
      name: "a refusal",
      in: [START, begin({ type: "refusal" }), grow("text", "No."), end(), stop("refusal")],
      want: [
        chunk('{"index":0,"delta":{"role":"assistant","refusal":"No."}}'),
        chunk('{"index":0,"delta":{},"finish_reason":"content_filter"}'),
      ],
    },
    {
      name: "nothing said",
      in: [START, stop("max-tokens")],
      want: [chunk('{"index":0,"delta":{"content":"","role":"assistant"},"finish_reason":"length"}')],
    },
    {
      name: "several choices, each with its role",
      in: [
        ...[START, begin({ type: "text" }), begin({ type: "text" }, 0, 1), grow("text", "a", 0, 1), grow("text", "b")],
        ...[stop("max-tokens", 1), stop()],
      ],
      want: [
        chunk('{"index":1,"delta":{"content":"a","role":"assistant"}}'),
        chunk('{"index":0,"delta":{"content":"b","role":"assistant"}}'),
        chunk('{"index":1,"delta":{},"finish_reason":"length"}'),
        FINAL,
      ],
    },
    {
      name: "what the end of parts and choices tells",
      in: [
        ...[START, begin({ type: "text" }), grow("text", "a")],
        { ...end(), annotations: [{ type: "url_citation" }] } as AnswerEvent,
        { ...stop(), logprobs: { content: [] }, extensions: { safety_ratings: [] } } as AnswerEvent,
      ],
      want: [
        chunk('{"index":0,"delta":{"content":"a","role":"assistant"}}'),
        chunk('{"index":0,"delta":{"annotations":[{"type":"url_citation"}]}}'),
        chunk('{"index":0,"delta":{},"logprobs":{"content":[]},"finish_reason":"stop","safety_ratings":[]}'),
      ],
    },
    { name: "a sign of life", in: [START, { type: "ping" }], want: [chunk('{"index":0,"delta":{}}')] },
    {
      name: "blocks that only their vendor has, which are left out",
      in: [START, begin({ type: "vendor", block: {} }), end(), stop()],
      want: [chunk('{"index":0,"delta":{"content":"","role":"assistant"},"finish_reason":"stop"}')],
    },
    {
      name: "an error, and nothing after it",
      in: [START, { type: "error", error: { type: "overloaded_error", message: "busy", status: 529 } }],
      want: ['data: {"type":"error","error":{"type":"overloaded_error","code":"529","message":"busy"}}\n\n'],
    },
    {
      name: "an id and a time of our own where the vendor has none",
      in: [{ type: "start", id: "", model: "", createdAt: undefined }, stop()],
      want: [
        'data: {"id":"chatcmpl-id-1","choices":[{"index":0,"delta":{"content":"","role":"assistant"},' +
          '"finish_reason":"stop"}],"created":1760000000,"model":"asked","object":"chat.completion.chunk"}\n\n',
      ],
    },
  ];
  for (const { name, in: events, includeUsage, want } of cases) {
    it(name, () => assert.equal(write(events, includeUsage), want.join("")));
  }
});
