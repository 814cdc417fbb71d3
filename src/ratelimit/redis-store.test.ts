import assert from "node:assert/strict";
import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, beforeEach, test } from "node:test";
import type { FromLimiterProcess, ToLimiterProcess } from "../../test/programs/limiter-process.ts";
import { type Redis, startRedis } from "../../test/programs/redis.ts";
import { eventually, freePort } from "../../test/programs/service.ts";
import { REMEMBER_MS } from "./lease.ts";
import { MemoryStore } from "./memory-store.ts";
import { parseRedisUrl } from "./redis-address.ts";
import { openRedis, type RedisOptions, type RedisStore } from "./redis-store.ts";
import type { CounterStore, LeaseReply, LeaseRequest, Period } from "./store.ts";
import { periodAt } from "./window.ts";

const FOR_EVER = periodAt({ type: "never" }, 0);
const NOTHING = { spent: 0, reserved: 0, spare: 0, needed: [], assumed: 0, wanted: 0 };
/** The machine may be busy; how fast calls fail is looked at elsewhere. */
const PATIENT: RedisOptions = { callMs: 5_000 };

let folder: string;
let redis: Redis;

before(async () => {
  folder = await mkdtemp(join(tmpdir(), "aigw-redis-"));
  redis = await startRedis(folder);
});
beforeEach(async () => {
  await redis.command("FLUSHALL");
});
after(async () => {
  await redis.stop();
  await rm(folder, { recursive: true, force: true });
});

async function open(url: string, options: RedisOptions = PATIENT): Promise<RedisStore> {
  const store = openRedis(parseRedisUrl(url), options);
  assert.ok(await store.reached(10_000));
  return store;
}

function request(sequence: number, parts: Partial<LeaseRequest> = {}): LeaseRequest {
  return { key: "aigw:limit", period: FOR_EVER, limit: 1_000, sequence, ...NOTHING, ...parts };
}

async function leased(store: CounterStore, process: string, asked: LeaseRequest): Promise<LeaseReply> {
  const [reply] = await store.lease(process, [asked]);
  assert.ok(reply !== undefined && !(reply instanceof Error), String(reply));
  return reply;
}

async function failure(store: CounterStore, asked = request(1)): Promise<string> {
  const replies = await store.lease("a", [asked]).catch((error: Error) => [error]);
  assert.ok(replies[0] instanceof Error);
  return replies[0].message;
}

/** Keeps the process from doing anything. */
function hang(ms: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
}

test("an answer that came in time is in time, though the process was too busy to read it", async () => {
  const store = await open(redis.url, { callMs: 20 });
  const reply = leased(store, "a", request(1, { needed: [5] }));
  hang(200);
  assert.equal((await reply).leased, 5);
  await store.close();
});

test("the script is known before the first call", async () => {
  await redis.command("SCRIPT", "FLUSH");
  await redis.command("CONFIG", "RESETSTAT");
  const store = await open(redis.url);
  await leased(store, "a", request(1, { needed: [5] }));
  const stats = (await redis.command("INFO", "commandstats")).join("\n");
  assert.match(stats, /cmdstat_evalsha/);
  assert.doesNotMatch(stats, /cmdstat_eval:/);
  await store.close();
});

const STORES: readonly { name: string; open: () => Promise<CounterStore> }[] = [
  { name: "memory", open: async () => new MemoryStore({ nowMs: Date.now }) },
  { name: "Redis", open: () => open(redis.url) },
];

for (const { name, open: openStore } of STORES) {
  test(`${name}: of needs whose sum exceeds the rest, as many are granted as fit`, async () => {
    const store = await openStore();
    const first = await leased(store, "a", request(1, { spent: 400, needed: [250, 250, 250, 100] }));
    assert.deepEqual([first.leased, first.used], [600, 400]);
    const second = await leased(store, "b", request(1, { needed: [1] }));
    assert.deepEqual([second.leased, second.othersReserved], [0, 600]);
    await store.close();
  });

  test(`${name}: a request that comes twice is done once`, async () => {
    const store = await openStore();
    const asked = request(7, { spent: 100, needed: [50] });
    const [first, again] = [await leased(store, "a", asked), await leased(store, "a", asked)];
    assert.deepEqual([again.used, again.leased], [first.used, first.leased]);
    await store.close();
  });

  test(`${name}: amounts up to 2^53 stay exact`, async () => {
    const store = await openStore();
    const limit = Number.MAX_SAFE_INTEGER;
    await leased(store, "a", request(1, { limit, spent: limit - 3 }));
    const reply = await leased(store, "a", request(2, { limit, needed: [4, 2] }));
    assert.deepEqual([reply.used, reply.leased], [limit - 3, 2]);
    await store.close();
  });
}

test("a counter is forgotten when its window has ended, one without an end never", async () => {
  const store = await open(redis.url);
  const hour: Period = periodAt({ type: "fixed", durationMs: 3_600_000 }, Date.now());
  await leased(store, "a", request(1, { key: "hour", period: hour, spent: 1 }));
  await leased(store, "a", request(2, { key: "ever", spent: 1 }));
  const [ttl = ""] = await redis.command("PTTL", "hour");
  assert.ok(Number(ttl.slice(1)) > REMEMBER_MS && Number(ttl.slice(1)) <= 3_600_000 + REMEMBER_MS, ttl);
  assert.deepEqual(await redis.command("PTTL", "ever"), [":-1"]);
  await store.close();
});

test("a server that does not know the script is told it", async () => {
  const store = await open(redis.url);
  await leased(store, "a", request(1, { spent: 1 }));
  await redis.command("SCRIPT", "FLUSH");
  const replies = await store.lease("a", [request(2, { spent: 1 }), request(3, { key: "other", spent: 1 })]);
  assert.deepEqual(
    replies.map((reply) => reply instanceof Error || reply.used),
    [2, 1],
  );
  await store.close();
});

test("something else under the key of a counter is told, and the other counters are answered", async () => {
  const store = await open(redis.url);
  await redis.command("SET", "odd", "1");
  const [odd, even] = await store.lease("a", [request(1, { key: "odd" }), request(2, { key: "even" })]);
  assert.ok(odd instanceof Error && !(even instanceof Error));
  assert.equal(odd.message, "Redis: something else is stored under the counter's key");
  await store.close();
});

test("two processes on one Redis admit together exactly what fits", async () => {
  const processes = await Promise.all([startProcess(), startProcess()]);
  const admitted = await Promise.all(processes.map((child) => ask(child, { do: "admit", times: 150, estimate: 7 })));
  assert.equal(
    admitted.reduce((sum, { admitted: n }) => sum + n, 0),
    142,
  );
  await Promise.all(processes.map((child) => ask(child, { do: "settle", cost: 3 })));
  const store = await open(redis.url);
  await eventually("what was spent", async () =>
    (await leased(store, "c", next())).used === 3 * 142 ? true : undefined,
  );
  await store.close();
  for (const child of processes) child.kill();
});

test("what a killed process held is free when its lease has ended", async () => {
  const leaseMs = 300;
  const child = await startProcess(leaseMs);
  assert.deepEqual(await ask(child, { do: "admit", times: 1, estimate: 900 }), { admitted: 1 });
  const store = await open(redis.url, { ...PATIENT, leaseMs });
  assert.equal((await leased(store, "b", next({ needed: [200] }))).leased, 0);
  child.kill("SIGKILL");
  await eventually("the rest", async () => {
    const { leased: held } = await leased(store, "b", next({ needed: [1_000] }));
    return held === 1_000 ? true : undefined;
  });
  await store.close();
});

test("errors say what is wrong, and no password", async () => {
  const folderOf = await mkdtemp(join(tmpdir(), "aigw-redis-auth-"));
  const guarded = await startRedis(folderOf, undefined, ["--requirepass", "hunter2"]);
  const wrong = openRedis(parseRedisUrl(`redis://:hunter3@127.0.0.1:${guarded.port}`), PATIENT);
  const message = await eventually("the refusal", async () => {
    const said = await failure(wrong);
    return said.includes("password") ? said : undefined;
  });
  assert.doesNotMatch(message, /hunter/);
  const right = await open(`redis://:hunter2@127.0.0.1:${guarded.port}`);
  await leased(right, "a", request(1));
  await right.close();
  await wrong.close();
  await guarded.stop();
  const nobody = openRedis(parseRedisUrl(`redis://127.0.0.1:${await freePort()}`), PATIENT);
  await eventually("the refusal", async () => ((await failure(nobody)).includes("ECONNREFUSED") ? true : undefined));
  await nobody.close();
  await rm(folderOf, { recursive: true, force: true });
});

test("a replica takes no writes, and the error says so", async () => {
  const store = await open(redis.url);
  await redis.command("REPLICAOF", "127.0.0.1", String(await freePort()));
  assert.equal(await failure(store), "Redis: it is a replica, which takes no writes");
  await redis.command("REPLICAOF", "NO", "ONE");
  await eventually("the primary", async () => {
    const [reply] = await store.lease("a", [next()]).catch((error: Error) => [error]);
    return reply instanceof Error ? undefined : true;
  });
  await store.close();
});

test("rediss:// with the CA's certificate", async () => {
  const tls = new URL("../../testdata/tls/", import.meta.url).pathname;
  const folderOf = await mkdtemp(join(tmpdir(), "aigw-redis-tls-"));
  const port = await freePort();
  const files = ["--tls-cert-file", join(tls, "server.pem"), "--tls-key-file", join(tls, "server.key")];
  const secure = await startRedis(folderOf, undefined, [
    "--tls-port",
    String(port),
    "--tls-auth-clients",
    "no",
    ...files,
    "--tls-ca-cert-file",
    join(tls, "ca.pem"),
  ]);
  const store = await open(`rediss://localhost:${port}`, {
    ...PATIENT,
    ca: await readFile(join(tls, "ca.pem"), "utf8"),
  });
  await leased(store, "a", request(1));
  const untrusting = openRedis(parseRedisUrl(`rediss://localhost:${port}`), PATIENT);
  await eventually("the refusal", async () => (/certificate/.test(await failure(untrusting)) ? true : undefined));
  await Promise.all([store.close(), untrusting.close()]);
  await secure.stop();
  await rm(folderOf, { recursive: true, force: true });
});

test("redis+cluster:// asks for each counter where it is", async () => {
  const folderOf = await mkdtemp(join(tmpdir(), "aigw-redis-cluster-"));
  const node = await startRedis(folderOf, undefined, [
    "--cluster-enabled",
    "yes",
    "--cluster-announce-ip",
    "127.0.0.1",
  ]);
  await node.command("CLUSTER", "ADDSLOTSRANGE", "0", "16383");
  await eventually("the cluster", async () =>
    (await node.command("CLUSTER", "INFO")).includes("cluster_state:ok") ? true : undefined,
  );
  const store = await open(`redis+cluster://127.0.0.1:${node.port}`);
  const replies = await store.lease(
    "a",
    ["x", "y", "z"].map((key, i) => request(i + 1, { key, spent: i })),
  );
  assert.deepEqual(
    replies.map((reply) => reply instanceof Error || reply.used),
    [0, 1, 2],
  );
  await store.close();
  await node.stop();
  await rm(folderOf, { recursive: true, force: true });
});

let sequence = 1_000;

function next(parts: Partial<LeaseRequest> = {}): LeaseRequest {
  return request(++sequence, { key: "aigw:Test/default/limit", ...parts });
}

async function startProcess(leaseMs = 30_000): Promise<ChildProcess> {
  const script = new URL("../../test/programs/limiter-process.ts", import.meta.url).pathname;
  const child = fork(script, [redis.url, String(leaseMs), "1000"]);
  await once(child, "message");
  return child;
}

async function ask(child: ChildProcess, message: ToLimiterProcess): Promise<FromLimiterProcess> {
  const answer = once(child, "message");
  child.send(message);
  const [said] = (await answer) as [FromLimiterProcess];
  return said;
}
