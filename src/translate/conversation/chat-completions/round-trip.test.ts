import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { AssistantPart, Conversation, Turn } from "../conversation.ts";
import { readRequest } from "./request.ts";

/** Writes a conversation as chat messages again, as far as the generated ones go. */
function writeMessages({ system, turns }: Conversation): unknown[] {
  return [...system.map(({ text }) => ({ role: "system", content: text })), ...turns.map(writeTurn)];
}

function writeTurn({ role, parts }: Turn): unknown {
  if (role === "assistant") return writeAssistant(parts);
  const [first] = parts;
  if (first?.type !== "tool-result")
    return { role, content: parts.map((part) => (part.type === "text" ? part.text : "?")) };
  return {
    role: "tool",
    tool_call_id: first.id,
    content: first.parts.map((part) => (part.type === "text" ? part.text : "?")),
  };
}

function writeAssistant(parts: readonly AssistantPart[]): unknown {
  return {
    role: "assistant",
    content: parts.flatMap((part) => (part.type === "text" ? [part.text] : [])),
    tool_calls: parts.flatMap((part) => (part.type === "tool-call" ? [[part.id, part.name, part.arguments]] : [])),
    thinking_blocks: parts.flatMap((part) => (part.type === "thinking" ? [[part.text, part.signature]] : [])),
  };
}

const text = fc.string({ minLength: 1 });
const call = fc.record({ id: text, name: text, arguments: fc.json() });
const block = fc.record({ thinking: text, signature: text });

/** A message as the caller sends it, and as {@link writeMessages} has it. */
const message = fc.oneof(
  text.map((said) => [
    { role: "user", content: said },
    { role: "user", content: [said] },
  ]),
  fc.array(text, { minLength: 1, maxLength: 3 }).map((texts) => [
    { role: "user", content: texts.map((said) => ({ type: "text", text: said })) },
    { role: "user", content: texts },
  ]),
  fc.tuple(text, text).map(([id, said]) => [
    { role: "tool", tool_call_id: id, content: said },
    { role: "tool", tool_call_id: id, content: [said] },
  ]),
  fc
    .record({ content: text, calls: fc.array(call, { maxLength: 3 }), blocks: fc.array(block, { maxLength: 2 }) })
    .map(({ content, calls, blocks }) => [
      {
        role: "assistant",
        content,
        tool_calls: calls.map(({ id, ...called }) => ({ id, type: "function", function: called })),
        thinking_blocks: blocks.map((thought) => ({ type: "thinking", ...thought })),
      },
      {
        role: "assistant",
        content: [content],
        tool_calls: calls.map(({ id, name, arguments: given }) => [id, name, given]),
        thinking_blocks: blocks.map(({ thinking, signature }) => [thinking, signature]),
      },
    ]),
);

test("roles, texts, calls, results and thinking of a request keep their order", () => {
  fc.assert(
    fc.property(fc.array(text, { maxLength: 2 }), fc.array(message, { maxLength: 8 }), (system, messages) => {
      const instructions = system.map((content) => ({ role: "system", content }));
      const sent = [...instructions, ...messages.map(([given]) => given)];
      const read = readRequest({ model: "m", messages: sent });
      assert.deepEqual(writeMessages(read), [...instructions, ...messages.map(([, written]) => written)]);
    }),
    { numRuns: 200 },
  );
});

test("whatever a caller sends, it is read or refused as the caller's mistake", () => {
  const role = fc.constantFrom("system", "user", "assistant", "tool", "other");
  const junk = fc.record({
    role,
    content: fc.jsonValue(),
    tool_calls: fc.jsonValue(),
    thinking_blocks: fc.jsonValue(),
  });
  const fields = fc.record(
    {
      messages: fc.array(junk, { maxLength: 3 }),
      tools: fc.jsonValue(),
      tool_choice: fc.jsonValue(),
      response_format: fc.jsonValue(),
      stop: fc.jsonValue(),
      thinking: fc.jsonValue(),
    },
    { requiredKeys: [] },
  );
  fc.assert(
    fc.property(fields, (document) => {
      try {
        readRequest(document);
      } catch (error) {
        assert.match(String(error), /GatewayError: (malformed request|invalid request body): \w/);
      }
    }),
    { numRuns: 300 },
  );
});
