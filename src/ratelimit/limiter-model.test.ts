import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { LimitWindow } from "../config/limits.ts";
import type { Decision, Demand, Reservation } from "./admission.ts";
import type { Limiter } from "./limiter.ts";
import { testLimit } from "./test-limit.ts";
import { DistantStore, FakeClock, type Fate, limiterIn } from "./test-world.ts";

const START_MS = Date.UTC(2026, 0, 1);
const AMOUNT = 1_000;
const PROCESSES = 3;
const ROUND_TRIP_MS = 2;
/** Longer than a process keeps to itself what was spent. */
const UNTOLD_MS = 200;
const LEASE_MS = 3_000;

interface Process {
  readonly limiter: Limiter;
  isAlive: boolean;
}

interface Held {
  readonly process: Process;
  readonly estimate: number;
  readonly reservation: Reservation;
}

/** What truly happens, beside what the limiters and their store believe. */
class World {
  readonly clock = new FakeClock(START_MS);
  readonly store = new DistantStore(this.clock, ROUND_TRIP_MS, LEASE_MS);
  readonly #limit: ReturnType<typeof testLimit>;
  readonly #periodMs: number;
  readonly #processes: Process[];
  #held: Held[] = [];
  #settled: { readonly atMs: number; readonly cost: number; readonly process: Process }[] = [];
  #births = 0;

  constructor(window: LimitWindow) {
    this.#limit = testLimit({ requestCost: 0, amount: AMOUNT, window });
    this.#periodMs = window.type === "fixed" ? window.durationMs : Number.POSITIVE_INFINITY;
    this.#processes = Array.from({ length: PROCESSES }, () => this.#born());
  }

  /** More than the limit held or spent at one time. */
  readonly violations: string[] = [];

  /** Asks for room; resolves to whether there was. */
  async admit(at: number, estimate: number): Promise<boolean> {
    const process = this.#processes[at];
    assert.ok(process);
    const decision = await process.limiter.admit([this.#demand(estimate)]);
    return this.#took(process, estimate, decision);
  }

  settle(at: number, part: number): void {
    const held = this.#end(at);
    if (held === undefined) return;
    const cost = Math.floor(held.estimate * part);
    held.reservation.settle([cost]);
    this.#settled.push({ atMs: this.clock.nowMs, cost, process: held.process });
  }

  release(at: number): void {
    this.#end(at)?.reservation.release();
  }

  /** Ends a process without a word; another takes its place. Returns what it may not have told. */
  die(at: number): number {
    const process = this.#processes[at];
    assert.ok(process);
    process.isAlive = false;
    this.#processes[at] = this.#born();
    this.#held = this.#held.filter((held) => held.process !== process);
    const untold = this.#settled.filter((it) => it.process === process && it.atMs >= this.clock.nowMs - UNTOLD_MS);
    return untold.reduce((sum, { cost }) => sum + cost, 0);
  }

  /** Ends all that is under way. */
  settleAll(): void {
    while (this.#held.length > 0) this.settle(0, 1);
  }

  /** In the period under way. */
  get spent(): number {
    const { nowMs } = this.clock;
    const startMs = this.#periodMs === Number.POSITIVE_INFINITY ? 0 : nowMs - (nowMs % this.#periodMs);
    return this.#settled.reduce((sum, { atMs, cost }) => (atMs >= startMs ? sum + cost : sum), 0);
  }

  /** As the store says. */
  async reading(): Promise<{ readonly used: number; readonly reserved: number }> {
    const [state] = (await this.clock.during(10, this.#processes[0]?.limiter.read([this.#demand(0)]))) ?? [];
    assert.ok(state);
    return { used: state.used - state.reserved, reserved: state.reserved };
  }

  #took(process: Process, estimate: number, decision: Decision): boolean {
    if (!decision.admitted) return false;
    if (!process.isAlive) return false;
    this.#held.push({ process, estimate, reservation: decision.reservation });
    const reserved = this.#held.reduce((sum, held) => sum + held.estimate, 0);
    if (this.spent + reserved > AMOUNT) this.violations.push(`${this.spent} spent and ${reserved} held`);
    return true;
  }

  #end(at: number): Held | undefined {
    return this.#held.splice(at % Math.max(1, this.#held.length), 1)[0];
  }

  #demand(estimate: number): Demand {
    return { limit: this.#limit, values: [], answerEstimate: estimate, assumed: 0 };
  }

  #born(): Process {
    const { clock } = this;
    const process: Process = {
      limiter: limiterIn(clock, this.store, {
        process: `p${++this.#births}`,
        leaseMs: LEASE_MS,
        timers: {
          start: (run, ms) => clock.start(() => process.isAlive && run(), ms),
          stop: (timer) => clock.stop(timer),
        },
      }),
      isAlive: true,
    };
    return process;
  }
}

const part = fc.double({ min: 0, max: 1, noNaN: true });
const working = [
  {
    weight: 6,
    arbitrary: fc.record({ do: fc.constant("admit"), at: fc.nat(2), estimate: fc.integer({ min: 1, max: 300 }) }),
  },
  { weight: 4, arbitrary: fc.record({ do: fc.constant("settle"), at: fc.nat(20), part }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("release"), at: fc.nat(20) }) },
  {
    weight: 4,
    arbitrary: fc.record({ do: fc.constant("wait"), ms: fc.oneof(fc.nat(3), fc.nat(80), fc.nat(2_000)) }),
  },
] as const;
const fate = fc.constantFrom<Fate>("lost", "refused");
const failing = {
  weight: 2,
  arbitrary: fc.record({ do: fc.constant("fail"), fate, calls: fc.integer({ min: 1, max: 6 }) }),
} as const;
const dying = { weight: 1, arbitrary: fc.record({ do: fc.constant("die"), at: fc.nat(2) }) } as const;

type Step =
  | { readonly do: "admit"; readonly at: number; readonly estimate: number }
  | { readonly do: "settle"; readonly at: number; readonly part: number }
  | { readonly do: "release"; readonly at: number }
  | { readonly do: "wait"; readonly ms: number }
  | { readonly do: "fail"; readonly fate: Fate; readonly calls: number }
  | { readonly do: "die"; readonly at: number };

/** @returns What may have been lost with processes that died. */
async function play(world: World, steps: readonly Step[]): Promise<number> {
  let buried = 0;
  for (const step of steps) {
    if (step.do === "admit") void world.admit(step.at, step.estimate);
    if (step.do === "settle") world.settle(step.at, step.part);
    if (step.do === "release") world.release(step.at);
    if (step.do === "wait") await world.clock.advance(step.ms);
    if (step.do === "fail") world.store.fates = Array.from({ length: step.calls }, () => step.fate);
    if (step.do === "die") buried += world.die(step.at);
  }
  world.store.fates = [];
  await world.clock.advance(3_000);
  world.settleAll();
  await world.clock.advance(2 * LEASE_MS);
  assert.deepEqual(world.violations, []);
  return buried;
}

/** What is free is admitted to the last, and no more. */
async function fitsExactly(world: World, free: number): Promise<void> {
  for (const [i, estimate] of [free, 1].entries()) {
    assert.equal(await world.clock.during(1_000, world.admit(i, estimate)), i === 0 && free > 0);
  }
}

test("nothing is lost, doubled or admitted beyond the limit while the store fails, and all is given back", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.oneof(...working, failing), { minLength: 5, maxLength: 60 }), async (steps) => {
      const world = new World({ type: "never" });
      await play(world, steps as readonly Step[]);
      assert.deepEqual(await world.reading(), { used: world.spent, reserved: 0 });
      await fitsExactly(world, AMOUNT - world.spent);
    }),
    { numRuns: 80 },
  );
});

test("nothing is admitted beyond the limit while processes die, and what they held is free again", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.oneof(...working, dying), { minLength: 5, maxLength: 60 }), async (steps) => {
      const world = new World({ type: "never" });
      const buried = await play(world, steps as readonly Step[]);
      const { used, reserved } = await world.reading();
      assert.equal(reserved, 0);
      assert.ok(used <= world.spent && used >= world.spent - buried, `${used} of ${world.spent}, ${buried} buried`);
      await fitsExactly(world, AMOUNT - used);
    }),
    { numRuns: 80 },
  );
});

test("nothing is admitted beyond the limit of a window, whatever outlives the one before", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.oneof(...working), { minLength: 5, maxLength: 60 }), async (steps) => {
      const world = new World({ type: "fixed", durationMs: 10_000 });
      await play(world, steps as readonly Step[]);
      assert.equal((await world.reading()).reserved, 0);
    }),
    { numRuns: 80 },
  );
});
