/** Big documents, in which the quote finder takes over: read as without it, in every respect. */
import assert from "node:assert/strict";
import { registerHooks } from "node:module";
import { test } from "node:test";
import fc from "fast-check";
import * as withFinder from "./json-scan.ts";

type Scanner = typeof withFinder;

/** A second copy of the scanner and its files, for which there is no WebAssembly. */
async function loadWithoutFinder(): Promise<Scanner> {
  const hooks = registerHooks({
    resolve(specifier, context, next) {
      const resolved = next(specifier, context);
      const ours = specifier.startsWith(".") && context.parentURL?.endsWith("?plain") === true;
      return ours ? { ...resolved, url: `${resolved.url}?plain` } : resolved;
    },
  });
  const specifier = "./json-scan.ts?plain";
  const scanner = (await import(specifier)) as Scanner;
  hooks.deregister();
  const webAssembly = Object.getOwnPropertyDescriptor(globalThis, "WebAssembly");
  assert.ok(webAssembly !== undefined);
  Object.defineProperty(globalThis, "WebAssembly", { ...webAssembly, value: undefined });
  // Decides once and for all that there is no finder.
  scanner.skipValue(Buffer.from(`"${"x".repeat(2000)}\\""`), 0);
  Object.defineProperty(globalThis, "WebAssembly", webAssembly);
  return scanner;
}

const BLOCK = 8192;
const KEYS = ["model", "messages", "stream"];
const plain = await loadWithoutFinder();
const plainKeys = new plain.KeySet(KEYS);
const finderKeys = new withFinder.KeySet(KEYS);

/** All that a scan tells: the refusal, or every place. */
function read(scanner: Scanner, bytes: Uint8Array): unknown {
  try {
    const scanned = scanner.scanObject(bytes, scanner === plain ? plainKeys : finderKeys);
    const places = KEYS.map((key) => [scanned.keyStart(key), scanned.start(key), scanned.end(key)]);
    return { places, open: scanned.open, close: scanned.close };
  } catch (error) {
    return refusal(scanner, error);
  }
}

function skip(scanner: Scanner, bytes: Uint8Array, offset: number): unknown {
  try {
    return scanner.skipValue(bytes, offset);
  } catch (error) {
    return refusal(scanner, error);
  }
}

function refusal(scanner: Scanner, error: unknown): unknown {
  if (!(error instanceof scanner.JsonScanError)) throw error;
  return { kind: error.kind, offset: error.offset, message: error.message };
}

function assertSame(bytes: Uint8Array): void {
  assert.deepEqual(read(withFinder, bytes), read(plain, bytes));
}

/** What every document here starts with: enough for the finder to take over at its escaped quote. */
const HEAD = String.raw`{"pad":"${"x".repeat(1100)}\"",`;

test("reads the members behind a run of backslashes at every place around the border of a block", () => {
  // The finder's first block starts at the escaped quote.
  const border = HEAD.lastIndexOf('""') + BLOCK;
  const lead = '"messages":"';
  for (const run of [1, 2, 3, 4, 7, 8, 63, 64, 65]) {
    for (let end = border - 2; end <= border + run + 2; end++) {
      const slashes = "\\".repeat(run);
      const text = "x".repeat(end - run - HEAD.length - lead.length);
      const closed = run % 2 === 0 ? "" : '"';
      const bytes = Buffer.from(`${HEAD}${lead}${text}${slashes}"${closed},"model":"m"}`);
      const scanned = withFinder.scanObject(bytes, finderKeys);
      assert.equal(scanned.string("model"), "m", `a run of ${run} that ends at ${end}`);
      assert.equal(scanned.end("messages"), end + 1 + closed.length);
    }
  }
});

const piece = fc.tuple(
  fc.constantFrom("x", '"', "\\", '\\"', "a\nb\t", 'say "hi" ', "漢 ", "long text without anything "),
  fc.oneof(fc.nat({ max: 5 }), fc.nat({ max: 600 })),
);
const longText = fc
  .array(piece, { maxLength: 6 })
  .map((pieces) => pieces.map(([text, times]) => text.repeat(times)).join(""));
const value = fc.oneof(longText, fc.jsonValue({ maxDepth: 3 }), fc.array(longText, { maxLength: 5 }));
const big = fc
  .tuple(fc.nat({ max: 2 * BLOCK }), fc.array(value, { maxLength: 6 }), value, fc.constantFrom(0, 1))
  .map(([pad, messages, after, indent]) => {
    const members = { filler: "y".repeat(pad), messages, after, model: 'the "model"', stream: true };
    return { members, bytes: Buffer.from(HEAD + JSON.stringify(members, null, indent).slice(1)) };
  });

test("gives of any big document what JSON.parse gives", () => {
  fc.assert(
    fc.property(big, ({ members, bytes }) => {
      const scanned = withFinder.scanObject(bytes, finderKeys);
      assert.deepEqual(scanned.json("messages"), JSON.parse(JSON.stringify(members.messages)));
      assert.equal(scanned.string("model"), members.model);
      assert.equal(scanned.boolean("stream"), true);
      assertSame(bytes);
    }),
    { numRuns: 300 },
  );
});

test("takes and refuses the same as without the finder, at the same byte, however the bytes are changed", () => {
  const edit = fc.tuple(
    fc.double({ min: 0, max: 1, noNaN: true }),
    fc.oneof(fc.constantFrom(...Buffer.from('\\\\\\"""{}[],: 0\n')), fc.nat({ max: 127 })),
  );
  fc.assert(
    fc.property(big, fc.array(edit, { minLength: 1, maxLength: 3 }), ({ bytes }, edits) => {
      for (const [where, byte] of edits) bytes[Math.floor(where * (bytes.length - 1))] = byte;
      assertSame(bytes);
      const [where] = edits[0] as [number, number];
      assertSame(bytes.subarray(0, Math.floor(where * bytes.length)));
    }),
    { numRuns: 700 },
  );
});

test("skips values of part of a buffer as without the finder", () => {
  fc.assert(
    fc.property(big, fc.nat({ max: 70 }), fc.nat({ max: 2 * BLOCK }), ({ bytes }, before, offset) => {
      const whole = Buffer.concat([Buffer.alloc(before, "\\"), bytes, Buffer.from('\\""')]);
      const part = whole.subarray(before, before + bytes.length);
      assert.equal(skip(withFinder, part, 0), bytes.length);
      assert.equal(skip(withFinder, whole, before), before + bytes.length);
      assert.deepEqual(skip(withFinder, part, offset), skip(plain, part, offset));
    }),
    { numRuns: 300 },
  );
});

test("refuses a big document that ends inside a string", () => {
  for (const end of ['"', '"x', '"x\\', '"x\\"', `"${"x".repeat(2 * BLOCK)}\\"`]) {
    const bytes = Buffer.from(`${HEAD}"model":${end}`);
    assert.throws(() => withFinder.scanObject(bytes, finderKeys), { kind: "syntax", offset: bytes.length });
  }
});

test("refuses a backslash between strings where it stands", () => {
  for (const between of ["\\", "\\\\", "\\\\\\"]) {
    const bytes = Buffer.from(`${HEAD}"a":"b",${between}"model":"m"}`);
    assert.throws(() => withFinder.scanObject(bytes, finderKeys), { kind: "syntax", offset: HEAD.length + 8 });
  }
});
