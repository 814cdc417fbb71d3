import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { headerEdits } from "./header-edits.ts";

const cases: readonly { name: string; seen: string[]; wanted: string[]; set: string[]; remove: string[] }[] = [
  { name: "equal headers need no edit", seen: ["a", "1", "b", "2"], wanted: ["b", "2", "a", "1"], set: [], remove: [] },
  { name: "another value is set", seen: ["a", "1"], wanted: ["a", "2"], set: ["a", "2"], remove: [] },
  { name: "a new header is set", seen: [], wanted: ["a", "1"], set: ["a", "1"], remove: [] },
  { name: "what is not wanted is removed once", seen: ["a", "1", "a", "2"], wanted: [], set: [], remove: ["a"] },
  { name: "a value too many is set anew", seen: ["a", "1", "a", "2"], wanted: ["a", "1"], set: ["a", "1"], remove: [] },
  { name: "several values become one", seen: ["a", "1"], wanted: ["a", "1", "a", "2"], set: ["a", "1, 2"], remove: [] },
  { name: "equal lists of values stay", seen: ["a", "1", "a", "2"], wanted: ["a", "1", "a", "2"], set: [], remove: [] },
  {
    name: "pseudo headers, host and the body's length stay",
    seen: [":path", "/x", "host", "h", "content-length", "3"],
    wanted: ["content-length", "9"],
    set: [],
    remove: [],
  },
];

for (const { name, seen, wanted, set, remove } of cases) {
  test(name, () => assert.deepEqual(headerEdits(seen, wanted), { set, remove }));
}

/** Envoy's side: sets replace all values of a name. */
function apply(seen: readonly string[], { set, remove }: { set: string[]; remove: string[] }): Map<string, string> {
  const values = new Map<string, string>();
  for (let i = 0; i < seen.length; i += 2) {
    const name = seen[i] as string;
    const before = values.get(name);
    values.set(name, before === undefined ? (seen[i + 1] as string) : `${before}, ${seen[i + 1]}`);
  }
  for (const name of remove) values.delete(name);
  for (let i = 0; i < set.length; i += 2) values.set(set[i] as string, set[i + 1] as string);
  return values;
}

test("the edits make any headers into any others", () => {
  const headers = fc
    .array(fc.tuple(fc.constantFrom("a", "b", "c"), fc.constantFrom("1", "2")))
    .map((list) => list.flat());
  fc.assert(
    fc.property(headers, headers, (seen, wanted) => {
      const none = { set: [], remove: [] };
      assert.deepEqual([...apply(seen, headerEdits(seen, wanted))].sort(), [...apply(wanted, none)].sort());
    }),
  );
});
