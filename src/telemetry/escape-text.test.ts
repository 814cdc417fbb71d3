import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { escapeText } from "./escape-text.ts";

const CASES = [
  { name: "plain text", in: "gpt-4o", max: 10, want: "gpt-4o" },
  { name: "text of exactly the limit", in: "abcde", max: 5, want: "abcde" },
  { name: "text over the limit", in: "abcdef", max: 5, want: "ab..." },
  { name: "nothing", in: "", max: 5, want: "" },
  { name: "quotes and backslashes", in: 'a"b\\', max: 20, want: 'a\\"b\\\\' },
  { name: "line ends", in: "a\r\n{", max: 20, want: "a\\r\\n{" },
  { name: "a terminal's escape character", in: "\u001b[2J\u007f", max: 20, want: "\\u001b[2J\\u007f" },
  { name: "letters outside ASCII", in: "é", max: 20, want: "\\u00e9" },
  { name: "a lone surrogate", in: "\ud800", max: 20, want: "\\ud800" },
  { name: "a cut before an escape that does not fit", in: "abcd\n\n\n\n\n", max: 8, want: "abcd..." },
  { name: "a cut before a pair of surrogates that does not fit", in: "ab😀😀", max: 16, want: "ab..." },
];

for (const { name, in: input, max, want } of CASES) {
  test(`escapeText: ${name}`, () => assert.equal(escapeText(input, max), want));
}

test("an escaped text is printable ASCII, never longer than asked, and reads back as the text or its start", () => {
  const text = fc.oneof(fc.string({ unit: "binary" }), fc.string({ unit: "grapheme" }), fc.string());
  fc.assert(
    fc.property(text, fc.integer({ min: 12, max: 60 }), (input, max) => {
      const escaped = escapeText(input, max);
      assert.match(escaped, /^[ -~]*$/);
      assert.ok(escaped.length <= max);
      const back: unknown = JSON.parse(`"${escaped}"`);
      const whole = back === input;
      const start = typeof back === "string" && back.endsWith("...") && input.startsWith(back.slice(0, -3));
      assert.ok(whole || start, `${JSON.stringify(input)} became ${escaped}`);
    }),
  );
});
