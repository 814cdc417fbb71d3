import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { emptyUsage, TOKENS_MAX, toBuckets, tokenCount } from "./token-usage.ts";

test("buckets do not overlap", () => {
  const usage = {
    ...emptyUsage(),
    inputTokens: 100,
    cachedInputTokens: 60,
    cacheCreationInputTokens: 10,
    outputTokens: 50,
    reasoningTokens: 20,
  };
  assert.deepEqual(toBuckets(usage), {
    uncachedInput: 30,
    cachedInput: 60,
    cacheCreationInput: 10,
    output: 30,
    reasoning: 20,
  });
});

test("no bucket is ever negative", () => {
  const count = fc.option(fc.nat(TOKENS_MAX), { nil: undefined });
  fc.assert(
    fc.property(count, count, count, count, count, (input, cached, creation, output, reasoning) => {
      const buckets = toBuckets({
        ...emptyUsage(),
        inputTokens: input,
        cachedInputTokens: cached,
        cacheCreationInputTokens: creation,
        outputTokens: output,
        reasoningTokens: reasoning,
      });
      assert.ok(Object.values(buckets).every((bucket) => bucket >= 0));
    }),
  );
});

for (const value of [
  -1,
  1.5,
  Number.NaN,
  Number.POSITIVE_INFINITY,
  2 ** 53,
  TOKENS_MAX + 1,
  "7",
  null,
  undefined,
  {},
]) {
  test(`${String(value)} of type ${typeof value} is no token count`, () => {
    assert.equal(tokenCount(value), undefined);
  });
}

test("whole numbers from 0 are token counts", () => {
  assert.deepEqual([0, 1, TOKENS_MAX].map(tokenCount), [0, 1, TOKENS_MAX]);
});
