import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { GatewayError } from "../errors/gateway-error.ts";
import { joinPath, pathSegment } from "./backend-path.ts";

describe("the path under a prefix", () => {
  const cases = [
    { name: "none", in: undefined, want: "/v1/embeddings" },
    { name: "an empty one", in: "", want: "/embeddings" },
    { name: "only slashes", in: "//", want: "/embeddings" },
    { name: "no slashes", in: "v1", want: "/v1/embeddings" },
    { name: "slashes around", in: "/v1beta/openai/", want: "/v1beta/openai/embeddings" },
  ];
  for (const { name, in: prefix, want } of cases) {
    it(`is right with ${name}`, () => assert.equal(joinPath(prefix, "embeddings"), want));
  }
});

describe("a model in a path", () => {
  const cases = [
    { name: "a plain name", in: "gpt-4o_mini.1", want: "gpt-4o_mini.1" },
    { name: "slashes, spaces and marks", in: "a/b c?d#e;f%", want: "a%2Fb%20c%3Fd%23e%3Bf%25" },
    { name: "colons and at signs", in: "m:20240101@x", want: "m:20240101@x" },
    { name: "half a surrogate pair", in: "a\ud800", want: "a%EF%BF%BD" },
    { name: "dots that go nowhere", in: "...", want: "..." },
    { name: "dots within a step", in: "a../..b", want: "a..%2F..b" },
    { name: "escapes", in: "a%2fb%2e", want: "a%252fb%252e" },
    { name: "the longest name", in: "a".repeat(2048), want: "a".repeat(2048) },
  ];
  for (const { name, in: model, want } of cases) {
    it(`is escaped with ${name}`, () => assert.equal(pathSegment(model), want));
  }

  const refused = [
    ...[
      "",
      ".",
      "..",
      "../..",
      "a/..",
      "a/./b",
      "..\\a",
      "a\\..\\b",
      "/..",
      "%2e%2e",
      ".%2E/a",
      "a%2f..%2Fb",
      "a%5c..%5cb",
    ],
    ...["%252e%252e%252f", "a\r\nb", "a\0", "\x7f", "a".repeat(2049)],
  ];
  for (const model of refused) {
    it(`is refused as ${JSON.stringify(model.slice(0, 20))}`, () => {
      assert.throws(
        () => pathSegment(model),
        (error) => error instanceof GatewayError && error.code === "invalid_request",
      );
    });
  }
});
