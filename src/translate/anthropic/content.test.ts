import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { CHAT_FIELDS } from "../conversation/chat-completions/fields.ts";
import type { AssistantPart, Turn, UserPart } from "../conversation/conversation.ts";
import { Losses } from "../conversation/losses.ts";
import { writeTurns } from "./content.ts";

const cases: readonly { name: string; in: readonly Turn[]; want: unknown; losses?: readonly string[] }[] = [
  {
    name: "results of tools come before what else the user says, in one message",
    in: [
      { role: "user", parts: [{ type: "text", text: "Thanks" }] },
      {
        role: "user",
        parts: [
          {
            type: "tool-result",
            id: "functions.f:0",
            parts: [{ type: "text", text: "" }],
            isError: true,
            cache: { ttl: undefined },
          },
        ],
      },
    ],
    want: [
      {
        role: "user",
        content: [
          { type: "tool_result", tool_use_id: "functions_f_0", is_error: true, cache_control: { type: "ephemeral" } },
          { type: "text", text: "Thanks" },
        ],
      },
    ],
  },
  {
    name: "thinking goes back when it is signed",
    in: [
      {
        role: "assistant",
        parts: [
          { type: "thinking", text: "a", signature: "s" },
          { type: "thinking", text: "b", signature: undefined, path: "messages[1].reasoning_content" },
          { type: "redacted-thinking", data: "r" },
          { type: "refusal", text: "No." },
          { type: "tool-call", id: "functions.f:0", name: "f", arguments: " ", cache: { ttl: "1h" } },
        ],
      },
    ],
    want: [
      {
        role: "assistant",
        content: [
          { type: "thinking", thinking: "a", signature: "s" },
          { type: "redacted_thinking", data: "r" },
          { type: "text", text: "No." },
          {
            type: "tool_use",
            id: "functions_f_0",
            name: "f",
            input: {},
            cache_control: { type: "ephemeral", ttl: "1h" },
          },
        ],
      },
    ],
    losses: ["messages[1].reasoning_content"],
  },
  {
    name: "an image that the model made is lost",
    in: [{ role: "assistant", parts: [{ type: "image", source: { kind: "file-id", id: "i" }, path: "input[2]" }] }],
    want: [],
    losses: ["input[2]"],
  },
];

for (const { name, in: turns, want, losses = [] } of cases) {
  test(name, () => {
    const lost = new Losses(CHAT_FIELDS, {});
    assert.deepEqual(writeTurns(turns, lost), want);
    assert.deepEqual(lost.paths, losses);
  });
}

const text = fc.record({ type: fc.constant("text" as const), text: fc.constantFrom("", " ", "\n", "a", "b") });
const result = fc.record({
  type: fc.constant("tool-result" as const),
  id: fc.constantFrom("1", "2"),
  parts: fc.array(text, { maxLength: 2 }),
  isError: fc.boolean(),
});
const call = fc.record({
  type: fc.constant("tool-call" as const),
  id: fc.constantFrom("1", "2"),
  name: fc.constant("f"),
  arguments: fc.constantFrom("", "{}"),
});
const turn: fc.Arbitrary<Turn> = fc.oneof(
  fc.record({
    role: fc.constant("user" as const),
    parts: fc.array<UserPart>(fc.oneof(text, result), { maxLength: 4 }),
  }),
  fc.record({
    role: fc.constant("assistant" as const),
    parts: fc.array<AssistantPart>(fc.oneof(text, call), { maxLength: 4 }),
  }),
);

test("roles alternate, results come first, nothing is blank, and every text is kept in order", () => {
  fc.assert(
    fc.property(fc.array(turn, { maxLength: 6 }), (turns) => {
      const messages = writeTurns(turns, new Losses(CHAT_FIELDS, {}));
      const roles = messages.map(({ role }) => role);
      assert.ok(roles.every((role, i) => role !== roles[i - 1]));
      for (const { content } of messages) {
        assert.notEqual(content.length, 0);
        const isResult = content.map(({ type }) => type === "tool_result");
        assert.ok(isResult.lastIndexOf(true) < (isResult.includes(false) ? isResult.indexOf(false) : content.length));
      }
      const texts = messages.flatMap(({ content }) =>
        content.flatMap((block) => (block.type === "text" ? [block.text] : [])),
      );
      const parts = turns.flatMap(({ parts }): readonly (UserPart | AssistantPart)[] => parts);
      const said = parts.flatMap((part) => (part.type === "text" && part.text.trim() !== "" ? [part.text] : []));
      assert.deepEqual(texts, said);
    }),
  );
});
