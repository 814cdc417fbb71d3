import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { emptyUsage, TOKENS_MAX, type TokenUsage, toBuckets, tokenCount } from "./token-usage.ts";

test("buckets do not overlap", () => {
  const usage = {
    ...emptyUsage(),
    inputTokens: 100,
    cachedInputTokens: 60,
    cacheCreationInputTokens: 10,
    cacheCreation5mInputTokens: 4,
    cacheCreation1hInputTokens: 5,
    inputAudioTokens: 7,
    inputImageTokens: 8,
    outputTokens: 50,
    outputAudioTokens: 11,
    reasoningTokens: 20,
  };
  assert.deepEqual(toBuckets(usage), {
    uncachedInput: 15,
    inputAudio: 7,
    inputImage: 8,
    cachedInput: 60,
    cacheCreationInput: 1,
    cacheCreation5mInput: 4,
    cacheCreation1hInput: 5,
    output: 19,
    outputAudio: 11,
    reasoning: 20,
  });
});

const count = fc.option(fc.nat(TOKENS_MAX), { nil: undefined });
const usages: fc.Arbitrary<TokenUsage> = fc.record({
  inputTokens: count,
  cachedInputTokens: count,
  cacheCreationInputTokens: count,
  cacheCreation5mInputTokens: count,
  cacheCreation1hInputTokens: count,
  inputAudioTokens: count,
  inputImageTokens: count,
  outputTokens: count,
  outputAudioTokens: count,
  reasoningTokens: count,
  totalTokens: count,
  estimated: fc.boolean(),
});

test("buckets of what was told without contradiction add up to it", () => {
  const part = fc.nat(1000);
  fc.assert(
    fc.property(fc.array(part, { minLength: 7, maxLength: 7 }), part, part, part, (input, audio, said, thought) => {
      const [cached = 0, for5m = 0, for1h = 0, kept = 0, heard = 0, seen = 0, text = 0] = input;
      const inputTokens = cached + for5m + for1h + kept + heard + seen + text;
      const buckets = toBuckets({
        ...emptyUsage(),
        inputTokens,
        cachedInputTokens: cached,
        cacheCreationInputTokens: for5m + for1h + kept,
        cacheCreation5mInputTokens: for5m,
        cacheCreation1hInputTokens: for1h,
        inputAudioTokens: heard,
        inputImageTokens: seen,
        outputTokens: audio + said + thought,
        outputAudioTokens: audio,
        reasoningTokens: thought,
      });
      assert.deepEqual(buckets, {
        uncachedInput: text,
        inputAudio: heard,
        inputImage: seen,
        cachedInput: cached,
        cacheCreationInput: kept,
        cacheCreation5mInput: for5m,
        cacheCreation1hInput: for1h,
        output: said,
        outputAudio: audio,
        reasoning: thought,
      });
    }),
  );
});

test("no bucket is ever negative", () => {
  fc.assert(
    fc.property(usages, (usage) => {
      assert.ok(Object.values(toBuckets(usage)).every((bucket) => bucket >= 0));
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
