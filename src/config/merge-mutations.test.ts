import assert from "node:assert/strict";
import { test } from "node:test";
import { mergeBodyMutations, mergeHeaderMutations } from "./merge-mutations.ts";

test("the ref's header wins over the backend's of the same name in any case", () => {
  const merged = mergeHeaderMutations(
    {
      set: [
        { name: "X-Team", value: "backend" },
        { name: "x-only", value: "1" },
      ],
      remove: ["X-Gone", "x-a"],
    },
    { set: [{ name: "x-team", value: "ref" }], remove: ["x-gone", "X-B"] },
  );
  assert.deepEqual(merged, {
    set: [
      { name: "x-team", value: "ref" },
      { name: "x-only", value: "1" },
    ],
    remove: ["x-gone", "x-a", "x-b"],
  });
});

test("the ref's field wins over the backend's of the same path, whose case counts", () => {
  const merged = mergeBodyMutations(
    {
      set: [
        { path: "tier", value: "backend" },
        { path: "Tier", value: "1" },
      ],
      remove: ["a", "b"],
    },
    { set: [{ path: "tier", value: "ref" }], remove: ["b", "c"] },
  );
  assert.deepEqual(merged, {
    set: [
      { path: "tier", value: "ref" },
      { path: "Tier", value: "1" },
    ],
    remove: ["a", "b", "c"],
  });
});

test("a side without mutation changes nothing", () => {
  const header = { set: [{ name: "x-a", value: "1" }], remove: ["x-b"] };
  const body = { set: [{ path: "a", value: "1" }], remove: ["b"] };
  assert.deepEqual(mergeHeaderMutations(header, undefined), header);
  assert.deepEqual(mergeHeaderMutations(undefined, header), header);
  assert.deepEqual(mergeBodyMutations(body, undefined), body);
  assert.deepEqual(mergeBodyMutations(undefined, body), body);
  assert.deepEqual(mergeBodyMutations(undefined, undefined), { set: [], remove: [] });
});
