import assert from "node:assert/strict";
import { test } from "node:test";
import { HeaderMap } from "../wire/headers.ts";
import { applyHeaderMutation } from "./header.ts";

const BEFORE = ["host", "a.example", "content-length", "2", "x-a", "1", "x-a", "2", "x-b", "3"];

const cases = [
  { name: "changes nothing when empty", set: [], remove: [], want: BEFORE },
  {
    name: "removes every value of a header",
    set: [],
    remove: ["x-a", "x-none"],
    want: ["host", "a.example", "content-length", "2", "x-b", "3"],
  },
  {
    name: "sets one value in place of all",
    set: [{ name: "x-a", value: "new" }],
    remove: [],
    want: ["host", "a.example", "content-length", "2", "x-a", "new", "x-b", "3"],
  },
  {
    name: "sets what it also removes",
    set: [{ name: "x-b", value: "new" }],
    remove: ["x-b"],
    want: ["host", "a.example", "content-length", "2", "x-a", "1", "x-a", "2", "x-b", "new"],
  },
];
for (const { name, set, remove, want } of cases) {
  test(`a header mutation ${name}`, () => {
    const headers = new HeaderMap([...BEFORE]);
    applyHeaderMutation(headers, { set, remove });
    assert.deepEqual(headers.flat, want);
  });
}

const PROTECTED = [
  ":path",
  ":authority",
  "x-ai-eg-model",
  "x-envoy-original-path",
  "host",
  "content-length",
  "transfer-encoding",
  "connection",
  "te",
  "upgrade",
];
for (const name of PROTECTED) {
  test(`a header mutation cannot touch ${name}`, () => {
    const headers = new HeaderMap([name, "original"]);
    applyHeaderMutation(headers, { set: [{ name, value: "changed" }], remove: [name] });
    assert.deepEqual(headers.flat, [name, "original"]);
    const without = new HeaderMap();
    applyHeaderMutation(without, { set: [{ name, value: "changed" }], remove: [] });
    assert.deepEqual(without.flat, []);
  });
}
