import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { GatewayError } from "../../errors/gateway-error.ts";
import { dataUrl, flag, integer, list, number, record, remaining, requiredList, requiredText, text } from "./read.ts";

describe("a value of the wrong kind is refused with its path and kind", () => {
  const cases = [
    { name: "a number for a text", read: () => text(5, "a.b"), want: "a.b: must be a string, not a number" },
    { name: "a text for a number", read: () => number("5", "n"), want: "n: must be a number, not a string" },
    { name: "a fraction for a whole number", read: () => integer(1.5, "n"), want: "n: must be a whole number" },
    { name: "a text for a boolean", read: () => flag("true", "f"), want: "f: must be a boolean, not a string" },
    { name: "an array for an object", read: () => record([], "o"), want: "o: must be an object, not an array" },
    { name: "an object for an array", read: () => list({}, "l"), want: "l: must be an array, not an object" },
    { name: "nothing", read: () => requiredText(undefined, "t"), want: "t: must be a string and is missing" },
    { name: "null", read: () => requiredList(null, "l"), want: "l: must be an array, not null" },
  ];
  for (const { name, read, want } of cases) {
    it(name, () => {
      assert.throws(read, (error) => {
        assert.ok(error instanceof GatewayError);
        assert.deepEqual([error.code, error.message], ["invalid_request", `malformed request: ${want}`]);
        return true;
      });
    });
  }
});

describe("a data URL", () => {
  const cases = [
    { name: "is taken apart", in: "data:image/png;base64,AAAA", want: { mimeType: "image/png", data: "AAAA" } },
    {
      name: "may be written in any case, with parameters",
      in: "DATA:Text/Plain;charset=utf-8;BASE64,AAAA",
      want: { mimeType: "text/plain", data: "AAAA" },
    },
    { name: "may have no type", in: "data:;base64,AAAA", want: { mimeType: "", data: "AAAA" } },
    { name: "may be text", in: "data:text/plain,a%20b", want: { mimeType: "text/plain", data: "YSBi" } },
    { name: "may have a stray percent sign", in: "data:,5%", want: { mimeType: "", data: "NSU=" } },
    { name: "has a comma", in: "data:image/png;base64", want: undefined },
    { name: "is no other URL", in: "https://example.com/a,b", want: undefined },
  ];
  for (const { name, in: url, want } of cases) it(name, () => assert.deepEqual(dataUrl(url), want));
});

it("what remains of a document is what was not read and says something", () => {
  assert.deepEqual(remaining({ a: 1, b: null, c: undefined, d: false }, new Set(["a"])), { d: false });
});
