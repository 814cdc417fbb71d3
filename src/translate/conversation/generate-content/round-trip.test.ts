import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { emptyUsage } from "../../../usage/token-usage.ts";
import { HeaderMap } from "../../../wire/headers.ts";
import { GEMINI } from "../../gcp-vertex-ai/codec.ts";
import type { AnswerEvent } from "../answer.ts";
import { CHAT_FIELDS } from "../chat-completions/fields.ts";
import { conversation, NO_SAMPLING, type Turn } from "../conversation.ts";
import { Losses } from "../losses.ts";
import type { JsonRecord } from "../read.ts";
import { withoutPaths } from "../test-paths.ts";
import { GENERATE_CONTENT_CLIENT } from "./codec.ts";

const MODEL = "gemini-2.5-flash";
const TARGET = {
  model: MODEL,
  context: {
    prefix: undefined,
    version: undefined,
    modelOverride: undefined,
    requestHeaders: new HeaderMap(),
    requestId: "r-1",
    newId: () => "id-1",
    now: () => 0,
  },
};
const ANSWER_CONTEXT = {
  model: MODEL,
  includeUsage: true,
  request: {},
  requestId: "r-1",
  newId: () => "id-1",
  now: () => 0,
};

/** Calls with their results, so that ids can be told again from names and order. */
const word = fc.constantFrom("a", "b", "c");
const exchange = fc.record({
  asked: word,
  thought: word,
  answered: word,
  calls: fc.array(word, { minLength: 1, maxLength: 3 }),
});

function turnsOf(exchanges: readonly { asked: string; thought: string; answered: string; calls: string[] }[]): Turn[] {
  let count = 0;
  return exchanges.flatMap(({ asked, thought, answered, calls }): Turn[] => {
    const made = calls.map((name) => ({ name, id: `call_${count++}` }));
    return [
      { role: "user", parts: [{ type: "text", text: asked }] },
      {
        role: "assistant",
        parts: [
          { type: "thinking", text: thought, signature: undefined },
          { type: "text", text: answered },
          ...made.map(
            ({ name, id }) => ({ type: "tool-call", id, name, arguments: "{}", signature: undefined }) as const,
          ),
        ],
      },
      {
        role: "user",
        parts: made.map(({ id }) => ({ type: "tool-result", id, parts: [{ type: "text", text: id }], isError: false })),
      },
      { role: "assistant", parts: [{ type: "text", text: answered }] },
    ];
  });
}

describe("Gemini's dialect as callers and as backends have it", () => {
  it("is one: a conversation written is read again", () => {
    fc.assert(
      fc.property(fc.array(exchange, { minLength: 1, maxLength: 3 }), fc.nat(100), (exchanges, maxTokens) => {
        const turns = turnsOf(exchanges);
        const given = conversation({ turns, sampling: { ...NO_SAMPLING, maxTokens, stop: ["x"] } });
        const { body } = GEMINI.writeRequest(given, TARGET, new Losses(CHAT_FIELDS, {}));
        const read = GENERATE_CONTENT_CLIENT.readRequest(JSON.parse(JSON.stringify(body)) as JsonRecord);
        assert.deepEqual(
          { turns: withoutPaths(read.turns), sampling: read.sampling },
          { turns, sampling: given.sampling },
        );
      }),
      { numRuns: 60 },
    );
  });

  it("is one: a stream written is read again", () => {
    const usage = { ...emptyUsage(), inputTokens: 5, outputTokens: 7, reasoningTokens: 3, totalTokens: 12 };
    const events: AnswerEvent[] = [
      { type: "start", id: "r", model: "m", createdAt: undefined },
      { type: "part", choice: 0, part: 0, begin: { type: "thinking" } },
      { type: "thinking", choice: 0, part: 0, text: "Hm." },
      { type: "signature", choice: 0, part: 0, signature: "c2ln" },
      { type: "part-end", choice: 0, part: 0 },
      { type: "part", choice: 0, part: 1, begin: { type: "text" } },
      { type: "text", choice: 0, part: 1, text: "Hel" },
      { type: "text", choice: 0, part: 1, text: "lo" },
      { type: "part-end", choice: 0, part: 1 },
      { type: "part", choice: 0, part: 2, begin: { type: "tool-call", id: "c1", name: "f", signature: undefined } },
      { type: "arguments", choice: 0, part: 2, text: '{"a":1}' },
      { type: "part-end", choice: 0, part: 2 },
      {
        type: "stop",
        choice: 0,
        reason: "tool-calls",
        vendorReason: "STOP",
        stopSequence: undefined,
        logprobs: undefined,
        extensions: {},
      },
      { type: "usage", usage },
      { type: "done" },
    ];
    const writer = GENERATE_CONTENT_CLIENT.streamWriter(ANSWER_CONTEXT);
    const reader = GEMINI.streamReader(new HeaderMap(), TARGET);
    const read: AnswerEvent[] = [];
    for (const event of events) reader.push(Buffer.from(writer.write(event)), read);
    reader.end(read);
    // Usage is told as soon as it comes, and again at the end.
    const first = read.findIndex(({ type }) => type === "usage");
    assert.deepEqual(read.toSpliced(first, 1), events);
  });
});

describe("a thinking part that was streamed in pieces", () => {
  it("is read as one, with its signature", () => {
    const parts = [
      { text: "Let me ", thought: true },
      { text: "see.", thought: true },
      { text: "", thought: true, thoughtSignature: "c2ln" },
      { text: "More.", thought: true },
    ];
    const { turns } = GENERATE_CONTENT_CLIENT.readRequest({ contents: [{ role: "model", parts }] });
    assert.deepEqual(withoutPaths(turns[0]?.parts), [
      { type: "thinking", text: "Let me see.", signature: "c2ln" },
      { type: "thinking", text: "More.", signature: undefined },
    ]);
  });
});
