import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { GatewayError } from "../../../errors/gateway-error.ts";
import type { Turn } from "../conversation.ts";
import { withoutPaths } from "../test-paths.ts";
import { readInput } from "./items.ts";

const HI = { role: "user", content: "Hi" };
const text = (said: string): object => ({ type: "text", text: said });
const PNG = "data:image/png;base64,aWk=";
const IMAGE = { type: "image", source: { kind: "bytes", mimeType: "image/png", data: "aWk=" } };

/** Turns without members that say nothing. */
function plain(turns: readonly Turn[]): unknown {
  return withoutPaths(JSON.parse(JSON.stringify(turns)));
}

describe("items are read:", () => {
  const cases: { name: string; in: unknown; want: object[]; system?: object[]; extensions?: object }[] = [
    { name: "a text", in: "Hi", want: [{ role: "user", parts: [text("Hi")] }] },
    {
      name: "messages of every role, with and without type",
      in: [
        { role: "system", content: "S" },
        { type: "message", role: "developer", content: [{ type: "input_text", text: "D" }] },
        HI,
        { role: "assistant", content: "Hello" },
        { type: "message", role: "assistant", id: "m", content: [{ type: "output_text", text: "a", annotations: [] }] },
        { role: "assistant", content: [{ type: "refusal", refusal: "No." }] },
      ],
      system: [text("S"), text("D")],
      want: [
        { role: "user", parts: [text("Hi")] },
        { role: "assistant", parts: [text("Hello"), text("a"), { type: "refusal", text: "No." }] },
      ],
    },
    {
      name: "media",
      in: [
        {
          role: "user",
          content: [
            { type: "input_image", image_url: PNG, detail: "low" },
            { type: "input_image", file_id: "file-1" },
            { type: "input_file", file_url: "https://example.com/a.pdf" },
            { type: "input_file", filename: "a.pdf", file_data: "data:application/pdf;base64,aWk=" },
            { type: "input_audio", input_audio: { data: "aWk=", format: "mp3" } },
          ],
        },
      ],
      want: [
        {
          role: "user",
          parts: [
            { ...IMAGE, detail: "low" },
            { type: "image", source: { kind: "file-id", id: "file-1" } },
            { type: "document", source: { kind: "url", url: "https://example.com/a.pdf" } },
            {
              ...{ type: "document", name: "a.pdf" },
              source: { kind: "bytes", mimeType: "application/pdf", data: "aWk=" },
            },
            { type: "audio", source: { kind: "bytes", mimeType: "audio/mpeg", data: "aWk=" } },
          ],
        },
      ],
    },
    {
      name: "a round of calls, which is one turn of the model's",
      in: [
        { type: "reasoning", id: "r", summary: [{ type: "summary_text", text: "a" }], encrypted_content: "thinking:s" },
        { type: "reasoning", summary: [], encrypted_content: "redacted_thinking:d" },
        { type: "function_call", call_id: "1", name: "f", arguments: '{"a":1}' },
        { type: "custom_tool_call", call_id: "2", name: "g", input: 'a"b' },
        { type: "function_call_output", call_id: "1", output: "out" },
        { type: "custom_tool_call_output", call_id: "2", output: [{ type: "input_image", image_url: PNG }] },
      ],
      want: [
        {
          role: "assistant",
          parts: [
            { type: "thinking", text: "a", signature: "s" },
            { type: "redacted-thinking", data: "d" },
            { type: "tool-call", id: "1", name: "f", arguments: '{"a":1}' },
            { type: "tool-call", id: "2", name: "g", arguments: '{"input":"a\\"b"}' },
          ],
        },
        { role: "user", parts: [{ type: "tool-result", id: "1", parts: [text("out")], isError: false }] },
        { role: "user", parts: [{ type: "tool-result", id: "2", parts: [IMAGE], isError: false }] },
      ],
    },
    {
      name: "reasoning that only OpenAI can read, with what people can read of it",
      in: [{ type: "reasoning", summary: [{ type: "summary_text", text: "a" }], encrypted_content: "gAAA" }],
      want: [{ role: "assistant", parts: [{ type: "thinking", text: "a" }] }],
      extensions: { "input[0].encrypted_content": "gAAA" },
    },
    {
      name: "a signature without text, and reasoning that says nothing",
      in: [
        { type: "reasoning", summary: [], encrypted_content: "thinking:s" },
        { type: "reasoning", summary: [] },
      ],
      want: [{ role: "assistant", parts: [{ type: "thinking", text: "", signature: "s" }] }],
    },
    {
      name: "Gemini's signature of a call",
      in: [
        {
          ...{ type: "function_call", call_id: "1", name: "f", arguments: "" },
          extra_content: { google: { thought_signature: "s" } },
        },
      ],
      want: [
        {
          role: "assistant",
          parts: [{ type: "tool-call", id: "1", name: "f", arguments: "", signature: "s" }],
        },
      ],
    },
    {
      name: "what OpenAI ran by itself, which is left out",
      in: [HI, { type: "web_search_call", id: "ws" }],
      want: [{ role: "user", parts: [text("Hi")] }],
      extensions: { "input[1]": { type: "web_search_call", id: "ws" } },
    },
  ];
  for (const { name, in: input, want, system = [], extensions = {} } of cases) {
    it(name, () => {
      const read = readInput(input);
      assert.deepEqual(plain(read.turns), want);
      assert.deepEqual(withoutPaths(JSON.parse(JSON.stringify(read.system))), system);
      assert.deepEqual(read.extensions, extensions);
    });
  }
});

describe("an item is refused:", () => {
  const cases: { name: string; in: unknown; want: RegExp; code: string }[] = [
    { name: "no item", in: ["Hi"], want: /input\[0\]: must be an object/, code: "invalid_request" },
    { name: "no type", in: [{}], want: /input\[0\]\.type/, code: "invalid_request" },
    { name: "a wrong role", in: [{ role: "robot", content: "a" }], want: /input\[0\]\.role/, code: "invalid_request" },
    { name: "no content", in: [{ role: "user" }], want: /input\[0\]\.content/, code: "invalid_request" },
    {
      name: "a part that is nobody's",
      in: [{ role: "user", content: [{ type: "smell" }] }],
      want: /input\[0\]\.content\[0\]\.type/,
      code: "invalid_request",
    },
    {
      name: "a refusal of the user's",
      in: [{ role: "user", content: [{ type: "refusal", refusal: "No." }] }],
      want: /input\[0\]\.content\[0\]\.type/,
      code: "invalid_request",
    },
    { name: "a reference", in: [{ type: "item_reference", id: "a" }], want: /input\[0\]/, code: "untranslatable" },
    { name: "a newer item", in: [{ type: "brand_new" }], want: /brand_new/, code: "untranslatable" },
    {
      name: "a call without id",
      in: [{ type: "function_call", name: "f", arguments: "{}" }],
      want: /input\[0\]\.call_id/,
      code: "untranslatable",
    },
  ];
  for (const { name, in: input, want, code } of cases) {
    it(name, () => {
      assert.throws(
        () => readInput(input),
        (error) => error instanceof GatewayError && error.code === code && want.test(error.message),
      );
    });
  }
});
