import assert from "node:assert/strict";
import { test } from "node:test";
import { withoutParams } from "./places.ts";

for (const { name, in: target, want } of [
  { name: "no query", in: "/v1/models", want: "/v1/models" },
  { name: "others only", in: "/v1?a=1&b=%20", want: "/v1?a=1&b=%20" },
  { name: "the only one", in: "/v1?key=x", want: "/v1" },
  { name: "one between others", in: "/v1?a=%31&key=x&b", want: "/v1?a=%31&b" },
  { name: "one in disguise", in: "/v1?k%65y=x&a=1", want: "/v1?a=1" },
  { name: "several", in: "/v1?key=x&key=y&a", want: "/v1?a" },
  { name: "one without value", in: "/v1?key", want: "/v1" },
]) {
  test(`credentials are taken out of a query: ${name}`, () => {
    assert.equal(withoutParams(target, new Set(["key"])), want);
  });
}
