import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { encodeEventStreamText } from "../../wire/aws-event-stream.ts";
import { HeaderMap } from "../../wire/headers.ts";
import type { AnswerEvent } from "../conversation/answer.ts";
import { ConverseStreamReader } from "./stream.ts";

type Event = readonly [type: string, body: object];

function encode(events: readonly Event[]): Buffer {
  const messages = events.map(([type, body]) =>
    encodeEventStreamText({ ":message-type": "event", ":event-type": type }, JSON.stringify(body)),
  );
  return Buffer.concat(messages);
}

function read(...chunks: readonly Uint8Array[]): AnswerEvent[] {
  const context = {
    prefix: undefined,
    version: undefined,
    modelOverride: undefined,
    requestHeaders: new HeaderMap(),
    requestId: "r-1",
    newId: () => "id-1",
    now: () => 0,
  };
  const reader = new ConverseStreamReader(new HeaderMap(["x-amzn-requestid", "r-1"]), { model: "m", context });
  const out: AnswerEvent[] = [];
  for (const chunk of chunks) reader.push(chunk, out);
  reader.end(out);
  return out;
}

function delta(contentBlockIndex: number, change: object): Event {
  return ["contentBlockDelta", { contentBlockIndex, delta: change }];
}

/** Events as words. */
function summary(events: readonly AnswerEvent[]): string {
  return events
    .map((event) => {
      if (event.type === "part") return `${event.part}:${event.begin.type}`;
      if (event.type === "part-end") return `${event.part}.`;
      if (event.type === "text" || event.type === "thinking" || event.type === "arguments") return `"${event.text}"`;
      return event.type === "stop" ? `stop(${event.reason})` : event.type;
    })
    .join(" ");
}

const START: Event = ["messageStart", { role: "assistant" }];
const STOP: Event = ["messageStop", { stopReason: "end_turn" }];
const USAGE: Event = ["metadata", { usage: { inputTokens: 3, outputTokens: 4 } }];
const CALL: Event = [
  "contentBlockStart",
  { contentBlockIndex: 1, start: { toolUse: { name: "f", toolUseId: "call-1" } } },
];

const cases: readonly { name: string; in: readonly Event[]; want: string }[] = [
  {
    name: "a block begins with its first delta",
    in: [START, delta(0, { text: "a" }), ["contentBlockStop", { contentBlockIndex: 0 }], STOP, USAGE],
    want: 'start 0:text "a" 0. stop(end) usage done',
  },
  {
    name: "a block whose end never came ends with the next",
    in: [START, delta(0, { text: "a" }), CALL, delta(1, { toolUse: { input: "{}" } }), STOP, USAGE],
    want: 'start 0:text "a" 0. 1:tool-call "{}" 1. stop(end) usage done',
  },
  {
    name: "a call without input has the arguments {}",
    in: [
      START,
      CALL,
      delta(1, { toolUse: { input: "" } }),
      ["contentBlockStop", { contentBlockIndex: 1 }],
      STOP,
      USAGE,
    ],
    want: 'start 0:tool-call "{}" 0. stop(end) usage done',
  },
  {
    name: "a block that changes its kind is two parts",
    in: [START, delta(0, { reasoningContent: { text: "hm" } }), delta(0, { text: "a" }), STOP, USAGE],
    want: 'start 0:thinking "hm" 0. 1:text "a" 1. stop(end) usage done',
  },
  {
    name: "a stream without beginning has one",
    in: [delta(0, { text: "a" }), STOP, USAGE],
    want: 'start 0:text "a" 0. stop(end) usage done',
  },
  {
    name: "usage that comes early waits for the stop",
    in: [START, USAGE, delta(0, { text: "a" }), STOP],
    want: 'start 0:text "a" 0. stop(end) usage done',
  },
  {
    name: "what comes after the end is not read",
    in: [START, STOP, USAGE, delta(0, { text: "a" }), USAGE],
    want: "start stop(end) usage done",
  },
  { name: "a stream without usage", in: [START, STOP], want: "start stop(end) done" },
  { name: "a stream that was cut off", in: [START, delta(0, { text: "a" })], want: 'start 0:text "a"' },
  {
    name: "input of a tool that the provider runs is not the caller's",
    in: [
      START,
      ["contentBlockStart", { contentBlockIndex: 0, start: { toolUse: { name: "s", type: "server_tool_use" } } }],
      delta(0, { toolUse: { input: "{}" } }),
      delta(1, { text: "a" }),
      STOP,
      USAGE,
    ],
    want: 'start 0:text "a" 0. stop(end) usage done',
  },
];

describe("streams of Converse", () => {
  for (const { name, in: events, want } of cases) {
    it(name, () => {
      assert.equal(summary(read(encode(events))), want);
    });
  }

  it("redacted thoughts come as one part, whole", () => {
    const [first, second] = ["cmVk", "YWN0"].map((text) => Buffer.from(text).toString("base64"));
    const events = read(
      encode([
        START,
        delta(0, { reasoningContent: { redactedContent: first } }),
        delta(0, { reasoningContent: { redactedContent: second } }),
        ["contentBlockStop", { contentBlockIndex: 0 }],
      ]),
    );
    const begin = { type: "redacted-thinking", data: "cmVkYWN0" };
    assert.deepEqual(events.slice(1), [
      { type: "part", choice: 0, part: 0, begin },
      { type: "part-end", choice: 0, part: 0 },
    ]);
  });

  it("citations of web pages come with the end of their text", () => {
    const citation = { title: "T", location: { web: { url: "https://example.com/" } } };
    const events = read(encode([START, delta(0, { text: "a" }), delta(0, { citation }), STOP]));
    const annotation = { type: "url_citation", url_citation: { url: "https://example.com/", title: "T" } };
    assert.deepEqual(
      events.find(({ type }) => type === "part-end"),
      { type: "part-end", choice: 0, part: 0, annotations: [annotation] },
    );
  });

  it("the same events come however the stream is cut", () => {
    const events: readonly Event[] = [
      START,
      delta(0, { reasoningContent: { text: "hm" } }),
      delta(0, { reasoningContent: { signature: "s" } }),
      CALL,
      delta(1, { toolUse: { input: '{"a":"č"}' } }),
      STOP,
      USAGE,
    ];
    const stream = encode(events);
    const want = read(stream);
    fc.assert(
      fc.property(fc.array(fc.nat(stream.length), { maxLength: 12 }), (places) => {
        const cuts = [0, ...places.sort((a, b) => a - b), stream.length];
        const chunks = cuts.slice(1).map((end, index) => stream.subarray(cuts[index], end));
        assert.deepEqual(read(...chunks), want);
      }),
    );
  });
});
