import assert from "node:assert/strict";
import { test } from "node:test";
import { HeaderMap } from "./headers.ts";

test("names are lower-cased, order and repetitions are kept", () => {
  const headers = HeaderMap.fromRaw(["Accept", "a", "X-Tag", "1", "x-tag", "2"]);
  assert.deepEqual(headers.flat, ["accept", "a", "x-tag", "1", "x-tag", "2"]);
  assert.equal(headers.get("x-tag"), "1");
  assert.equal(headers.get("absent"), undefined);
});

test("set replaces every value of a name and leaves the others where they are", () => {
  const headers = new HeaderMap(["a", "1", "b", "2", "a", "3", "c", "4"]);
  headers.set("a", "9");
  assert.deepEqual(headers.flat, ["a", "9", "b", "2", "c", "4"]);
  headers.set("d", "5");
  assert.deepEqual(headers.flat, ["a", "9", "b", "2", "c", "4", "d", "5"]);
});

test("remove takes every value of a name", () => {
  const headers = new HeaderMap(["a", "1", "b", "2", "a", "3"]);
  headers.remove("a");
  assert.deepEqual(headers.flat, ["b", "2"]);
  headers.remove("a");
  assert.deepEqual(headers.flat, ["b", "2"]);
});

test("a clone does not share its list", () => {
  const headers = new HeaderMap(["a", "1"]);
  headers.clone().append("b", "2");
  assert.deepEqual(headers.flat, ["a", "1"]);
});

test("names of objects' own members are names like others", () => {
  const headers = HeaderMap.fromRaw(["__proto__", "x", "constructor", "y"]);
  assert.equal(headers.get("__proto__"), "x");
  assert.equal(headers.has("toString"), false);
});
