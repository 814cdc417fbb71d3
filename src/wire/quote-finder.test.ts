import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import fc from "fast-check";
import { loadQuoteFinder, type QuoteFinder } from "./quote-finder.ts";
import { assembleQuotes, TARGET } from "./quotes-assemble.ts";

const BLOCK = 8192;

function load(): QuoteFinder {
  const loaded = loadQuoteFinder();
  assert.ok(loaded !== undefined);
  return loaded;
}
const finder = load();

/** Every quote after the one the text starts with, as the finder has them. */
function found(bytes: Uint8Array): number[] {
  finder.reset();
  const quotes: number[] = [];
  for (let at = finder.closing(bytes, 0); at >= 0; at = finder.closing(bytes, at)) quotes.push(at);
  return quotes;
}

/** The same, byte by byte. */
function expected(bytes: Uint8Array): number[] {
  const quotes: number[] = [];
  for (let at = 1; at < bytes.length; at++) {
    if (bytes[at] === 0x5c) at++;
    else if (bytes[at] === 0x22) quotes.push(at);
  }
  return quotes;
}

test("the module in quotes-wasm.ts is what quotes.wat says: else run `npm run wasm`", async () => {
  assert.equal(readFileSync(TARGET, "utf8"), await assembleQuotes());
});

const texts = [
  { name: "nothing but the first quote", in: '"' },
  { name: "a short string", in: '"abc"' },
  { name: "escaped quotes", in: String.raw`"a\"b\\"c\\\"d"` },
  { name: "a backslash at the end", in: '"abc\\' },
  { name: "blocks of nothing but quotes", in: '"'.repeat(3 * BLOCK) },
  { name: "blocks of nothing but backslashes, even", in: `"${"\\".repeat(3 * BLOCK)}"` },
  { name: "blocks of nothing but backslashes, odd", in: `"${"\\".repeat(3 * BLOCK + 1)}""` },
  { name: "blocks without either", in: `"${"x".repeat(3 * BLOCK)}"` },
];
for (const { name, in: text } of texts) {
  test(`finds every unescaped quote of ${name}`, () => {
    const bytes = Buffer.from(text);
    assert.deepEqual(found(bytes), expected(bytes));
  });
}

test("sees runs of backslashes across the borders of chunks and blocks, wherever they start and however long", () => {
  for (const border of [64, BLOCK, 2 * BLOCK]) {
    for (const run of [0, 1, 2, 3, 4, 5, 63, 64, 65, 66, 127, 128, 129]) {
      for (let end = border - 3; end <= border + run + 3; end++) {
        const before = Math.max(0, end - run - 1);
        const bytes = Buffer.from(`"${"x".repeat(before)}${"\\".repeat(run)}"\\"""`);
        assert.deepEqual(found(bytes), expected(bytes), `a run of ${run} that ends at ${end}`);
      }
    }
  }
});

test("finds what a loop finds in any text, whatever was looked through before", () => {
  const piece = fc.tuple(
    fc.constantFrom('"', "\\", "x", '\\"', '\\\\"', "漢", "\n"),
    fc.oneof(fc.nat({ max: 9 }), fc.nat({ max: 200 }), fc.constantFrom(BLOCK - 1, BLOCK)),
  );
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 40 }), (pieces) => {
      const bytes = Buffer.from(`"${pieces.map(([text, times]) => text.repeat(times)).join("")}`);
      assert.deepEqual(found(bytes), expected(bytes));
    }),
    { numRuns: 400 },
  );
});

test("starts afresh at a quote beyond the block", () => {
  const gap = "1,".repeat(BLOCK);
  const bytes = Buffer.from(String.raw`"a",${gap}"b\"","c"`);
  const second = bytes.indexOf('"b');
  finder.reset();
  assert.equal(finder.closing(bytes, 0), 2);
  assert.equal(finder.closing(bytes, second), second + 4);
  assert.equal(finder.closing(bytes, second + 6), second + 8);
});

test("passes over quotes that nobody asked for", () => {
  const bytes = Buffer.from(`"a","b","c"`);
  finder.reset();
  assert.equal(finder.closing(bytes, 4), 6);
  assert.equal(finder.closing(bytes, 8), 10);
  assert.equal(finder.closing(bytes, 10), -1);
});

test("is not there where WebAssembly is not", (t) => {
  t.mock.property(globalThis as unknown as { WebAssembly: unknown }, "WebAssembly", undefined);
  assert.equal(loadQuoteFinder(), undefined);
});
