import assert from "node:assert/strict";
import { test } from "node:test";
import { RememberedCounters } from "./remembered.ts";
import { testLimit } from "./test-limit.ts";

function counter(key: string, used: number, resetAtMs = 1000) {
  const limit = testLimit({ amount: 100 });
  return { key, state: { limit, amount: 100, used, remaining: 100 - used, resetAtMs }, toldMs: 1 };
}

test("of each limit the counters that were used most are remembered, each once", () => {
  const remembered = new RememberedCounters();
  for (let i = 1; i <= 30; i++) remembered.note(counter(`k${i}`, i));
  remembered.note(counter("k30", 40));
  const used = remembered.at(0).map(({ key, state }) => [key, state.used]);
  assert.deepEqual(used.slice(0, 2), [
    ["k30", 40],
    ["k29", 29],
  ]);
  assert.equal(used.length, 10);
});

test("a counter is forgotten when its window ends", () => {
  const remembered = new RememberedCounters();
  remembered.note(counter("short", 5, 10));
  remembered.note(counter("long", 4));
  const keysAt = (nowMs: number) => remembered.at(nowMs).map(({ key }) => key);
  assert.deepEqual([keysAt(9), keysAt(10), keysAt(1000), keysAt(0)], [["short", "long"], ["long"], [], []]);
});
