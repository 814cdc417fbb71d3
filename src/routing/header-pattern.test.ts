import assert from "node:assert/strict";
import { test } from "node:test";
import { RE2JS } from "@bufbuild/re2";
import fc from "fast-check";
import { compileHeaderPattern } from "./header-pattern.ts";

const cases: readonly { name: string; pattern: string; yes: readonly string[]; no: readonly string[] }[] = [
  { name: "a literal", pattern: "gpt-5", yes: ["gpt-5"], no: ["", "gpt-5x", "xgpt-5", "GPT-5", "gpt-5\n"] },
  { name: "anything", pattern: ".*", yes: ["", "x", "a/b:c", "ü😀"], no: ["a\nb", "\n"] },
  { name: "anything but nothing", pattern: ".+", yes: ["x", "😀"], no: ["", "\n"] },
  { name: "a prefix", pattern: "claude.*", yes: ["claude", "claude-3"], no: ["Claude-3", "xclaude", "claude\n"] },
  { name: "a prefix and more", pattern: "o1-.+", yes: ["o1-mini"], no: ["o1-", "o1"] },
  { name: "an escaped dot", pattern: "gpt-4\\.1.*", yes: ["gpt-4.1", "gpt-4.1-mini"], no: ["gpt-4o1"] },
  { name: "an escaped dot before a star", pattern: "a\\.*", yes: ["a", "a.."], no: ["ab"] },
  { name: "alternatives, as a whole", pattern: "gpt-4|o3", yes: ["gpt-4", "o3"], no: ["gpt-4o", "xo3", "o3-mini"] },
  { name: "anchors", pattern: "^.*-preview$", yes: ["gemini-preview"], no: ["gemini-preview-2"] },
  { name: "case ignored by flag", pattern: "(?i)gpt.*", yes: ["GPT-5", "gpt-5"], no: ["xgpt"] },
  { name: "a class of Unicode letters", pattern: "\\p{L}+", yes: ["héé"], no: ["h1"] },
];

for (const { name, pattern, yes, no } of cases) {
  test(`a regular expression covers the whole value: ${name}`, () => {
    const matches = compileHeaderPattern({ type: "RegularExpression", value: pattern });
    for (const value of yes) assert.equal(matches(value), true, `${pattern} on ${JSON.stringify(value)}`);
    for (const value of no) assert.equal(matches(value), false, `${pattern} on ${JSON.stringify(value)}`);
  });
}

test("an exact match takes its value literally", () => {
  const matches = compileHeaderPattern({ type: "Exact", value: "a.*" });
  assert.equal(matches("a.*"), true);
  assert.equal(matches("abc"), false);
});

test("a pattern that is no RE2 throws", () => {
  assert.throws(() => compileHeaderPattern({ type: "RegularExpression", value: "a(?=b)" }));
});

test("a pattern that makes backtracking engines hang answers at once", () => {
  const matches = compileHeaderPattern({ type: "RegularExpression", value: "(a*)*(b|c)" });
  assert.equal(matches("a".repeat(100_000)), false);
});

test("the short cuts agree with RE2 on every pattern and value", () => {
  const piece = fc.constantFrom("a", "b", ".", "*", "+", "\\", "\n", "-", "^", "$", "é", "😀");
  const text = fc.array(piece, { maxLength: 5 }).map((pieces) => pieces.join(""));
  const pattern = fc
    .tuple(text, fc.constantFrom("", ".*", ".+"))
    .map(([head, tail]) => head + tail)
    .filter(isRe2);
  fc.assert(
    fc.property(pattern, text, (source, value) => {
      const matches = compileHeaderPattern({ type: "RegularExpression", value: source });
      assert.equal(matches(value), new RE2JS(source).testExact(value));
    }),
    { numRuns: 2000 },
  );
});

function isRe2(source: string): boolean {
  try {
    new RE2JS(source);
    return true;
  } catch {
    // What does not compile is no input of this property.
    return false;
  }
}
