import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { KeySet, scanObject } from "./json-scan.ts";
import { editFields, removeField, setField } from "./json-splice.ts";

const KEYS = new KeySet(["model"]);

function scan(text: string) {
  return scanObject(Buffer.from(text), KEYS);
}

const sets = [
  {
    name: "replaces a value and nothing else",
    in: '{ "a":1.50, "model" : "x" ,"b":[]}',
    want: '{ "a":1.50, "model" : "new" ,"b":[]}',
  },
  { name: "replaces a value of another kind", in: '{"model":{"a":[1]}}', want: '{"model":"new"}' },
  { name: "keeps a name written in escapes", in: '{"\\u006dodel":1}', want: '{"\\u006dodel":"new"}' },
  { name: "appends an absent member", in: '{"a":1}', want: '{"a":1,"model":"new"}' },
  { name: "appends right after the last value", in: '{\n  "a": 1\n}\n', want: '{\n  "a": 1,"model":"new"\n}\n' },
  { name: "fills an empty object", in: "{}", want: '{"model":"new"}' },
  { name: "fills an empty object with white space", in: " { } ", want: ' {"model":"new" } ' },
  { name: "keeps a byte order mark", in: '\ufeff{"model":1}', want: '\ufeff{"model":"new"}' },
];
for (const { name, in: text, want } of sets) {
  test(`setting a field ${name}`, () => {
    assert.equal(Buffer.from(setField(scan(text), "model", '"new"')).toString(), want);
  });
}

const removals = [
  { name: "takes the only member", in: '{ "model" : 1 }', want: "{  }" },
  { name: "takes the first member with the comma after it", in: '{"model":1 , "b":2}', want: '{"b":2}' },
  { name: "takes the last member with the comma before it", in: '{"a":1 , "model":2 }', want: '{"a":1  }' },
  { name: "takes a member in the middle", in: '{"a":1,\n"model":[2],\n"b":3}', want: '{"a":1,\n"b":3}' },
];
for (const { name, in: text, want } of removals) {
  test(`removing a field ${name}`, () => {
    assert.equal(Buffer.from(removeField(scan(text), "model")).toString(), want);
  });
}

test("removing an absent field gives back the very same bytes", () => {
  const scanned = scan('{"a":1}');
  assert.equal(removeField(scanned, "model"), scanned.bytes);
});

test("an edit counts bytes, not characters", () => {
  const edited = setField(scan('{"ü":"漢","model":"é","z":"😀"}'), "model", '"ключ"');
  assert.equal(Buffer.from(edited).toString(), '{"ü":"漢","model":"ключ","z":"😀"}');
});

test("an edited document parses to the edited object, in any layout", () => {
  const name = fc.constantFrom("a", "b", "model", "c");
  const document = fc.tuple(fc.dictionary(name, fc.jsonValue()), fc.constantFrom(undefined, 2, "\t"));
  fc.assert(
    fc.property(document, fc.jsonValue(), ([object, indent], value) => {
      const text = JSON.stringify(object, null, indent);
      const plain = JSON.parse(text) as Record<string, unknown>;
      const edited = setField(scan(text), "model", JSON.stringify(value));
      assert.deepEqual(JSON.parse(edited.toString()), {
        ...plain,
        model: JSON.parse(JSON.stringify(value)) as unknown,
      });
      const { model: _, ...rest } = plain;
      assert.deepEqual(JSON.parse(removeField(scan(text), "model").toString()), rest);
    }),
  );
});

const edits = [
  { name: "sets, adds and removes", in: '{"model":"x","a":1,"stream":true}', want: '{"model":"y","a":1,"version":2}' },
  { name: "adds to what is empty once all is removed", in: '{ "stream":true }', want: '{ "version":2 }' },
];
for (const { name, in: text, want } of edits) {
  test(`an edit of several fields ${name}`, () => {
    const scanned = scanObject(Buffer.from(text), new KeySet(["model", "stream", "version"]));
    const model = scanned.has("model") ? { model: '"y"' } : {};
    assert.equal(Buffer.from(editFields(scanned, { ...model, stream: undefined, version: "2" })).toString(), want);
  });
}

test("an edit of several fields gives what the same edits of the object give", () => {
  const key = fc.constantFrom("a", "b", "c", "d", "e");
  const document = fc.tuple(fc.dictionary(key, fc.jsonValue()), fc.constantFrom(undefined, 2));
  const changes = fc.dictionary(fc.constantFrom("a", "b", "c"), fc.option(fc.jsonValue(), { nil: undefined }));
  fc.assert(
    fc.property(document, changes, ([object, indent], changed) => {
      const bytes = Buffer.from(JSON.stringify(object, null, indent));
      const json = Object.entries(changed).map(([name, value]) => [
        name,
        value === undefined ? undefined : JSON.stringify(value),
      ]);
      const edited = editFields(scanObject(bytes, new KeySet(["a", "b", "c"])), Object.fromEntries(json));
      const want = JSON.parse(JSON.stringify({ ...object, ...changed })) as unknown;
      assert.deepEqual(JSON.parse(Buffer.from(edited).toString()), want);
    }),
  );
});
