import assert from "node:assert/strict";
import { test } from "node:test";
import { suggest } from "./suggest.ts";

const CASES = [
  { name: "a swap of neighbours is one edit", in: ["naem", ["name", "game"]], want: "name" },
  { name: "letter case costs nothing", in: ["openai", ["OpenAI"]], want: "OpenAI" },
  { name: "the nearest of several is taken", in: ["backendRef", ["backend", "backendRefs"]], want: "backendRefs" },
  { name: "a missing letter is one edit", in: ["AIGatwayRoute", ["AIGatewayRoute"]], want: "AIGatewayRoute" },
  { name: "what is too far away is not meant", in: ["zzz", ["name"]], want: undefined },
  { name: "a short word allows one edit", in: ["ab", ["ba", "xyz"]], want: "ba" },
  { name: "nothing is near nothing", in: ["", ["a"]], want: "a" },
  { name: "there may be no candidates", in: ["name", []], want: undefined },
] as const;

for (const {
  name,
  in: [word, candidates],
  want,
} of CASES) {
  test(name, () => assert.equal(suggest(word, candidates), want));
}

test("words of any length are compared in reasonable time", () => {
  assert.equal(suggest("x".repeat(100_000), ["y".repeat(100_000)]), undefined);
});
