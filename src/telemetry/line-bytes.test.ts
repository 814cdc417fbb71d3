import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { escapeText } from "./escape-text.ts";
import { LineBytes, literal } from "./line-bytes.ts";

const ROOM = 8192;

function written(append: (line: LineBytes) => void): string {
  const line = new LineBytes(ROOM);
  append(line);
  return Buffer.from(line.bytes.buffer, 0, line.length).toString("latin1");
}

test("literals of any length stand side by side", () => {
  const parts = Array.from({ length: 40 }, (_, i) => "abcdefgh".repeat(5).slice(0, i));
  assert.equal(
    written((line) => {
      for (const part of parts) line.literal(literal(part));
    }),
    parts.join(""),
  );
});

test("a line may be as long as its room, whatever it ends in", () => {
  const line = new LineBytes(5);
  line.literal(literal("abcde"));
  assert.equal(Buffer.from(line.bytes.subarray(0, line.length)).toString("latin1"), "abcde");
});

test("numbers are written as JSON writes them", () => {
  const number = fc.oneof(
    fc.double({ noNaN: true, noDefaultInfinity: true }),
    fc.integer(),
    fc.maxSafeInteger(),
    fc.constantFrom(0, 9, 10, 99, 100, 999_999_999, 1_000_000_000, 2 ** 31, 2 ** 32 - 1, 1e21, 0.1, -1),
  );
  fc.assert(
    fc.property(number, (value) => {
      assert.equal(
        written((line) => line.number(value)),
        JSON.stringify(value),
      );
    }),
  );
});

for (const { name, in: ms, want } of [
  { name: "to the microsecond", in: 12.345_67, want: "12.346" },
  { name: "rounded up to the next", in: 0.999_9, want: "1.000" },
  { name: "none", in: 0, want: "0.000" },
  { name: "a clock that went back", in: -3, want: "0.000" },
  { name: "longer than a 32-bit number of microseconds", in: 5_000_000_000.25, want: "5000000000.250" },
]) {
  test(`milliseconds: ${name}`, () =>
    assert.equal(
      written((line) => line.millis(ms)),
      want,
    ));
}

test("small numbers get their leading zeros", () => {
  assert.equal(
    written((line) => {
      for (const value of [0, 7, 42, 999]) line.threeDigits(value);
    }),
    "000007042999",
  );
});

test("texts are escaped and cut", () => {
  const text = fc.oneof(fc.string({ unit: "binary", maxLength: 300 }), fc.string({ maxLength: 100 }));
  fc.assert(
    fc.property(text, (value) => {
      assert.equal(
        written((line) => {
          line.literal(literal("<"));
          line.text(value, 64);
          line.literal(literal(">"));
        }),
        `<${escapeText(value, 64)}>`,
      );
    }),
  );
});

test("what was appended can be taken back", () => {
  assert.equal(
    written((line) => {
      line.text("kept", 64);
      const { length } = line;
      line.text("dropped", 64);
      line.length = length;
      line.number(1);
    }),
    "kept1",
  );
});
