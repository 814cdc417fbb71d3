import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { emptyUsage } from "../../../usage/token-usage.ts";
import type { AnswerEvent, AnswerPart, StopReason } from "../answer.ts";
import type { AnswerContext } from "../codec.ts";
import { writeAnswer } from "./response.ts";
import { ResponseStreamWriter } from "./stream.ts";

const CONTEXT: AnswerContext = {
  ...{ model: "asked", includeUsage: false },
  request: { model: "asked", input: "Hi", tools: [{ type: "custom", name: "custom" }] },
  ...{ requestId: "r-1", newId: () => "id-1", now: () => 1_760_000_000 },
};

interface Told {
  readonly type: string;
  readonly sequence_number: number;
  readonly output_index: number;
  readonly item_id: string;
  readonly content_index: number;
  readonly delta: string;
  readonly item: { readonly id: string; readonly type: string };
  readonly response: { readonly status: string; readonly output: readonly unknown[] };
  readonly [member: string]: unknown;
}

function write(events: readonly AnswerEvent[]): Told[] {
  const writer = new ResponseStreamWriter(CONTEXT);
  const text = events.map((event) => writer.write(event)).join("");
  const blocks = text.split("\n\n").filter((block) => block !== "" && !block.startsWith(":"));
  return blocks.map((block) => {
    const [, name, data = ""] = /^event: (.*)\ndata: (.*)$/.exec(block) ?? [];
    const told = JSON.parse(data) as Told;
    assert.equal(told.type, name);
    return told;
  });
}

/** What of an item a stream may tell, and what ends it; the second of each pair ends what the first has begun. */
const NESTED: Readonly<Record<string, string>> = {
  "response.output_item.added": "response.output_item.done",
  "response.content_part.added": "response.content_part.done",
  "response.reasoning_summary_part.added": "response.reasoning_summary_part.done",
};
const ENDS = new Set(["response.completed", "response.incomplete", "response.failed"]);

/** Checks what any stream of responses must be, from OpenAI's documentation alone. */
function checkStream(told: readonly Told[]): void {
  assert.deepEqual(
    told.map((event) => event.sequence_number),
    told.map((_, index) => index),
  );
  assert.deepEqual(
    told.slice(0, 2).map(({ type }) => type),
    ["response.created", "response.in_progress"],
  );
  const open: Told[] = [];
  const done: unknown[] = [];
  let grown = "";
  for (const [index, event] of told.slice(2).entries()) {
    const opener = open.at(-1);
    const isLast = index === told.length - 3;
    assert.equal(ENDS.has(event.type), isLast && ENDS.has(event.type), "nothing follows the end");
    if (event.type in NESTED) {
      assert.equal(open.length, event.type === "response.output_item.added" ? 0 : 1);
      open.push(event);
      grown = "";
    } else if (Object.values(NESTED).includes(event.type)) {
      assert.equal(event.type, NESTED[opener?.type ?? ""]);
      open.pop();
    } else if (event.type === "response.failed") open.length = 0;
    else if (ENDS.has(event.type)) assert.equal(open.length, 0);
    if (event.type === "response.output_item.added") assert.equal(event.output_index, done.length);
    if (event.type === "response.output_item.done") {
      assert.equal(event.item.id, opener?.item.id);
      assert.equal(event.item.type, opener?.item.type);
      done.push(event.item);
    }
    if (event.item_id !== undefined) {
      const added = open.find(({ type }) => type === "response.output_item.added");
      assert.deepEqual([event.item_id, event.output_index], [added?.item.id, added?.output_index]);
    }
    if (event.type.endsWith(".delta")) grown += event.delta;
    const whole = event["text"] ?? event["refusal"] ?? event["arguments"] ?? event["input"];
    if (whole !== undefined) assert.equal(whole, grown);
    if (event.type === "response.completed" || event.type === "response.incomplete") {
      assert.equal(`response.${event.response.status}`, event.type);
      assert.deepEqual(event.response.output, done);
    }
  }
}

const text = fc.string({ maxLength: 5 });
const begin = fc.oneof(
  fc.constantFrom({ type: "text" as const }, { type: "refusal" as const }, { type: "thinking" as const }),
  fc.record({ type: fc.constant("redacted-thinking" as const), data: text }),
  fc.record({ type: fc.constant("tool-call" as const), id: text, name: fc.constantFrom("f", "custom") }),
  fc.constant({ type: "vendor" as const, block: {} }),
);
const place = { choice: fc.constantFrom(0, 0, 0, 0, 1), part: fc.nat(2) };
const reason = fc.constantFrom<StopReason>("end", "max-tokens", "tool-calls", "content-filter", "refusal", "pause");
const event: fc.Arbitrary<AnswerEvent> = fc.oneof(
  fc.record({ type: fc.constant("part" as const), ...place, begin }),
  fc.record({ type: fc.constantFrom("text" as const, "thinking" as const, "arguments" as const), ...place, text }),
  fc.record({ type: fc.constant("signature" as const), ...place, signature: text }),
  fc.record({
    ...{ type: fc.constant("part-end" as const), ...place },
    annotations: fc.array(fc.constant({ type: "url_citation", url_citation: { url: "u" } }), { maxLength: 1 }),
  }),
  reason.map((word) => stop(word)),
  fc.constant({ type: "ping" as const }),
  fc.constant({ type: "usage" as const, usage: emptyUsage() }),
);
const start = fc.constant<AnswerEvent>({ type: "start", id: "a", model: "answered", createdAt: 5 });
const end = fc.constantFrom<AnswerEvent>(
  { type: "done" },
  { type: "error", error: { type: "overloaded_error", message: "busy", status: 529 } },
);

function stop(word: StopReason): Extract<AnswerEvent, { type: "stop" }> {
  return { type: "stop", choice: 0, reason: word, vendorReason: undefined, stopSequence: undefined };
}

describe("a stream of responses", () => {
  it("is one that OpenAI's documentation allows, whatever events come in whatever order", () => {
    const stream = fc.tuple(fc.array(start, { maxLength: 1 }), fc.array(event, { maxLength: 30 }), end);
    fc.assert(
      fc.property(stream, ([first, between, last]) => checkStream(write([...first, ...between, last]))),
      { numRuns: 500 },
    );
  });

  it("is a beginning of such a stream when it is cut off", () => {
    fc.assert(
      fc.property(fc.array(event, { minLength: 1, maxLength: 20 }), fc.nat(20), (events, cut) => {
        const whole = write(events);
        const told = write(events.slice(0, cut));
        assert.deepEqual(told, whole.slice(0, told.length));
      }),
    );
  });

  it("ends with the response that a whole answer would have been", () => {
    const part: fc.Arbitrary<AnswerPart> = fc.oneof(
      fc.record({ type: fc.constantFrom("text" as const, "refusal" as const), text }),
      fc.record({ type: fc.constant("thinking" as const), text, signature: text }),
      fc.record({ type: fc.constant("redacted-thinking" as const), data: text }),
      fc.record({
        ...{ type: fc.constant("tool-call" as const), id: text, name: fc.constantFrom("f", "custom") },
        arguments: fc.constantFrom("", '{"input":"a"}', '{"inp'),
      }),
      fc.constant({ type: "vendor" as const, block: {} }),
    );
    fc.assert(
      fc.property(fc.array(part, { maxLength: 6 }), reason, (parts, word) => {
        const usage = { ...emptyUsage(), inputTokens: 3, outputTokens: 4 };
        const told = write([
          { type: "start", id: "a", model: "answered", createdAt: 5 },
          ...parts.flatMap(eventsOf),
          ...[stop(word), { type: "usage", usage } as const, { type: "done" } as const],
        ]);
        const choice = { parts, stopReason: word, vendorReason: undefined, stopSequence: undefined };
        const whole = writeAnswer(
          {
            ...{ id: "a", model: "answered", createdAt: 5, usage, serviceTier: undefined, extensions: {} },
            choices: [{ ...choice, logprobs: undefined, extensions: {} }],
          },
          CONTEXT,
        );
        assert.deepEqual(told.at(-1)?.response, JSON.parse(JSON.stringify(whole)));
      }),
      { numRuns: 300 },
    );
  });
});

/** The events of a part, its text in two pieces. */
function eventsOf(part: AnswerPart, index: number): AnswerEvent[] {
  const at = { choice: 0, part: index };
  const said = part.type === "tool-call" ? part.arguments : "text" in part ? part.text : "";
  const type = part.type === "tool-call" ? "arguments" : part.type === "thinking" ? "thinking" : "text";
  const signature = part.type === "thinking" ? (part.signature ?? "") : "";
  return [
    { type: "part", ...at, begin: part },
    { type, ...at, text: said.slice(0, 2) },
    { type, ...at, text: said.slice(2) },
    { type: "signature", ...at, signature },
    { type: "part-end", ...at },
  ];
}

describe("the events of", () => {
  const first = ["response.created", "response.in_progress"];
  const at = { choice: 0, part: 0 };
  const cases: { name: string; in: AnswerEvent[]; want: string[] }[] = [
    { name: "nothing but an end", in: [{ type: "done" }], want: [...first, "response.completed"] },
    {
      name: "an error before anything was said",
      in: [{ type: "error", error: { type: "a", message: "b", status: 429 } }],
      want: [...first, "error", "response.failed"],
    },
    {
      name: "a refusal",
      in: [{ type: "part", ...at, begin: { type: "refusal" } }, { type: "text", ...at, text: "No." }, stop("end")],
      want: [
        ...first,
        ...["response.output_item.added", "response.content_part.added", "response.refusal.delta"],
        ...["response.refusal.done", "response.content_part.done", "response.output_item.done"],
      ],
    },
    {
      name: "a call of a custom tool",
      in: [
        { type: "part", ...at, begin: { type: "tool-call", id: "1", name: "custom" } },
        ...[
          { type: "arguments", ...at, text: '{"input":' } as const,
          { type: "arguments", ...at, text: '"a"}' } as const,
        ],
        stop("tool-calls"),
      ],
      want: [
        ...[...first, "response.output_item.added", "response.custom_tool_call_input.delta"],
        ...["response.custom_tool_call_input.done", "response.output_item.done"],
      ],
    },
    { name: "a sign of life, which are none", in: [{ type: "ping" }], want: [] },
  ];
  for (const { name, in: events, want } of cases) {
    it(name, () =>
      assert.deepEqual(
        write(events).map(({ type }) => type),
        want,
      ),
    );
  }
});
