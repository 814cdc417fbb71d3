import assert from "node:assert/strict";
import { test } from "node:test";
import { answerCall, IpcStore } from "./ipc-store.ts";
import { Limiter } from "./limiter.ts";
import { MemoryStore } from "./memory-store.ts";
import { testLimit } from "./test-limit.ts";

/** A worker whose messages travel as JSON, as those between processes do. */
function worker(store: MemoryStore, name: string): Limiter {
  const ipc = new IpcStore((call) => {
    void answerCall(store, JSON.parse(JSON.stringify(call))).then((answer) => {
      ipc.answer(JSON.parse(JSON.stringify(answer)));
    });
  });
  return new Limiter({
    store: ipc,
    process: name,
    nowMs: Date.now,
    withoutStore: "fail-closed",
    replicas: 1,
    log: { info: () => undefined, warn: () => undefined },
  });
}

for (const window of [{ type: "never" }, { type: "calendar", unit: "year", timeZone: "UTC" }] as const) {
  test(`workers admit together exactly what fits, window ${window.type}`, async () => {
    const store = new MemoryStore({ nowMs: Date.now });
    const workers = ["a", "b", "c"].map((name) => worker(store, name));
    const limit = testLimit({ requestCost: 0, amount: 1_000, window });
    const demand = { limit, values: [], answerEstimate: 7, assumed: 0 };
    const decisions = await Promise.all(
      workers.flatMap((limiter) => Array.from({ length: 70 }, () => limiter.admit([demand]))),
    );
    assert.equal(decisions.filter(({ admitted }) => admitted).length, 142);
    await Promise.all(workers.map((limiter) => limiter.close()));
  });
}

test("a failure of the supervisor's store is told", async () => {
  const store = new MemoryStore({ nowMs: () => assert.fail("no clock") });
  const period = { startMs: 0, endMs: -1, fromMs: 0, repeats: false };
  const amounts = { limit: 1, sequence: 1, spent: 0, reserved: 0, spare: 0, needed: [], assumed: 0, wanted: 0 };
  const answer = await answerCall(store, { call: 3, process: "a", requests: [{ key: "k", period, ...amounts }] });
  assert.deepEqual(answer, { call: 3, error: "no clock" });
});
