import assert from "node:assert/strict";
import { mock, test } from "node:test";
import { ActiveCalls, TICK_MS, type Timed } from "./active-calls.ts";

class Call implements Timed {
  slot = -1;
  readonly ticks: number[] = [];

  tick(nowMs: number): void {
    this.ticks.push(nowMs);
  }
}

test("ticks what is under way, and runs no timer when nothing is", () => {
  mock.timers.enable({ apis: ["setInterval"] });
  let now = 0;
  const calls = new ActiveCalls<Call>(() => now);
  const call = new Call();
  calls.add(call);
  now = 50;
  mock.timers.tick(TICK_MS);
  now = 100;
  mock.timers.tick(TICK_MS);
  assert.deepEqual(call.ticks, [50, 100]);
  calls.remove(call);
  mock.timers.tick(TICK_MS);
  calls.add(call);
  now = 200;
  mock.timers.tick(TICK_MS);
  assert.deepEqual(call.ticks, [50, 100, 200]);
  mock.timers.reset();
});

test("removal keeps every other call, in whatever order calls end", () => {
  const calls = new ActiveCalls<Call>(() => 0);
  const [a, b, c, d] = [new Call(), new Call(), new Call(), new Call()];
  for (const call of [a, b, c, d]) calls.add(call);
  calls.remove(b);
  calls.remove(b);
  assert.deepEqual(new Set(calls.all()), new Set([a, c, d]));
  calls.remove(d);
  calls.remove(a);
  assert.deepEqual(calls.all(), [c]);
  assert.equal(
    calls.find((call) => call === c),
    c,
  );
  calls.remove(c);
  assert.equal(calls.size, 0);
});
