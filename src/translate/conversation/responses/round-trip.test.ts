import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { emptyUsage } from "../../../usage/token-usage.ts";
import type { AnswerPart } from "../answer.ts";
import { isRecord } from "../read.ts";
import { withoutPaths } from "../test-paths.ts";
import { readInput } from "./items.ts";
import { writeAnswer } from "./response.ts";

const text = fc.string({ minLength: 1, maxLength: 8 });
const part: fc.Arbitrary<AnswerPart> = fc.oneof(
  fc.record({ type: fc.constantFrom("text" as const, "refusal" as const), text }),
  fc.record({ type: fc.constant("thinking" as const), text: fc.string(), signature: text }),
  fc.record({ type: fc.constant("thinking" as const), text, signature: fc.constant(undefined) }),
  fc.record({ type: fc.constant("redacted-thinking" as const), data: text }),
  fc.record({ type: fc.constant("tool-call" as const), id: text, name: text, arguments: fc.json(), signature: text }),
  fc.record({
    ...{ type: fc.constant("tool-call" as const), id: text, name: fc.constant("custom") },
    arguments: fc.string().map((input) => JSON.stringify({ input })),
  }),
);

/** The output of a response with these parts. */
function outputOf(parts: readonly AnswerPart[]): unknown {
  const choice = { parts, stopReason: "end" as const, vendorReason: undefined, stopSequence: undefined };
  const written: unknown = writeAnswer(
    {
      ...{ id: "a", model: "m", createdAt: 5, usage: emptyUsage(), serviceTier: undefined, extensions: {} },
      choices: [{ ...choice, logprobs: undefined, extensions: {} }],
    },
    {
      ...{ model: "m", includeUsage: false, requestId: "r-1", newId: () => "id", now: () => 0 },
      request: { tools: [{ type: "custom", name: "custom" }] },
    },
  );
  const sent: unknown = JSON.parse(JSON.stringify(written));
  return isRecord(sent) ? sent["output"] : undefined;
}

test("an answer that is sent back says what it said, thinking and signatures too", () => {
  fc.assert(
    fc.property(fc.array(part, { minLength: 1, maxLength: 6 }), (parts) => {
      const { turns, extensions } = readInput(outputOf(parts));
      const read = withoutPaths(JSON.parse(JSON.stringify(turns)));
      assert.deepEqual(read, [{ role: "assistant", parts: JSON.parse(JSON.stringify(parts)) }]);
      assert.deepEqual(extensions, {});
    }),
    { numRuns: 300 },
  );
});
