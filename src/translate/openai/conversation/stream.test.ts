import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import type { AnswerEvent } from "../../conversation/answer.ts";
import { ChatStreamReader } from "./stream.ts";

function chunk(delta: object, index = 0, finish: string | null = null): string {
  const choices = [{ index, delta, finish_reason: finish }];
  return `data: ${JSON.stringify({ id: "c", model: "m", choices })}\n\n`;
}

function read(pieces: readonly Buffer[]): AnswerEvent[] {
  let ids = 0;
  const reader = new ChatStreamReader(() => String(ids++));
  const out: AnswerEvent[] = [];
  for (const piece of pieces) reader.push(piece, out);
  reader.end(out);
  return out;
}

const delta = fc.oneof(
  fc.record({ content: fc.constantFrom("", "a", " ", "č") }),
  fc.record({ reasoning_content: fc.constantFrom("", "t") }),
  fc.record({ refusal: fc.constantFrom(null, "no") }),
  fc.record({
    thinking_blocks: fc.constantFrom([], [{ type: "thinking", thinking: "x", signature: "s" }], [{ data: "d" }]),
  }),
  fc.record({
    tool_calls: fc.array(
      fc.record(
        {
          index: fc.nat(2),
          id: fc.constantFrom("", "i", "j"),
          function: fc.record({ name: fc.constantFrom("", "f"), arguments: fc.constantFrom("", "{", "}") }),
        },
        { requiredKeys: [] },
      ),
      { maxLength: 2 },
    ),
  }),
  fc.record({ content: fc.anything(), tool_calls: fc.anything() }),
);
const streams = fc.array(fc.tuple(delta, fc.nat(1), fc.constantFrom(null, null, null, "stop", "tool_calls")), {
  maxLength: 12,
});

describe("a stream of chat completions", () => {
  it("has parts that begin, grow and end one after the other, whatever the provider sends", () => {
    fc.assert(
      fc.property(streams, (deltas) => {
        const events = read([Buffer.from(`${deltas.map((args) => chunk(...args)).join("")}data: [DONE]\n\n`)]);
        checkOrder(events);
        assert.ok(["done", "error"].includes(events.at(-1)?.type ?? ""));
      }),
      { numRuns: 300 },
    );
  });

  it("says the same however it is cut", () => {
    fc.assert(
      fc.property(streams, fc.array(fc.nat(2000), { maxLength: 6 }), (deltas, cuts) => {
        const bytes = Buffer.from(`${deltas.map((args) => chunk(...args)).join("")}data: [DONE]\n\n`);
        const places = [0, ...cuts.map((cut) => cut % bytes.length).sort((a, b) => a - b), bytes.length];
        const pieces = places.slice(1).map((place, i) => bytes.subarray(places[i], place));
        assert.deepEqual(read(pieces), read([bytes]));
      }),
      { numRuns: 100 },
    );
  });

  it("has an end for each of several choices", () => {
    const events = read([
      Buffer.from(
        chunk({ content: "a" }, 0) + chunk({ content: "b" }, 1) + chunk({}, 1, "length") + chunk({}, 0, "stop"),
      ),
    ]);
    assert.deepEqual(
      events.filter((event) => event.type === "stop").map(({ choice, reason }) => [choice, reason]),
      [
        [1, "max-tokens"],
        [0, "end"],
      ],
    );
    assert.equal(events.at(-1)?.type, "done");
  });

  it("is cut off while a choice has not finished", () => {
    const events = read([Buffer.from(chunk({ content: "a" }, 0, "stop") + chunk({ content: "b" }, 1))]);
    assert.notEqual(events.at(-1)?.type, "done");
  });
});

/** Fails unless the events keep the order that writers rely on. */
function checkOrder(events: readonly AnswerEvent[]): void {
  assert.equal(events.filter(({ type }) => type === "start").length, events[0]?.type === "start" ? 1 : 0);
  const open = new Map<number, { next: number; part: number | undefined; isOver: boolean }>();
  for (const event of events) {
    if (!("choice" in event)) continue;
    const choice = open.get(event.choice) ?? { next: 0, part: undefined, isOver: false };
    open.set(event.choice, choice);
    assert.equal(choice.isOver, false);
    if (event.type === "part") {
      assert.equal(choice.part, undefined);
      assert.equal(event.part, choice.next++);
      choice.part = event.part;
    } else if (event.type === "stop") {
      assert.equal(choice.part, undefined);
      choice.isOver = true;
    } else {
      assert.equal(event.part, choice.part);
      if (event.type === "part-end") choice.part = undefined;
    }
  }
}
