import assert from "node:assert/strict";
import { test } from "node:test";
import type { Decision, Demand, Reservation } from "./admission.ts";
import type { LimiterOptions, WithoutStore } from "./limiter.ts";
import { testLimit } from "./test-limit.ts";
import { DistantStore, FakeClock, type Fate, limiterIn } from "./test-world.ts";

const START_MS = Date.UTC(2026, 0, 1);
/** As long as a store may take to fail. */
const CALL_MS = 50;
const limit = testLimit({ requestCost: 0, amount: 1_000, window: { type: "fixed", durationMs: 3_600_000 } });

function world(withoutStore: WithoutStore, parts: Partial<LimiterOptions> = {}) {
  const clock = new FakeClock(START_MS);
  const store = new DistantStore(clock, CALL_MS);
  const limiter = limiterIn(clock, store, { withoutStore, ...parts });
  const fail = (fate: Fate) => {
    store.fates = Array.from({ length: 1_000 }, () => fate);
  };
  const mend = () => {
    store.fates = [];
  };
  return { clock, store, limiter, fail, mend };
}

function demand(answerEstimate: number, parts: Partial<Demand> = {}): Demand {
  return { limit, values: [], answerEstimate, assumed: 0, ...parts };
}

function admitted(decision: Decision | Promise<Decision>): Reservation {
  assert.ok(!(decision instanceof Promise), "decided at once");
  assert.ok(decision.admitted, "admitted");
  return decision.reservation;
}

test("fail-open: requests pass, are counted, and the store is told when it is back", async () => {
  const { clock, limiter, fail, mend } = world("fail-open");
  fail("refused");
  for (let i = 0; i < 10; i++) admitted(await clock.during(4 * CALL_MS, limiter.admit([demand(500)]))).settle([300]);
  assert.equal(limiter.stats.bypassed, 10);
  assert.equal(limiter.stats.storeUp, false);
  mend();
  await clock.advance(1_500);
  assert.equal(limiter.stats.storeUp, true);
  const [state] = await clock.during(200, limiter.read([demand(0)]));
  assert.equal(state?.used, 3_000);
  assert.equal((await clock.during(400, limiter.admit([demand(1)]))).admitted, false);
});

test("fail-closed: requests are told that limits cannot be checked, and pass again when the store is back", async () => {
  const { clock, limiter, fail, mend } = world("fail-closed");
  fail("refused");
  const decision = await clock.during(4 * CALL_MS, limiter.admit([demand(1)]));
  assert.deepEqual(decision, { admitted: false, refusal: { why: "unavailable" } });
  assert.equal(limiter.stats.unavailable, 1);
  mend();
  await clock.advance(1_500);
  admitted(await clock.during(4 * CALL_MS, limiter.admit([demand(1)])));
});

test("local-share: a gateway admits its part, and the store is told when it is back", async () => {
  const { clock, limiter, fail, mend } = world("local-share", { replicas: 4 });
  fail("refused");
  const decisions: boolean[] = [];
  for (let i = 0; i < 6; i++) {
    const decision = await clock.during(4 * CALL_MS, limiter.admit([demand(100)]));
    if (decision.admitted) decision.reservation.settle([100]);
    decisions.push(decision.admitted);
  }
  assert.deepEqual(decisions, [true, true, false, false, false, false]);
  mend();
  await clock.advance(1_500);
  const [state] = await clock.during(200, limiter.read([demand(0)]));
  assert.equal(state?.used, 200);
});

test("after some failures nobody waits for the store, which is tried once a second", async () => {
  const { clock, store, limiter, fail } = world("fail-open");
  fail("refused");
  for (let i = 0; i < 3; i++) await clock.during(4 * CALL_MS, limiter.admit([demand(1)]));
  const before = store.calls;
  for (let i = 0; i < 100; i++) {
    admitted(limiter.admit([demand(1, { limit: { ...limit, id: `other-${i}` } })])).settle([1]);
    await clock.advance(50);
  }
  assert.ok(store.calls - before <= 6, `${store.calls - before} calls in five seconds`);
});

test("what is leased goes on being used while the store is away, until the lease ends", async () => {
  const { clock, limiter, fail } = world("fail-closed", { leaseMs: 2_000 });
  for (let i = 0; i < 40; i++) {
    void Promise.resolve(limiter.admit([demand(1)])).then((decision) => admitted(decision).settle([1]));
    await clock.advance(10);
  }
  fail("refused");
  admitted(limiter.admit([demand(1)])).settle([1]);
  await clock.advance(2_500);
  assert.equal((await clock.during(4 * CALL_MS, limiter.admit([demand(1)]))).admitted, false);
});

test("a charge whose answer is lost is charged once", async () => {
  const { clock, store, limiter } = world("fail-open");
  admitted(await clock.during(4 * CALL_MS, limiter.admit([demand(100)]))).settle([70]);
  store.fates = ["lost", "lost"];
  await clock.advance(3_000);
  const [state] = await clock.during(200, limiter.read([demand(0)]));
  assert.equal(state?.used, 70);
  assert.equal(limiter.stats.storeErrors, 2);
});

test("one counter that cannot be used does not take the others with it", async () => {
  const { clock, store, limiter } = world("fail-closed");
  const broken = { ...limit, id: "broken" };
  const lease = store.lease.bind(store);
  store.lease = async (process, requests) => {
    const replies = await lease(process, requests);
    return replies.map((reply, i) =>
      requests[i]?.key.includes("broken") ? new Error("wrong type") : reply,
    ) as typeof replies;
  };
  for (let i = 0; i < 5; i++) {
    const both = [limiter.admit([demand(1)]), limiter.admit([demand(1, { limit: broken })])];
    const [good, bad] = await clock.during(4 * CALL_MS, Promise.all(both));
    assert.deepEqual([good?.admitted, bad?.admitted], [true, false]);
  }
  assert.equal(limiter.stats.storeUp, true);
});

test("a gateway's own limits do not need the shared store", async () => {
  const own = new DistantStore(new FakeClock(START_MS), 0).inner;
  const { clock, limiter, fail } = world("fail-closed", { ownStore: own });
  fail("refused");
  const ownLimit = { ...limit, id: "own", counted: "gateway" as const, amount: 1 };
  admitted(limiter.admit([demand(1, { limit: ownLimit })]));
  assert.equal((await clock.during(4 * CALL_MS, limiter.admit([demand(1)]))).admitted, false);
});

test("closing tells the store everything and gives back what is held", async () => {
  const { clock, store, limiter } = world("fail-open");
  admitted(await clock.during(4 * CALL_MS, limiter.admit([demand(100)]))).settle([70]);
  await clock.during(500, limiter.close());
  const other = limiterIn(clock, store, { process: "other" });
  const [state] = await clock.during(200, other.read([demand(0)]));
  assert.deepEqual([state?.used, state?.reserved], [70, 0]);
});
