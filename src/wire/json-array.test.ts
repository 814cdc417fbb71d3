import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { GatewayError } from "../errors/gateway-error.ts";
import { ArrayItems } from "./json-array.ts";
import { EVENT_BYTES_MAX } from "./sse.ts";

function items(...chunks: readonly string[]): string[] {
  const reader = new ArrayItems();
  return chunks.flatMap((chunk) => reader.push(Buffer.from(chunk))).map(String);
}

describe("items of a streamed array", () => {
  const cases = [
    { name: "an empty array", in: ["[]"], want: [] },
    { name: "white space around", in: [' [ {"a":1} ,\r\n{"b":[{}]}\n] \n'], want: ['{"a":1}', '{"b":[{}]}'] },
    { name: "brackets and quotes in strings", in: ['[{"a":"}]\\"{\\\\"},{}]'], want: ['{"a":"}]\\"{\\\\"}', "{}"] },
    { name: "an item that is cut", in: ['[{"a"', ':"\\', '"x"}'], want: ['{"a":"\\"x"}'] },
    { name: "an item that never ends", in: ['[{"a":1},{"b"'], want: ['{"a":1}'] },
  ];
  for (const { name, in: chunks, want } of cases) {
    it(`are found with ${name}`, () => assert.deepEqual(items(...chunks), want));
  }

  for (const text of ["{}", "[1]", '["a"]', "[{}] {", "x", "[[]]"]) {
    it(`are refused in ${text}`, () => {
      assert.throws(
        () => items(text),
        (error) => error instanceof GatewayError && error.code === "upstream_invalid",
      );
    });
  }

  it("are refused when one is too large", () => {
    const reader = new ArrayItems();
    reader.push(Buffer.from('[{"a":"'));
    assert.throws(() => reader.push(Buffer.alloc(EVENT_BYTES_MAX, "x")), GatewayError);
  });

  it("are the same however the stream is cut", () => {
    const document = fc.dictionary(fc.string(), fc.oneof(fc.string(), fc.array(fc.integer())));
    fc.assert(
      fc.property(fc.array(document, { maxLength: 4 }), fc.integer({ min: 1, max: 7 }), (documents, size) => {
        const bytes = Buffer.from(JSON.stringify(documents));
        const reader = new ArrayItems();
        const found: unknown[] = [];
        for (let at = 0; at < bytes.length; at += size) {
          for (const item of reader.push(bytes.subarray(at, at + size))) found.push(JSON.parse(item.toString()));
        }
        assert.deepEqual(JSON.stringify(found), JSON.stringify(documents));
      }),
      { numRuns: 100 },
    );
  });
});
