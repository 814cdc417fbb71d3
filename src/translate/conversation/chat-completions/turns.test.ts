import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { GatewayError } from "../../../errors/gateway-error.ts";
import type { Turn } from "../conversation.ts";
import { withoutPaths } from "../test-paths.ts";
import { readMessages } from "./turns.ts";

/** Without members that are undefined. */
function plain<T>(value: T): T {
  return withoutPaths(JSON.parse(JSON.stringify(value))) as T;
}

function readTurns(...messages: object[]): readonly Turn[] {
  return plain(readMessages({ messages }).turns);
}

function userPart(part: unknown): unknown {
  return readTurns({ role: "user", content: [part] })[0]?.parts[0];
}

function assistantParts(message: object): unknown {
  return readTurns({ role: "assistant", ...message })[0]?.parts;
}

it("system and developer messages are the instructions, in their order", () => {
  const { system } = readMessages({
    messages: [
      { role: "system", content: "a" },
      { role: "user", content: "x" },
      { role: "developer", content: [{ type: "text", text: "b", cache_control: { type: "ephemeral" } }] },
    ],
  });
  assert.deepEqual(plain(system), [
    { type: "text", text: "a" },
    { type: "text", text: "b", cache: {} },
  ]);
});

describe("a user's part", () => {
  const png = { kind: "bytes", mimeType: "image/png", data: "AAAA" };
  const cases = [
    { name: "text", in: { type: "text", text: "a" }, want: { type: "text", text: "a" } },
    {
      name: "an image by its bytes",
      in: { type: "image_url", image_url: { url: "data:image/png;base64,AAAA", detail: "low" } },
      want: { type: "image", source: png, detail: "low" },
    },
    {
      name: "an image in base64 for URLs, without padding, broken into lines, of a type by another name",
      in: { type: "image_url", image_url: { url: "data:image/jpg;base64,-_\n8" } },
      want: { type: "image", source: { kind: "bytes", mimeType: "image/jpeg", data: "+/8=" } },
    },
    {
      name: "an image by its bare URL",
      in: { type: "image_url", image_url: "https://example.com/a" },
      want: { type: "image", source: { kind: "url", url: "https://example.com/a" } },
    },
    {
      name: "a document sent as an image",
      in: { type: "image_url", image_url: { url: "https://example.com/a.PDF?x=1" } },
      want: { type: "document", source: { kind: "url", url: "https://example.com/a.PDF?x=1" } },
    },
    {
      name: "sound",
      in: { type: "input_audio", input_audio: { data: "AAAA", format: "mp3" } },
      want: { type: "audio", source: { kind: "bytes", mimeType: "audio/mpeg", data: "AAAA" } },
    },
    {
      name: "sound by its URL",
      in: { type: "audio_url", audio_url: { url: "gs://bucket/a.wav" } },
      want: { type: "audio", source: { kind: "url", url: "gs://bucket/a.wav" } },
    },
    {
      name: "a film",
      in: { type: "video_url", video_url: { url: "data:video/mp4;base64,AAAA" } },
      want: { type: "video", source: { kind: "bytes", mimeType: "video/mp4", data: "AAAA" } },
    },
    {
      name: "a document with its bytes",
      in: { type: "file", file: { file_data: "data:application/pdf;base64,AAAA", filename: "a.pdf" } },
      want: { type: "document", source: { kind: "bytes", mimeType: "application/pdf", data: "AAAA" }, name: "a.pdf" },
    },
    {
      name: "a document whose type only its name tells",
      in: { type: "file", file: { file_data: "AAAA", filename: "a.pdf" } },
      want: { type: "document", source: { kind: "bytes", mimeType: "application/pdf", data: "AAAA" }, name: "a.pdf" },
    },
    {
      name: "an uploaded file, cached",
      in: { type: "file", file: { file_id: "f1" }, cache_control: { type: "ephemeral", ttl: "5m" } },
      want: { type: "document", source: { kind: "file-id", id: "f1" }, cache: { ttl: "5m" } },
    },
    {
      name: "an image sent as a file",
      in: { type: "file", file: { file_data: "data:image/png;base64,AAAA" } },
      want: { type: "image", source: png },
    },
  ];
  for (const { name, in: part, want } of cases) it(`is read: ${name}`, () => assert.deepEqual(userPart(part), want));
});

it("a tool's result is the user's turn, with the mark of its message before that of its parts", () => {
  const content = [{ type: "text", text: "a", cache_control: { type: "ephemeral" } }];
  assert.deepEqual(
    readTurns(
      { role: "tool", tool_call_id: "c", content },
      { role: "tool", tool_call_id: "d", content, cache_control: { type: "ephemeral", ttl: "1h" } },
    ),
    [{ id: "c", cache: {} } as const, { id: "d", cache: { ttl: "1h" } } as const].map((own) => ({
      role: "user",
      parts: [{ type: "tool-result", ...own, parts: [{ type: "text", text: "a" }], isError: false }],
    })),
  );
});

describe("an assistant's message", () => {
  const call = { id: "c", type: "function", function: { name: "f", arguments: '{"a":1}' } };
  const called = { type: "tool-call", id: "c", name: "f", arguments: '{"a":1}' };
  const signed = { type: "thinking", thinking: "t", signature: "s" };
  const thought = { type: "thinking", text: "t", signature: "s" };
  const redacted = { type: "redacted-thinking", data: "r" };
  const cases = [
    { name: "a text", in: { content: "a" }, want: [{ type: "text", text: "a" }] },
    { name: "nothing", in: { content: "" }, want: undefined },
    {
      name: "one part",
      in: { content: { type: "text", text: "a", cache_control: { type: "ephemeral" } } },
      want: [{ type: "text", text: "a", cache: {} }],
    },
    { name: "calls only", in: { content: null, tool_calls: [call] }, want: [called] },
    {
      name: "a call with the arguments as an object, and Gemini's signature",
      in: {
        tool_calls: [
          {
            ...call,
            function: { name: "f", arguments: { a: 1 } },
            extra_content: { google: { thought_signature: "s" } },
          },
        ],
      },
      want: [{ ...called, signature: "s" }],
    },
    {
      name: "a refusal in either place",
      in: { content: [{ type: "refusal", refusal: "a" }], refusal: "b" },
      want: [
        { type: "refusal", text: "a" },
        { type: "refusal", text: "b" },
      ],
    },
    {
      name: "parts of thinking in their order, which make what stands beside redundant",
      in: {
        content: [
          { type: "text", text: "a" },
          { type: "thinking", text: "t", signature: "s" },
          { type: "redacted_thinking", redactedContent: "r" },
        ],
        thinking_blocks: [signed],
        reasoning_content: "t",
      },
      want: [{ type: "text", text: "a" }, thought, redacted],
    },
    {
      name: "blocks of thinking before all else",
      in: {
        content: "a",
        tool_calls: [call],
        reasoning_content: "t",
        thinking_blocks: [signed, { type: "redacted_thinking", data: "r" }],
      },
      want: [thought, redacted, { type: "text", text: "a" }, called],
    },
    {
      name: "a block that has only the signature",
      in: { reasoning_content: "t", thinking_blocks: [{ type: "thinking", signature: "s" }] },
      want: [thought],
    },
    { name: "a text of thinking", in: { reasoning_content: "t" }, want: [{ type: "thinking", text: "t" }] },
    { name: "blocks in the place of that text", in: { reasoning_content: [signed] }, want: [thought] },
    {
      name: "Envoy AI Gateway's object",
      in: { reasoning_content: { reasoningContent: { reasoningText: { text: "t", signature: "s" } } } },
      want: [thought],
    },
    {
      name: "Envoy AI Gateway's object of what cannot be read",
      in: { reasoning_content: { reasoningContent: { redactedContent: "r" } } },
      want: [redacted],
    },
  ];
  for (const { name, in: message, want } of cases) {
    it(`is read: ${name}`, () => assert.deepEqual(assistantParts(message), want));
  }
});

it("names and sounds of messages are told of by their paths", () => {
  const { extensions } = readMessages({
    messages: [
      { role: "user", content: "a", name: "Ann" },
      { role: "assistant", audio: { id: "x" } },
    ],
  });
  assert.deepEqual(extensions, { "messages[0].name": "Ann", "messages[1].audio": { id: "x" } });
});

describe("a message is refused:", () => {
  const image = (url: string): object => ({ role: "user", content: [{ type: "image_url", image_url: { url } }] });
  const path = "messages[0].content[0]";
  const cases: { name: string; in: unknown; want: string; code?: string }[] = [
    { name: "no object", in: "Hi", want: "messages[0]: must be an object, not a string" },
    { name: "no role", in: { content: "a" }, want: "messages[0].role: must be a string and is missing" },
    {
      name: "an unknown role",
      in: { role: "function", content: "a" },
      want: 'messages[0].role: "function" is no role of a message',
    },
    {
      name: "no content",
      in: { role: "user" },
      want: "messages[0].content: must be a string or an array of parts and is missing",
    },
    {
      name: "null for the content of instructions",
      in: { role: "system", content: null },
      want: "messages[0].content: must be a string or an array of parts, not null",
    },
    {
      name: "an image among instructions",
      in: { ...image("https://example.com/a"), role: "system" },
      want: `${path}.type: must be text here`,
    },
    {
      name: "an unknown part",
      in: { role: "user", content: [{ type: "smell" }] },
      want: `${path}.type: "smell" is no part that can be sent in this message`,
    },
    {
      name: "an unknown part of an answer",
      in: { role: "assistant", content: [{ type: "image_url" }] },
      want: `${path}.type: "image_url" is no part of an assistant's message`,
    },
    { name: "an image nowhere", in: image(" "), want: `${path}.image_url: the URL is empty` },
    {
      name: "a data URL without data",
      in: image("data:image/png;base64"),
      want: `${path}.image_url: the data URL has no comma before its data`,
    },
    { name: "an empty image", in: image("data:image/png;base64,"), want: `${path}.image_url: the data is empty` },
    {
      name: "an image that is no base64",
      in: image("data:image/png;base64,A%AA"),
      want: `${path}.image_url: the data is not base64`,
    },
    {
      name: "base64 that ends too early",
      in: image("data:image/png;base64,AAAAA"),
      want: `${path}.image_url: the data is not base64`,
    },
    {
      name: "an unknown mark",
      in: { role: "user", content: [{ type: "text", text: "a", cache_control: { type: "ephemeral", ttl: "2h" } }] },
      want: `${path}.cache_control.ttl: must be "5m" or "1h"`,
    },
    {
      name: "a call without id",
      in: { role: "assistant", tool_calls: [{ function: { name: "f" } }] },
      want: "messages[0].tool_calls[0].id: a tool call needs an id",
      code: "untranslatable",
    },
    {
      name: "a result without id",
      in: { role: "tool", content: "a" },
      want: "messages[0].tool_call_id: a tool's result needs the id of its call",
      code: "untranslatable",
    },
    {
      name: "a call from before there were tools",
      in: { role: "assistant", function_call: { name: "f", arguments: "{}" } },
      want: "messages[0].function_call: is deprecated and not supported on this backend; use tool_calls",
      code: "untranslatable",
    },
  ];
  for (const { name, in: message, want, code = "invalid_request" } of cases) {
    it(name, () => {
      assert.throws(
        () => readMessages({ messages: [message] }),
        (error) => {
          assert.ok(error instanceof GatewayError);
          assert.deepEqual([error.code, error.message.replace(/^.*? request( body)?: /, "")], [code, want]);
          return true;
        },
      );
    });
  }
});
