import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { CHAT_FIELDS } from "../conversation/chat-completions/fields.ts";
import {
  type AssistantPart,
  conversation,
  type MediaPart,
  type ToolCallPart,
  type Turn,
  type UserPart,
} from "../conversation/conversation.ts";
import { Losses } from "../conversation/losses.ts";
import { writeMessages } from "./messages.ts";
import { writeToolConfig } from "./tools.ts";

const CALL: ToolCallPart = { type: "tool-call", id: "call-1", name: "get_time", arguments: "{}" };
const IMAGE: MediaPart = { type: "image", source: { kind: "bytes", mimeType: "image/png", data: "AAAA" } };

const words = fc.constantFrom("", " ", "a", "b c", "čau");
const textPart = words.map((text) => ({ type: "text", text }) as const);
const userPart: fc.Arbitrary<UserPart> = fc.oneof(
  textPart,
  fc.constant(IMAGE),
  fc
    .array(textPart, { maxLength: 2 })
    .map((parts) => ({ type: "tool-result", id: "1", parts, isError: false }) as const),
);
const assistantPart: fc.Arbitrary<AssistantPart> = fc.oneof(
  textPart,
  fc.constant(CALL),
  words.map((text) => ({ type: "thinking", text, signature: text === "" ? undefined : "s" }) as const),
  words.map((data) => ({ type: "redacted-thinking", data }) as const),
);
const turn: fc.Arbitrary<Turn> = fc.oneof(
  fc.array(userPart, { maxLength: 3 }).map((parts) => ({ role: "user", parts }) as const),
  fc.array(assistantPart, { maxLength: 3 }).map((parts) => ({ role: "assistant", parts }) as const),
);

describe("any conversation", () => {
  it("has roles that alternate, no empty message, no blank text, and declared tools", () => {
    fc.assert(
      fc.property(fc.array(turn, { maxLength: 8 }), (turns) => {
        const messages = writeMessages(turns, false, new Losses(CHAT_FIELDS, {}));
        const toolConfig = writeToolConfig(conversation({ turns }), true, new Losses(CHAT_FIELDS, {}));
        for (const [index, { role, content }] of messages.entries()) {
          assert.notEqual(role, messages[index - 1]?.role);
          assert.notEqual(content.length, 0);
        }
        const written = JSON.stringify(messages);
        assert.doesNotMatch(written.replace(/"reasoningText":\{"text":"\s*"/g, ""), /"text":"\s*"/);
        assert.equal(toolConfig !== undefined, written.includes('"toolUse"'));
      }),
    );
  });

  it("keeps its texts in order", () => {
    fc.assert(
      fc.property(fc.array(turn, { maxLength: 8 }), (turns) => {
        const want = turns.flatMap(({ parts }) =>
          parts.flatMap((part) => (part.type === "text" && part.text.trim() !== "" ? [part.text] : [])),
        );
        const blocks = writeMessages(turns, true, new Losses(CHAT_FIELDS, {})).flatMap(({ content }) => content);
        assert.deepEqual(
          blocks.flatMap((block) => ("text" in block ? [block.text] : [])),
          want,
        );
      }),
    );
  });
});
