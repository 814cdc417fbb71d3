import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import fc from "fast-check";
import { Redis as Client } from "ioredis";
import { type Redis, startRedis } from "../../test/programs/redis.ts";
import { lease, REMEMBER_MS, type StoredCounter } from "./lease.ts";
import { LEASE_SCRIPT, readHash, readReply, scriptArguments } from "./redis-script.ts";
import type { LeaseRequest, Period } from "./store.ts";
import { periodAt } from "./window.ts";

const LEASE_MS = 5_000;
const START_MS = Date.UTC(2026, 2, 1);
const MAX = Number.MAX_SAFE_INTEGER;
/** Redis' clock cannot be set: here the script reads the time from a list of seconds and microseconds. */
const SCRIPT = LEASE_SCRIPT.replace("redis.call('TIME')", "redis.call('LRANGE', 'clock', 0, 1)");

let folder: string;
let redis: Redis;
let client: Client;

before(async () => {
  folder = await mkdtemp(join(tmpdir(), "aigw-script-"));
  redis = await startRedis(folder);
  client = new Client(redis.port, "127.0.0.1");
});
after(async () => {
  client.disconnect();
  await redis.stop();
  await rm(folder, { recursive: true, force: true });
});

async function setClock(nowMs: number): Promise<void> {
  await client
    .multi()
    .del("clock")
    .rpush("clock", Math.floor(nowMs / 1000), (nowMs % 1000) * 1000)
    .exec();
}

const amount = fc.oneof(fc.nat(50), fc.nat(5_000), fc.constantFrom(0, 1, 2 ** 32, 2 ** 52, MAX));
const window = fc.constantFrom(
  { type: "fixed", durationMs: 1_000 } as const,
  { type: "fixed", durationMs: 60_000 } as const,
  { type: "rolling", durationMs: 1_000 } as const,
  { type: "rolling", durationMs: 600_000 } as const,
  { type: "calendar", unit: "hour", timeZone: "Asia/Kathmandu" } as const,
  { type: "never" } as const,
);
const step = fc.record({
  process: fc.constantFrom("a", "b", "c"),
  laterMs: fc.oneof(fc.nat(40), fc.nat(4_000), fc.nat(100_000), fc.constant(REMEMBER_MS)),
  /** How wrong the clock of the process is. */
  skewMs: fc.oneof({ weight: 4, arbitrary: fc.constant(0) }, fc.integer({ min: -3_700_000, max: 3_700_000 })),
  isRepeated: fc.oneof({ weight: 3, arbitrary: fc.constant(false) }, fc.constant(true)),
  limit: amount,
  spent: amount,
  reserved: amount,
  spare: amount,
  needed: fc.array(amount, { maxLength: 4 }),
  assumed: amount,
  wanted: amount,
});

test("the script in Redis does what lease.ts does", async () => {
  assert.notEqual(SCRIPT, LEASE_SCRIPT);
  await fc.assert(
    fc.asyncProperty(window, fc.array(step, { minLength: 1, maxLength: 25 }), async (windowed, steps) => {
      await client.del("counter");
      const counter: StoredCounter = { steps: new Map(), leases: new Map() };
      const last = new Map<string, LeaseRequest>();
      let nowMs = START_MS;
      let sequence = 0;
      for (const { process, laterMs, skewMs, isRepeated, ...amounts } of steps) {
        nowMs += laterMs;
        await setClock(nowMs);
        const period: Period = periodAt(windowed, nowMs + skewMs);
        const fresh = { key: "counter", period, sequence: ++sequence, ...amounts };
        const request = isRepeated ? (last.get(process) ?? fresh) : fresh;
        last.set(process, request);
        const want = lease(counter, process, request, { nowMs, leaseMs: LEASE_MS });
        const got = await client.eval(SCRIPT, 1, "counter", ...scriptArguments(process, [request], LEASE_MS));
        assert.deepEqual(readReply(Array.isArray(got) ? got[0] : got), want);
        const kept = readHash(await client.hgetall("counter"));
        assert.deepEqual(
          { steps: new Map([...kept.steps].sort()), leases: new Map([...kept.leases].sort()) },
          { steps: new Map([...counter.steps].sort()), leases: new Map([...counter.leases].sort()) },
        );
      }
    }),
    { numRuns: 150 },
  );
});
