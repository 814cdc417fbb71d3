import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { applyBodyMutation, prepareBodyMutation } from "./body.ts";

function mutate(body: string, set: Readonly<Record<string, string>>, remove: readonly string[] = []): string {
  const mutation = { set: Object.entries(set).map(([path, value]) => ({ path, value })), remove };
  return Buffer.from(applyBodyMutation(Buffer.from(body), prepareBodyMutation(mutation))).toString();
}

const values = [
  { name: "text", in: "flex", want: '"flex"' },
  { name: "text in quotes", in: '"flex"', want: '"flex"' },
  { name: "a number", in: "0.5", want: "0.5" },
  { name: "what only resembles a number", in: "1-2", want: '"1-2"' },
  { name: "true", in: "true", want: "true" },
  { name: "null", in: "null", want: "null" },
  { name: "an object", in: '{"a": [1]}', want: '{"a": [1]}' },
  { name: "what only resembles an object", in: "{a}", want: '"{a}"' },
  { name: "a list", in: "[1,2]", want: "[1,2]" },
  { name: "nothing", in: "", want: '""' },
  { name: "text that needs escapes", in: 'a"b\n', want: '"a\\"b\\n"' },
];
for (const { name, in: value, want } of values) {
  test(`a body mutation writes ${name} as it is meant`, () => {
    assert.equal(mutate('{"a":1}', { a: value }), `{"a":${want}}`);
  });
}

const sets = [
  {
    name: "replaces a value, leaving the rest as it was",
    in: '{ "a" : 1.0 , "b":"\\u0041" }',
    path: "a",
    want: '{ "a" : 9 , "b":"\\u0041" }',
  },
  { name: "appends an absent name", in: '{"a":1}', path: "b", want: '{"a":1,"b":9}' },
  { name: "fills an empty object", in: "{ }", path: "b", want: '{"b":9 }' },
  { name: "goes into objects", in: '{"a":{"b":{"c":1}}}', path: "a.b.c", want: '{"a":{"b":{"c":9}}}' },
  { name: "makes missing parents", in: '{"a":{}}', path: "a.b.c", want: '{"a":{"b":{"c":9}}}' },
  { name: "takes the place of a scalar parent", in: '{"a":null}', path: "a.b", want: '{"a":{"b":9}}' },
  { name: "replaces an element", in: '{"a":[1, 2,3]}', path: "a.1", want: '{"a":[1, 9,3]}' },
  { name: "goes into elements", in: '{"a":[{"b":1},{"b":2}]}', path: "a.1.b", want: '{"a":[{"b":1},{"b":9}]}' },
  { name: "appends to an array", in: '{"a":[1,2]}', path: "a.-1", want: '{"a":[1,2,9]}' },
  { name: "appends to an empty array", in: '{"a":[]}', path: "a.-1", want: '{"a":[9]}' },
  { name: "appends an object to an array", in: '{"a":[1]}', path: "a.-1.b", want: '{"a":[1,{"b":9}]}' },
  { name: "fills an array up to a position", in: '{"a":[1]}', path: "a.3", want: '{"a":[1,null,null,9]}' },
  { name: "makes an array for a position", in: "{}", path: "a.1", want: '{"a":[null,9]}' },
  { name: "makes an array to append to", in: "{}", path: "a.-1", want: '{"a":[9]}' },
  { name: "takes a number for a name in an object", in: '{"a":{"1":1}}', path: "a.1", want: '{"a":{"1":9}}' },
  { name: "takes an escaped dot for part of a name", in: '{"a.b":1}', path: "a\\.b", want: '{"a.b":9}' },
  { name: "makes an object where a number is forced to be a name", in: "{}", path: "a.:1", want: '{"a":{"1":9}}' },
  { name: "leaves an array that is asked for a name", in: '{"a":[1]}', path: "a.b", want: '{"a":[1]}' },
  { name: "finds a name written in escapes", in: '{"\\u0061":1}', path: "a", want: '{"\\u0061":9}' },
  { name: "sets every one of a repeated name", in: '{"a":1,"b":2,"a":3}', path: "a", want: '{"a":9,"b":2,"a":9}' },
  {
    name: "takes names of the object prototype for data",
    in: "{}",
    path: "__proto__.x",
    want: '{"__proto__":{"x":9}}',
  },
];
for (const { name, in: body, path, want } of sets) {
  test(`setting in a body ${name}`, () => assert.equal(mutate(body, { [path]: "9" }), want));
}

const removals = [
  { name: "takes a member", in: '{"a":1, "b":2, "c":3}', path: "b", want: '{"a":1, "c":3}' },
  { name: "takes the last member", in: '{"a":{"b":1}}', path: "a.b", want: '{"a":{}}' },
  { name: "takes an element", in: '{"a":[1,2,3]}', path: "a.0", want: '{"a":[2,3]}' },
  { name: "takes the last element", in: '{"a":[1,2,3]}', path: "a.-1", want: '{"a":[1,2]}' },
  { name: "takes a member of an element", in: '{"a":[{"b":1,"c":2}]}', path: "a.0.b", want: '{"a":[{"c":2}]}' },
  { name: "takes every one of a repeated name", in: '{"a":1,"b":2,"a":3,"a":4}', path: "a", want: '{"b":2}' },
  {
    name: "takes what is under every one of a repeated name",
    in: '{"a":{"b":1},"a":{"b":2}}',
    path: "a.b",
    want: '{"a":{},"a":{}}',
  },
  { name: "leaves a body without the name", in: '{"a":1}', path: "b", want: '{"a":1}' },
  { name: "leaves a body without the position", in: '{"a":[1]}', path: "a.1", want: '{"a":[1]}' },
  { name: "leaves a scalar on the way", in: '{"a":1}', path: "a.b", want: '{"a":1}' },
];
for (const { name, in: body, path, want } of removals) {
  test(`removing from a body ${name}`, () => assert.equal(mutate(body, {}, [path]), want));
}

test("a body mutation removes before it sets", () => {
  assert.equal(mutate('{"a":1,"b":2}', { a: "3" }, ["a"]), '{"b":2,"a":3}');
});

test("a byte order mark stays where it is", () => {
  assert.equal(mutate('\ufeff{"a":1}', { a: "2" }), '\ufeff{"a":2}');
});

for (const body of ["", " ", "[1]", '"a"', "text", '{"a":1', '{"a":1,}', '{"a" 1}', '{"a":[1 2]}', '{"\\x":1}', "{"]) {
  test(`a body mutation leaves ${JSON.stringify(body)} as it is`, () => {
    assert.equal(mutate(body, { b: "2" }, ["a"]), body);
  });
}

test("an empty mutation, and one that finds nothing, give back the very same bytes", () => {
  const body = Buffer.from('{"a":1}');
  assert.equal(applyBodyMutation(body, prepareBodyMutation({ set: [], remove: [] })), body);
  assert.equal(applyBodyMutation(body, prepareBodyMutation({ set: [], remove: ["b", "a.c"] })), body);
});

test("what was set is read back by its path, in any document", () => {
  const name = fc.constantFrom("a", "b", "c.d", "e");
  const document = fc.dictionary(name, fc.dictionary(name, fc.jsonValue()));
  fc.assert(
    fc.property(
      document,
      name,
      name,
      fc.jsonValue(),
      fc.constantFrom(undefined, 2),
      (object, outer, inner, value, indent) => {
        const path = [outer, inner].map((key) => key.replace(".", "\\.")).join(".");
        const before = JSON.parse(JSON.stringify(object)) as typeof object;
        const json = JSON.stringify(value);
        const after: unknown = JSON.parse(mutate(JSON.stringify(object, null, indent), { [path]: json }));
        assert.deepEqual(after, { ...before, [outer]: { ...before[outer], [inner]: JSON.parse(json) as unknown } });
      },
    ),
  );
});
