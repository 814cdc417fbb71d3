import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { GENERATE_CONTENT } from "./generate-content.ts";
import { findEndpoint } from "./registry.ts";

describe("a path with the model in it", () => {
  const cases = [
    {
      name: "one answer",
      in: "/v1beta/models/gemini-2.5-flash:generateContent",
      want: ["gemini-2.5-flash", false, false],
    },
    { name: "an array", in: "/v1/models/m:streamGenerateContent", want: ["m", true, true] },
    { name: "events", in: "/v1/models/m:streamGenerateContent?key=k&alt=sse", want: ["m", true, false] },
    { name: "a model with a colon", in: "/v1/models/a.b-v2:0:generateContent", want: ["a.b-v2:0", false, false] },
    { name: "a model with slashes", in: "/v1/models/org/m:generateContent", want: ["org/m", false, false] },
    { name: "an encoded model", in: "/v1/models/org%2Fm%20x:generateContent", want: ["org/m x", false, false] },
    { name: "a stray %", in: "/v1/models/100%:generateContent", want: ["100%", false, false] },
  ];
  for (const { name, in: target, want } of cases) {
    it(`is read for ${name}`, () => {
      const parsed = GENERATE_CONTENT.parse?.(Buffer.from("{}"), "application/json", target);
      assert.deepEqual([parsed?.model, parsed?.stream, parsed?.asJsonArray], want);
      assert.equal(findEndpoint(target.split("?")[0] ?? "")?.name, "generate-content");
    });
  }

  for (const path of [
    "/v1beta/models/:generateContent",
    "/v1beta/models/m:countTokens",
    "/v1beta/models/m:generateContent/",
    "/v1beta/models",
    "/models/m:generateContent",
  ]) {
    it(`is none of ours: ${path}`, () => assert.equal(findEndpoint(path), undefined));
  }
});
