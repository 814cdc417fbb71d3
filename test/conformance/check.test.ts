import assert from "node:assert/strict";
import { test } from "node:test";
import { checkFields, checkText, sumSeries } from "./check.ts";

const EXPOSITION = `# TYPE requests counter
requests{model="a, \\"b\\"}",status="200"} 2
requests{status="500",model="c"} 3
requests_total 7
`;

const sums = [
  { name: "all series of a name", in: "requests", want: 5 },
  { name: "one label", in: 'requests{status="500"}', want: 3 },
  { name: "labels in another order", in: 'requests{model="c",status="500"}', want: 3 },
  { name: "a value with quotes, commas and braces", in: 'requests{model="a, \\"b\\"}"}', want: 2 },
  { name: "a series without labels", in: "requests_total", want: 7 },
  { name: "nothing", in: 'requests{status="404"}', want: 0 },
];

for (const { name, in: selector, want } of sums) {
  test(`series are summed by name and labels: ${name}`, () => {
    assert.equal(sumSeries(EXPOSITION, selector), want);
  });
}

const fields = [
  { name: "another value", seen: { a: 1 }, want: { a: 2 } },
  { name: "no match", seen: { a: "x" }, want: { a: /y/ } },
  { name: "there but unwanted", seen: { a: 1 }, want: { a: undefined } },
];

for (const { name, seen, want } of fields) {
  test(`a wrong field fails the check: ${name}`, () => {
    assert.throws(() => checkFields("field", seen, want), assert.AssertionError);
  });
}

const texts = [
  { name: "another text", seen: "a", want: "b" },
  { name: "no match", seen: "a", want: /b/ },
  { name: "no JSON", seen: "a", want: { json: {} } },
  { name: "JSON that lacks a member", seen: '{"a":1}', want: { json: { b: 1 } } },
];

for (const { name, seen, want } of texts) {
  test(`a wrong text fails the check: ${name}`, () => {
    assert.throws(() => checkText("text", seen, want), assert.AssertionError);
  });
}

test("right fields and texts pass", () => {
  checkFields("field", { a: 1, b: "xy" }, { a: 1, b: /x/, c: undefined });
  checkText("text", '{"a":{"b":1,"c":2}}', { json: { a: { b: 1 } } });
});
