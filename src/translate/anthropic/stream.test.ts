import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { GatewayError } from "../../errors/gateway-error.ts";
import type { AnswerEvent } from "../conversation/answer.ts";
import { MessageEventReader, MessageStreamReader } from "./stream.ts";

const index = fc.constantFrom<unknown>(0, 1, "x", null);
const block = fc.oneof(
  fc.record({
    type: fc.constantFrom("text", "thinking", "tool_use", "redacted_thinking", "newer"),
    input: fc.jsonValue(),
  }),
  fc.jsonValue(),
);
const delta = fc.oneof(
  fc.record({
    type: fc.constantFrom("text_delta", "thinking_delta", "signature_delta", "input_json_delta", "newer_delta"),
    text: fc.constantFrom<unknown>("a", "", 1),
    thinking: fc.constantFrom<unknown>("b", null),
    signature: fc.constant("s"),
    partial_json: fc.constantFrom("{", ""),
  }),
  fc.jsonValue(),
);
const event = fc.oneof(
  fc.record({ type: fc.constant("content_block_start"), index, content_block: block }),
  fc.record({ type: fc.constant("content_block_delta"), index, delta }),
  fc.record({ type: fc.constant("content_block_stop"), index }),
  fc.record({ type: fc.constant("message_start"), message: fc.jsonValue() }),
  fc.record({ type: fc.constant("message_delta"), delta: fc.jsonValue(), usage: fc.jsonValue() }),
  fc.record({ type: fc.constantFrom("ping", "error", "newer"), error: fc.jsonValue() }),
  fc.jsonValue(),
);

function readStream(text: string): AnswerEvent[] {
  const out: AnswerEvent[] = [];
  const reader = new MessageStreamReader();
  reader.push(Buffer.from(text), out);
  reader.end(out);
  return out;
}

/** Reads an event; one that is none is refused. */
function readEvent(reader: MessageEventReader, sent: unknown, out: AnswerEvent[]): void {
  try {
    reader.read(Buffer.from(JSON.stringify(sent)), out);
  } catch (error) {
    assert.ok(error instanceof GatewayError && error.code === "upstream_invalid", String(error));
  }
}

test("whatever a provider sends, parts grow only between their beginning and their end", () => {
  fc.assert(
    fc.property(fc.array(event, { maxLength: 12 }), (events) => {
      const reader = new MessageEventReader();
      const out: AnswerEvent[] = [];
      for (const sent of [...events, { type: "message_stop" }]) readEvent(reader, sent, out);
      const open = new Set<number>();
      let parts = 0;
      for (const read of out) {
        if (read.type === "part") {
          assert.equal(read.part, parts++);
          open.add(read.part);
        } else if (read.type === "part-end") assert.ok(open.delete(read.part));
        else if ("part" in read) assert.ok(open.has(read.part));
      }
      assert.deepEqual([open.size, out.at(-1)?.type], [0, "done"]);
    }),
  );
});

test("an event without its blank line is read at the end, half of one is not", () => {
  assert.deepEqual(readStream('data: {"type":"ping"}'), [{ type: "ping" }]);
  assert.deepEqual(readStream('data: {"type":"pi'), []);
});
