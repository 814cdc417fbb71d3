import assert from "node:assert/strict";
import { test } from "node:test";
import { limitUseMetrics } from "./limit-metrics.ts";
import type { KnownCounter } from "./remembered.ts";
import { testLimit } from "./test-limit.ts";

function known(id: string, used: number, amount: number): KnownCounter {
  const state = { limit: testLimit({ id }), amount, used, remaining: amount - used, resetAtMs: 0 };
  return { key: `${id}/${used}`, state, toldMs: 0 };
}

test("how far a limit is used up is told of its fullest counter, and not of what its alerts count", () => {
  const counters = [
    known("a", 2, 10),
    known("a", 5, 10),
    known("a", 1, 10),
    known("a/alert/50", 1, 1),
    known("b", 0, 0),
  ];
  const [ratios] = limitUseMetrics(counters, []);
  assert.deepEqual(ratios?.series, [
    { labels: 'limit="a"', values: [0.5] },
    { labels: 'limit="b"', values: [1] },
  ]);
});
