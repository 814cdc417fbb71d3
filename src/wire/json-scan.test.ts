import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import {
  countElements,
  DEPTH_MAX,
  JsonScanError,
  KeySet,
  type ScannedObject,
  scanObject,
  skipValue,
} from "./json-scan.ts";

const KEYS = ["model", "stream", "stream_options"];
const KEY_SET = new KeySet(KEYS);

function scan(text: string): ScannedObject {
  return scanObject(Buffer.from(text), KEY_SET);
}

/** How a scan ended: `ok`, or the kind of refusal; anything but a JsonScanError is a bug and is thrown on. */
function outcome(bytes: Uint8Array): string {
  try {
    scanObject(bytes, KEY_SET);
    return "ok";
  } catch (error) {
    if (error instanceof JsonScanError) return error.kind;
    throw error;
  }
}

/** Whether JSON.parse takes the bytes for an object. */
function parsesAsObject(bytes: Uint8Array): boolean {
  try {
    const value: unknown = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
    return typeof value === "object" && value !== null && !Array.isArray(value);
  } catch {
    // Refused, whatever for.
    return false;
  }
}

const taken = [
  { name: "an empty object", in: "{}" },
  { name: "white space everywhere", in: ' \n\t\r{ "model" : "m" ,\n"a" : [ ] , "b" : { } }\r\n ' },
  { name: "a byte order mark", in: '\ufeff{"model":"m"}' },
  { name: "every kind of value", in: '{"a":null,"b":true,"c":false,"d":"s","e":[1,"x",{}],"f":{"g":[[]]}}' },
  { name: "every form of number", in: '{"a":[0,-0,1,-12,0.5,-10.25,1e5,1E+5,1e-05,12.5e3]}' },
  { name: "escaped quotes", in: String.raw`{"a":"say \"hi\" \\","b":"\\\\","c":"\\\""}` },
  { name: "text of every plane", in: '{"ключ":"é 漢 😀"}' },
  { name: "names of the object prototype", in: '{"__proto__":{"model":1},"constructor":2,"toString":3}' },
  { name: "the same unwanted name twice", in: '{"a":1,"a":2}' },
  { name: "names that differ from a wanted one by case only, without it", in: '{"Model":1,"MODEL":2}' },
  { name: "a name one bit, but no case, away from a wanted one", in: '{"stream_options":1,"stream\x7foptions":2}' },
  { name: "a wanted name below the top", in: '{"model":"m","a":{"model":1,"Model":2}}' },
];
for (const { name, in: text } of taken) {
  test(`takes ${name}`, () => assert.equal(outcome(Buffer.from(text)), "ok"));
}

const refused = [
  { name: "nothing", in: "", kind: "syntax", offset: 0 },
  { name: "only white space", in: " \n", kind: "syntax", offset: 2 },
  { name: "an array", in: " []", kind: "not-object", offset: 1 },
  { name: "a string", in: '"{}"', kind: "not-object", offset: 0 },
  { name: "an object that is not closed", in: '{"a":1', kind: "syntax", offset: 6 },
  { name: "a string that is not closed", in: String.raw`{"a":"b\"}`, kind: "syntax", offset: 10 },
  { name: "a long string that is not closed", in: `{"a":"${"x".repeat(100)}}`, kind: "syntax", offset: 107 },
  { name: "a comma too many", in: '{"a":1,}', kind: "syntax", offset: 7 },
  { name: "a comma too many in an array", in: '{"a":[1,]}', kind: "syntax", offset: 8 },
  { name: "a missing comma", in: '{"a":1 "b":2}', kind: "syntax", offset: 7 },
  { name: "a missing colon", in: '{"a" 1}', kind: "syntax", offset: 5 },
  { name: "a missing value", in: '{"a":}', kind: "syntax", offset: 5 },
  { name: "a missing colon below the top", in: '{"a":{"b"}}', kind: "syntax", offset: 9 },
  { name: "a bare name", in: "{a:1}", kind: "syntax", offset: 1 },
  { name: "the wrong bracket", in: '{"a":[1}}', kind: "syntax", offset: 7 },
  { name: "something after the document", in: "{} {}", kind: "syntax", offset: 3 },
  { name: "a zero byte after the document", in: "{}\0", kind: "syntax", offset: 2 },
  { name: "a cut literal", in: '{"a":tru}', kind: "syntax", offset: 8 },
  { name: "a literal that goes on", in: '{"a":nullx}', kind: "syntax", offset: 9 },
  { name: "a leading zero", in: '{"a":01}', kind: "syntax", offset: 6 },
  { name: "a bare point", in: '{"a":1.}', kind: "syntax", offset: 7 },
  { name: "a plus sign", in: '{"a":+1}', kind: "syntax", offset: 5 },
  { name: "an empty exponent", in: '{"a":1e}', kind: "syntax", offset: 7 },
  { name: "a bare minus", in: '{"a":-}', kind: "syntax", offset: 6 },
  { name: "NaN", in: '{"a":NaN}', kind: "syntax", offset: 5 },
  { name: "a comment", in: '{/**/"a":1}', kind: "syntax", offset: 1 },
  { name: "a second byte order mark", in: "\ufeff\ufeff{}", kind: "not-object", offset: 3 },
  { name: "a wanted name twice", in: '{"model":1,"model":2}', kind: "duplicate", offset: 11 },
  { name: "a wanted name again in escapes", in: '{"model":1,"mod\\u0065l":2}', kind: "duplicate", offset: 11 },
  { name: "a wanted name again in other case", in: '{"model":1,"Model":2}', kind: "duplicate", offset: 11 },
  { name: "a wanted name after one in other case", in: '{"MODEL":1,"model":2}', kind: "duplicate", offset: 11 },
  { name: "another case in escapes", in: '{"model":1,"\\u004dodel":2}', kind: "duplicate", offset: 11 },
  { name: "a long s for an s", in: '{"stream":true,"ſtream":false}', kind: "duplicate", offset: 15 },
  { name: "a top-level name with a bad escape", in: String.raw`{"mod\el":1}`, kind: "syntax", offset: 1 },
];
for (const { name, in: text, kind, offset } of refused) {
  test(`refuses ${name}`, () => {
    assert.throws(() => scan(text), { name: "JsonScanError", kind, offset });
  });
}

test("refuses bytes that are not UTF-8, wherever they are", () => {
  const bytes = Buffer.from('{"a":"x"}');
  for (const bad of [[0xff], [0xc0, 0xaf], [0xed, 0xa0, 0x80], [0xe2, 0x82]]) {
    const broken = Buffer.concat([bytes.subarray(0, 6), Buffer.from(bad), bytes.subarray(6)]);
    assert.equal(outcome(broken), "utf8");
  }
});

test("says what it stumbled over without quoting the text", () => {
  assert.throws(() => scan('{"a":1]'), { message: 'unexpected character "]" at byte 6' });
  assert.throws(() => scan('{"a":\x01}'), { message: "unexpected byte 0x01 at byte 5" });
  assert.throws(() => scan('{"a":'), { message: "unexpected end of the text at byte 5" });
});

test("takes nesting up to the cap and refuses one more, arrays and objects alike", () => {
  const nest = (open: string, close: string, times: number) =>
    Buffer.from(`{"a":${open.repeat(times)}1${close.repeat(times)}}`);
  for (const [open, close] of [
    ["[", "]"],
    ['{"b":', "}"],
  ] as const) {
    assert.equal(outcome(nest(open, close, DEPTH_MAX - 1)), "ok");
    assert.equal(outcome(nest(open, close, DEPTH_MAX)), "depth");
  }
  assert.equal(outcome(Buffer.from(`{"a":${"[".repeat(1_000_000)}`)), "depth");
});

test("gives values, kinds and places of wanted members", () => {
  const text =
    '\n{ "stream" : true, "other":[{"model":"x"}], "model":"gpt-4\\u006f \\"mini\\"" , "stream_options": {"a":[1]}}';
  const scanned = scan(text);
  assert.equal(scanned.string("model"), 'gpt-4o "mini"');
  assert.equal(scanned.boolean("stream"), true);
  assert.deepEqual(scanned.json("stream_options"), { a: [1] });
  assert.equal(text.slice(scanned.start("stream_options"), scanned.end("stream_options")), '{"a":[1]}');
  assert.equal(scanned.keyStart("model"), text.indexOf('"model":"gpt'));
  assert.equal(scanned.open, 1);
  assert.equal(scanned.close, text.length - 1);
  assert.equal(scanned.empty, false);
  assert.equal(scan("{ }").empty, true);
});

const kinds = [
  { name: "a string", in: '"m"', want: ["string", "m", undefined] },
  { name: "a number", in: "-1.5", want: ["number", undefined, undefined] },
  { name: "true", in: "true", want: ["boolean", undefined, true] },
  { name: "false", in: "false", want: ["boolean", undefined, false] },
  { name: "null", in: "null", want: ["null", undefined, undefined] },
  { name: "an object", in: "{}", want: ["object", undefined, undefined] },
  { name: "an array", in: "[]", want: ["array", undefined, undefined] },
];
for (const { name, in: value, want } of kinds) {
  test(`tells ${name} from other kinds`, () => {
    const scanned = scan(`{"model":${value}}`);
    assert.deepEqual([scanned.kind("model"), scanned.string("model"), scanned.boolean("model")], want);
  });
}

test("answers for a member that is absent", () => {
  const scanned = scan('{"a":"model"}');
  assert.equal(scanned.has("model"), false);
  assert.equal(scanned.kind("model"), "absent");
  assert.equal(scanned.json("model"), undefined);
  assert.deepEqual([scanned.start("model"), scanned.end("model"), scanned.keyStart("model")], [-1, -1, -1]);
});

test("lets nobody ask for a key that was not looked for", () => {
  assert.throws(() => scan('{"a":1}').has("a"), /invariant/);
});

test("finds a wanted member written in escapes", () => {
  assert.equal(scan('{"\\u006dodel":"m"}').string("model"), "m");
});

test("decodes any wanted string as JSON.parse does", () => {
  for (const text of ["", "gpt-4o", "é 漢 😀", "\ufeffm", "\u2028\x7f", "a\\b", "\0"]) {
    assert.equal(scan(JSON.stringify({ model: text })).string("model"), text);
  }
  fc.assert(
    fc.property(fc.string({ unit: "grapheme", maxLength: 12 }), (text) => {
      assert.equal(scan(JSON.stringify({ model: text })).string("model"), text);
    }),
    { numRuns: 500 },
  );
});

test("decodes wanted strings strictly and does not look into others", () => {
  for (const value of ['"a\\qb"', '"a\nb"', '"\\u12g4"']) {
    assert.throws(() => scan(`{"model":${value}}`).string("model"), {
      name: "JsonScanError",
      kind: "syntax",
      offset: 9,
    });
    assert.equal(outcome(Buffer.from(`{"other":${value}}`)), "ok");
  }
});

test("skips one value and nothing after it", () => {
  const values = ['"a\\"b"', "12.5e3", "true", "null", "[]", '[1, {"a": "]"}]', '{"a" : [ ] }'];
  for (const value of values) assert.equal(skipValue(Buffer.from(`x${value} ,1`), 1), 1 + value.length);
  for (const cut of ["", "[1", '"abc', `"${"x".repeat(40)}`, "-", "tru"]) {
    assert.throws(() => skipValue(Buffer.from(cut), 0), { name: "JsonScanError", offset: cut.length });
  }
});

/** A name as JSON with some of its characters in escapes. */
function spell(name: string, escaped: readonly boolean[]): string {
  const spelled = Array.from({ length: name.length }, (_, i) =>
    escaped[i % Math.max(1, escaped.length)] === true
      ? `\\u${name.charCodeAt(i).toString(16).padStart(4, "0")}`
      : JSON.stringify(name.charAt(i)).slice(1, -1),
  );
  return `"${spelled.join("")}"`;
}

const space = fc.stringMatching(/^[ \n\r\t]{0,2}$/);
const member = fc.record({
  name: fc.oneof(
    fc.constantFrom(...KEYS, "Model", "STREAM", "messages"),
    fc.string({ unit: "grapheme", maxLength: 8 }),
  ),
  escaped: fc.array(fc.boolean(), { maxLength: 4 }),
  value: fc.jsonValue({ stringUnit: "grapheme", maxDepth: 3 }),
  indent: fc.constantFrom(0, 1),
  space,
});

/** Reads a document as the scanner is meant to: members by name, or `duplicate`. */
function expected(members: readonly { name: string; value: unknown }[]): unknown {
  const values = KEYS.map((key) => {
    const same = members.filter(({ name }) => name.toLowerCase().toUpperCase() === key.toUpperCase());
    const exact = same.filter(({ name }) => name === key);
    return exact.length > 0 && same.length > 1 ? "duplicate" : exact[0]?.value;
  });
  return values.includes("duplicate") ? "duplicate" : values;
}

function actual(text: string): unknown {
  const kind = outcome(Buffer.from(text));
  if (kind !== "ok") return kind;
  const scanned = scan(text);
  return KEYS.map((key) => scanned.json(key));
}

test("reads of any document what JSON.parse reads, and sees every duplicate", () => {
  fc.assert(
    fc.property(fc.array(member, { maxLength: 6 }), (members) => {
      const clean = members.map((one) => ({ ...one, value: JSON.parse(JSON.stringify(one.value)) as unknown }));
      const texts = clean.map(
        (one) =>
          `${spell(one.name, one.escaped)}${one.space}:${one.space}${JSON.stringify(one.value, null, one.indent)}`,
      );
      assert.deepEqual(actual(`{${texts.join(" ,\n")}}`), expected(clean));
    }),
    { numRuns: 500 },
  );
});

test("takes exactly the structures that JSON.parse takes", () => {
  const token = fc.constantFrom(
    ...'{ } [ ] , : " - + . 0 7 e E t {} [] 1 "a" "a": ,"b": true null false 12.5 -3 1e9'.split(" "),
    " ",
  );
  fc.assert(
    fc.property(fc.array(token, { maxLength: 9 }), fc.boolean(), (tokens, closed) => {
      const bytes = Buffer.from(`{"a":${tokens.join("")}${closed ? "}" : ""}`);
      assert.equal(outcome(bytes) === "ok", parsesAsObject(bytes));
    }),
    { numRuns: 5000 },
  );
});

const SAMPLE = Buffer.from(
  String.raw`{"model":"gpt-4o","messages":[{"role":"user","content":"say \"hi\" \\ é 😀"}],"n":-1.5e3,"stream":true,"x":[null,{}]}`,
);

test("refuses what is cut off, at every byte", () => {
  for (let end = 0; end < SAMPLE.length; end++) assert.notEqual(outcome(SAMPLE.subarray(0, end)), "ok");
  assert.equal(outcome(SAMPLE), "ok");
});

test("refuses nothing that JSON.parse takes, but for duplicates, however the bytes are changed", () => {
  const offset = fc.nat({ max: SAMPLE.length - 1 });
  const byte = fc.oneof(fc.constantFrom(...Buffer.from('{}[],:"\\ 0e-\n')), fc.nat({ max: 255 }));
  fc.assert(
    fc.property(fc.array(fc.tuple(offset, byte), { minLength: 1, maxLength: 3 }), offset, (edits, cut) => {
      const bytes = Buffer.from(SAMPLE);
      for (const [at, value] of edits) bytes[at] = value;
      const whole = outcome(bytes);
      assert.ok(!parsesAsObject(bytes) || whole === "ok" || whole === "duplicate", whole);
      const without = Buffer.concat([bytes.subarray(0, cut), bytes.subarray(cut + 1)]);
      const shorter = outcome(without);
      assert.ok(!parsesAsObject(without) || shorter === "ok" || shorter === "duplicate", shorter);
    }),
    { numRuns: 3000 },
  );
});

test("never reads a string's end where JSON.parse does not", () => {
  const piece = fc.constantFrom("\\\\", '\\"', "\\n", "x", "long text of more than sixteen bytes ", "{", "]", ",");
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 12 }), (pieces) => {
      const bytes = Buffer.from(`{"a":"${pieces.join("")}","model":"m"}`);
      assert.equal(scanObject(bytes, KEY_SET).string("model"), "m");
    }),
    { numRuns: 1000 },
  );
});

test("counts the elements of any array, whatever the spacing", () => {
  fc.assert(
    fc.property(fc.array(fc.jsonValue()), fc.constantFrom(undefined, 2), (array, indent) => {
      const bytes = Buffer.from(JSON.stringify({ before: '\\"', model: array }, null, indent));
      assert.equal(countElements(bytes, scanObject(bytes, KEY_SET).start("model")), array.length);
    }),
  );
});
