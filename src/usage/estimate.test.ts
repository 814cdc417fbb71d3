import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { estimateUsage } from "./estimate.ts";

describe("the estimate of a stream that was cut off", () => {
  const cases = [
    { name: "nothing came", in: { requestBytes: 10, events: 0, eventBytes: 0 }, want: [3, 0, 3] },
    { name: "one token an event", in: { requestBytes: 400, events: 20, eventBytes: 20 * 250 }, want: [100, 20, 120] },
    { name: "large events", in: { requestBytes: 4, events: 2, eventBytes: 2 * 1200 }, want: [1, 402, 403] },
  ];
  for (const { name, in: size, want } of cases) {
    it(`counts ${name}`, () => {
      const { inputTokens, outputTokens, totalTokens, estimated } = estimateUsage(size);
      assert.deepEqual([inputTokens, outputTokens, totalTokens], want);
      assert.equal(estimated, true);
    });
  }
});
