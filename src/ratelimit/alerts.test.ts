import assert from "node:assert/strict";
import { test } from "node:test";
import { isAlert, LimitAlerts } from "./alerts.ts";
import { Limiter } from "./limiter.ts";
import { MemoryStore } from "./memory-store.ts";
import { testLimit } from "./test-limit.ts";

const LIMIT = testLimit({
  amount: 10,
  alerts: [50, 80],
  requestCost: 5,
  per: [{ from: "header", name: "x-api-key" }],
});

/** Two processes with one store. */
function processes() {
  const nowMs = () => 60_000;
  const store = new MemoryStore({ nowMs });
  const lines: Readonly<Record<string, unknown>>[] = [];
  const log = { info: () => undefined, warn: (_: string, fields = {}) => void lines.push(fields) };
  const timers = { start: () => undefined, stop: () => undefined };
  const all = ["a", "b"].map((process) => {
    const limiter = new Limiter({ store, process, nowMs, timers, log, withoutStore: "fail-open", replicas: 1 });
    return { limiter, alerts: new LimitAlerts({ limiter, nowMs, log }) };
  });
  return { all, lines };
}

test("an alert is told by one of the processes that see it, once, and no secret with it", async () => {
  const { all, lines } = processes();
  const demand = { limit: LIMIT, values: ["sk-1234"], answerEstimate: 0, assumed: 0 };
  for (const { limiter, alerts } of all) {
    const decision = await limiter.admit([demand]);
    assert.ok(decision.admitted);
    const [share] = decision.reservation.shares;
    assert.ok(share);
    alerts.look(share);
    alerts.look(share);
    await new Promise(setImmediate);
  }
  assert.deepEqual(
    lines.map(({ limit, threshold, used, amount }) => [limit, threshold, used, amount]),
    [
      ["Test default/limit", 50, "5", "10"],
      ["Test default/limit", 80, "10", "10"],
    ],
  );
  assert.equal(JSON.stringify(lines).includes("sk-1234"), false);
  assert.deepEqual(
    all.map(({ alerts }) => alerts.counts),
    [[{ limit: LIMIT.id, threshold: 50, count: 1 }], [{ limit: LIMIT.id, threshold: 80, count: 1 }]],
  );
});

test("counters of alerts are told from those of limits", () => {
  assert.deepEqual([isAlert({ id: `${LIMIT.id}/alert/50` }), isAlert(LIMIT)], [true, false]);
});
