import assert from "node:assert/strict";
import { test } from "node:test";
import type { Limit } from "../config/limits.ts";
import type { Decision, Demand, Reservation } from "./admission.ts";
import type { Limiter } from "./limiter.ts";
import { MemoryStore } from "./memory-store.ts";
import { testLimit } from "./test-limit.ts";
import { DistantStore, FakeClock, limiterIn } from "./test-world.ts";

const START_MS = Date.UTC(2026, 0, 1);

function world() {
  const clock = new FakeClock(START_MS);
  const limiter = limiterIn(clock, new MemoryStore({ nowMs: () => clock.nowMs }));
  return { clock, limiter };
}

function tokens(parts: Partial<Limit> = {}): Limit {
  return testLimit({ requestCost: 0, amount: 1_000, unit: "tokens", ...parts });
}

function demand(limit: Limit, answerEstimate = 0, parts: Partial<Demand> = {}): Demand {
  return { limit, values: [], answerEstimate, assumed: 0, ...parts };
}

function admitted(decision: Decision | Promise<Decision>): Reservation {
  assert.ok(!(decision instanceof Promise), "decided at once");
  assert.ok(decision.admitted, "admitted");
  return decision.reservation;
}

function refusedBy(decision: Decision | Promise<Decision>): string {
  assert.ok(!(decision instanceof Promise), "decided at once");
  assert.ok(!decision.admitted && decision.refusal.why === "exhausted", "refused");
  return decision.refusal.refusing.limit.id;
}

function used(limiter: Limiter, limit: Limit, values: readonly string[] = []): Promise<number | undefined> {
  const reading = limiter.read([demand(limit, 0, { values })]);
  return reading.then(([state]) => state?.used);
}

test("requests are admitted up to the limit, and again in the next window", async () => {
  const { clock, limiter } = world();
  const limit = testLimit({ amount: 3 });
  for (let i = 0; i < 3; i++) admitted(limiter.admit([demand(limit)])).settle([0]);
  refusedBy(limiter.admit([demand(limit)]));
  await clock.advance(59_999);
  refusedBy(limiter.admit([demand(limit)]));
  await clock.advance(1);
  admitted(limiter.admit([demand(limit)]));
});

test("200 requests whose sum exceeds the limit: as many are admitted as fit", () => {
  const { limiter } = world();
  const limit = tokens();
  const decisions = Array.from({ length: 200 }, () => limiter.admit([demand(limit, 7)]));
  assert.equal(decisions.filter((decision) => !(decision instanceof Promise) && decision.admitted).length, 142);
});

test("what an answer did not cost is free at once", () => {
  const { limiter } = world();
  const limit = tokens();
  const first = admitted(limiter.admit([demand(limit, 1_000)]));
  refusedBy(limiter.admit([demand(limit, 1)]));
  first.settle([400]);
  admitted(limiter.admit([demand(limit, 600)]));
  refusedBy(limiter.admit([demand(limit, 1)]));
});

test("an answer that was never given costs nothing but the request itself", async () => {
  const { limiter } = world();
  const limit = tokens({ requestCost: 10 });
  admitted(limiter.admit([demand(limit, 500)])).release();
  assert.equal(await used(limiter, limit), 10);
});

test("an answer whose cost cannot be told costs what was reserved", async () => {
  const { limiter } = world();
  const limit = tokens();
  admitted(limiter.admit([demand(limit, 500)])).settle([undefined]);
  assert.equal(await used(limiter, limit), 500);
});

test("settling and releasing happen once", async () => {
  const { limiter } = world();
  const limit = tokens();
  const reservation = admitted(limiter.admit([demand(limit, 500)]));
  reservation.settle([100]);
  reservation.settle([100]);
  reservation.release();
  assert.equal(await used(limiter, limit), 100);
});

test("an answer that costs more than was reserved is charged all of it", async () => {
  const { limiter } = world();
  const limit = tokens();
  admitted(limiter.admit([demand(limit, 100)])).settle([5_000]);
  assert.equal(await used(limiter, limit), 5_000);
  refusedBy(limiter.admit([demand(limit, 1)]));
});

test("a request larger than the limit is admitted alone", () => {
  const { limiter } = world();
  const limit = tokens();
  const large = admitted(limiter.admit([demand(limit, 70_000)]));
  refusedBy(limiter.admit([demand(limit, 1)]));
  large.settle([10]);
  refusedBy(limiter.admit([demand(limit, 70_000)]));
  admitted(limiter.admit([demand(limit, 990)]));
});

test("what is only assumed is held as far as it is free, and is no reason to refuse", () => {
  const { limiter } = world();
  const limit = tokens();
  const first = admitted(limiter.admit([demand(limit, 300, { assumed: 5_000 })]));
  assert.equal(first.tightest(START_MS)?.state(START_MS).remaining, 0);
  refusedBy(limiter.admit([demand(limit, 1)]));
  first.settle([300]);
  admitted(limiter.admit([demand(limit, 700, { assumed: 5_000 })]));
});

test("a limit that is used up refuses also what is estimated to cost nothing", () => {
  const { limiter } = world();
  const limit = tokens();
  admitted(limiter.admit([demand(limit, 1_000)])).settle([1_000]);
  refusedBy(limiter.admit([demand(limit, 0)]));
});

test("a limit of nothing refuses everything", () => {
  const { limiter } = world();
  refusedBy(limiter.admit([demand(tokens({ amount: 0 }), 0)]));
  refusedBy(limiter.admit([demand(testLimit({ amount: 0, admission: "check" }))]));
});

test("all limits must have room, and none is charged when one has not", async () => {
  const { limiter } = world();
  const [wide, narrow] = [tokens({ id: "wide" }), tokens({ id: "narrow", amount: 10 })];
  admitted(limiter.admit([demand(narrow, 5)]));
  assert.equal(refusedBy(limiter.admit([demand(wide, 11), demand(narrow, 6)])), "narrow");
  assert.equal(await used(limiter, wide), 0);
});

test("values have counters of their own", () => {
  const { limiter } = world();
  const limit = testLimit({ amount: 1, per: [{ from: "caller", name: "team" }] });
  admitted(limiter.admit([demand(limit, 0, { values: ["red"] })]));
  admitted(limiter.admit([demand(limit, 0, { values: ["blue"] })]));
  refusedBy(limiter.admit([demand(limit, 0, { values: ["red"] })]));
});

test("checked limits admit while anything is left, and see requests under way", async () => {
  const { limiter } = world();
  const limit = testLimit({ admission: "check", requestCost: 4, amount: 10 });
  for (let i = 0; i < 3; i++) admitted(limiter.admit([demand(limit)]));
  refusedBy(limiter.admit([demand(limit)]));
  assert.equal(await used(limiter, limit), 12);
});

test("checked limits on answers hold nothing for them", () => {
  const { limiter } = world();
  const limit = tokens({ admission: "check", amount: 100 });
  const all = Array.from({ length: 300 }, () => admitted(limiter.admit([demand(limit, 50)])));
  all[0]?.settle([99]);
  admitted(limiter.admit([demand(limit, 50)]));
  all[1]?.settle([1]);
  refusedBy(limiter.admit([demand(limit, 50)]));
});

test("shadow limits are charged and never refuse", async () => {
  const { limiter } = world();
  const limit = testLimit({ amount: 2, shadow: true });
  for (let i = 0; i < 5; i++) admitted(limiter.admit([demand(limit)])).settle([0]);
  assert.equal(await used(limiter, limit), 5);
});

test("a group lets pass while one member has room, and all members are charged", async () => {
  const { limiter } = world();
  const [small, large] = [
    testLimit({ id: "small", group: "g", amount: 1 }),
    testLimit({ id: "large", group: "g", amount: 3 }),
  ];
  for (let i = 0; i < 3; i++) admitted(limiter.admit([demand(small), demand(large)])).settle([]);
  refusedBy(limiter.admit([demand(small), demand(large)]));
  assert.deepEqual([await used(limiter, small), await used(limiter, large)], [3, 3]);
});

test("what is extra counts until its time", async () => {
  const { clock, limiter } = world();
  const limit = testLimit({ amount: 1, extra: [{ amount: 2, untilMs: START_MS + 5_000 }] });
  for (let i = 0; i < 3; i++) admitted(limiter.admit([demand(limit)]));
  refusedBy(limiter.admit([demand(limit)]));
  await clock.advance(5_000);
  const [state] = await limiter.read([demand(limit)]);
  assert.deepEqual([state?.amount, state?.used, state?.remaining], [1, 3, 0]);
});

test("another amount counts at once, also for what was used before", () => {
  const { limiter } = world();
  for (let i = 0; i < 2; i++) admitted(limiter.admit([demand(testLimit({ amount: 2 }))]));
  refusedBy(limiter.admit([demand(testLimit({ amount: 2 }))]));
  admitted(limiter.admit([demand(testLimit({ amount: 3 }))]));
  refusedBy(limiter.admit([demand(testLimit({ amount: 1 }))]));
});

test("a rolling window gives back step by step", async () => {
  const { clock, limiter } = world();
  const limit = testLimit({ amount: 2, window: { type: "rolling", durationMs: 60_000 } });
  admitted(limiter.admit([demand(limit)])).settle([]);
  await clock.advance(30_000);
  const second = admitted(limiter.admit([demand(limit)]));
  second.settle([]);
  assert.equal(second.tightest(clock.nowMs)?.state(clock.nowMs).resetAtMs, START_MS + 61_000);
  await clock.advance(30_999);
  refusedBy(limiter.admit([demand(limit)]));
  await clock.advance(1);
  admitted(limiter.admit([demand(limit)]));
  refusedBy(limiter.admit([demand(limit)]));
});

test("what a reservation of the last window costs is charged to the next", async () => {
  const { clock, limiter } = world();
  const limit = tokens();
  const long = admitted(limiter.admit([demand(limit, 600)]));
  await clock.advance(60_000);
  refusedBy(limiter.admit([demand(limit, 500)]));
  long.settle([600]);
  refusedBy(limiter.admit([demand(limit, 500)]));
  admitted(limiter.admit([demand(limit, 400)]));
});

test("counters nobody uses are forgotten, those with requests under way are not", async () => {
  const { clock, limiter } = world();
  const limit = tokens({ per: [{ from: "caller", name: "user" }] });
  const values = Array.from({ length: 100 }, (_, i) => [`user-${i}`]);
  const [first, ...others] = values.map((value) => admitted(limiter.admit([demand(limit, 5, { values: value })])));
  for (const reservation of others) reservation.settle([5]);
  await clock.advance(10_000);
  assert.equal(limiter.stats.counters, 1);
  first?.settle([5]);
  await clock.advance(10_000);
  assert.equal(limiter.stats.counters, 0);
  assert.equal(await used(limiter, limit, ["user-0"]), 5);
});

test("two processes share what one of them held ahead", async () => {
  const clock = new FakeClock(START_MS);
  const store = new DistantStore(clock, 1);
  const [a, b] = [limiterIn(clock, store, { process: "a" }), limiterIn(clock, store, { process: "b" })];
  const limit = tokens({ amount: 10_000 });
  for (let i = 0; i < 20; i++)
    void Promise.resolve(a.admit([demand(limit, 10)])).then((it) => admitted(it).settle([10]));
  await clock.advance(20);
  for (let i = 0; i < 20; i++)
    void Promise.resolve(a.admit([demand(limit, 10)])).then((it) => admitted(it).settle([10]));
  await clock.advance(1);
  admitted(await clock.during(300, b.admit([demand(limit, 9_600)])));
  refusedBy(await clock.during(300, a.admit([demand(limit, 1)])));
});

test("many decisions in a row cost few questions to a distant store", async () => {
  const clock = new FakeClock(START_MS);
  const store = new DistantStore(clock, 1);
  const limiter = limiterIn(clock, store);
  const limit = tokens({ amount: 1_000_000_000 });
  for (let i = 0; i < 200; i++) {
    for (let n = 0; n < 10; n++) {
      void Promise.resolve(limiter.admit([demand(limit, 100)])).then((it) => admitted(it).settle([60]));
    }
    await clock.advance(5);
  }
  await clock.advance(200);
  assert.equal(limiter.stats.admitted, 2_000);
  assert.equal(await clock.during(10, used(limiter, limit)), 120_000);
  assert.ok(store.calls < 40, `${store.calls} calls`);
});

for (const skewMs of [-300_000, 300_000]) {
  test(`a process whose clock is ${skewMs} ms off counts in the store's windows`, async () => {
    const clock = new FakeClock(START_MS + 30_000);
    const store = new DistantStore(clock, 2);
    const right = limiterIn(clock, store, { process: "right" });
    const wrong = limiterIn(clock, store, { process: "wrong", nowMs: () => clock.nowMs + skewMs });
    for (const window of [
      { type: "fixed", durationMs: 60_000 },
      { type: "calendar", unit: "hour", timeZone: "UTC" },
    ] as const) {
      const limit = testLimit({ id: window.type, amount: 5, window });
      const decisions: boolean[] = [];
      for (let i = 0; i < 8; i++) {
        const decision = await clock.during(400, (i % 2 === 0 ? right : wrong).admit([demand(limit)]));
        decisions.push(decision.admitted);
      }
      assert.equal(decisions.filter(Boolean).length, 5);
      const [mine] = await clock.during(10, wrong.read([demand(limit)]));
      const [theirs] = await clock.during(10, right.read([demand(limit)]));
      const apartMs = (mine?.resetAtMs ?? 0) - (theirs?.resetAtMs ?? 0);
      assert.ok(Math.abs(apartMs - skewMs) <= 2, `${apartMs}`);
    }
  });
}

test("what a request has given back is there for the next one at another process", async () => {
  const clock = new FakeClock(0);
  const store = new DistantStore(clock, 1);
  const [one, two] = ["one", "two"].map((process) => limiterIn(clock, store, { process }));
  const limit = testLimit({ requestCost: 0, unit: "tokens", amount: 60 });
  const demand: Demand = { limit, values: [], answerEstimate: 2, assumed: 1024 };
  assert.ok(one && two);
  const admitted = [];
  for (const limiter of [one, two, one, two]) {
    // As soon as the answer before has ended.
    const decision = await clock.during(150, limiter.admit([demand]));
    admitted.push(decision.admitted);
    if (decision.admitted) decision.reservation.settle([18]);
  }
  assert.deepEqual(admitted, [true, true, true, true]);
  const refused = await clock.during(300, one.admit([demand]));
  assert.equal(refused.admitted, false);
});

test("who comes while another process holds all waits a moment for it to end, and is refused then", async () => {
  const clock = new FakeClock(0);
  const store = new DistantStore(clock, 1);
  const [one, two] = ["one", "two"].map((process) => limiterIn(clock, store, { process }));
  const limit = testLimit({ requestCost: 0, unit: "tokens", amount: 60 });
  const demand: Demand = { limit, values: [], answerEstimate: 60, assumed: 0 };
  const first = await clock.during(10, one?.admit([demand]));
  assert.ok(first?.admitted);
  const ended = two?.admit([demand]);
  await clock.advance(20);
  first.reservation.release();
  assert.equal((await clock.during(100, ended))?.admitted, true);
  const startMs = clock.nowMs;
  let refusedAtMs = 0;
  const refused = Promise.resolve(one?.admit([demand])).then((decision) => {
    refusedAtMs = clock.nowMs;
    return decision;
  });
  assert.equal((await clock.during(500, refused))?.admitted, false);
  assert.ok(refusedAtMs - startMs <= 200, `refused after ${refusedAtMs - startMs} ms`);
});
