import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { type Redis, startRedis } from "../../test/programs/redis.ts";
import { eventually } from "../../test/programs/service.ts";
import type { Decision, Demand } from "./admission.ts";
import { Limiter, type LimiterOptions, type WithoutStore } from "./limiter.ts";
import { parseRedisUrl } from "./redis-address.ts";
import { openRedis } from "./redis-store.ts";
import { testLimit } from "./test-limit.ts";

/** More than the machine keeps anybody waiting, less than a hang. */
const SOON_MS = 1_000;

let folder: string;
let redis: Redis;
let limits = 0;

before(async () => {
  folder = await mkdtemp(join(tmpdir(), "aigw-outage-"));
  redis = await startRedis(folder);
});
after(async () => {
  await redis.stop();
  await rm(folder, { recursive: true, force: true });
});

async function limiterAt(url: string, parts: Partial<LimiterOptions> = {}): Promise<Limiter> {
  const store = openRedis(parseRedisUrl(url), {});
  assert.ok(await store.reached(10_000));
  return new Limiter({
    store,
    process: `${process.pid}-${++limits}`,
    nowMs: Date.now,
    withoutStore: "fail-open",
    replicas: 1,
    log: { info: () => undefined, warn: () => undefined },
    ...parts,
  });
}

/** Of a limit of its own. */
function demandOf(id: string, amount: number, answerEstimate: number): Demand {
  const limit = testLimit({ id, requestCost: 0, amount, window: { type: "never" } });
  return { limit, values: [], answerEstimate, assumed: 0 };
}

/** Asks for room and spends it; resolves to the decision. */
async function spend(limiter: Limiter, demand: Demand): Promise<Decision> {
  const decision = await limiter.admit([demand]);
  if (decision.admitted) decision.reservation.settle([demand.answerEstimate]);
  return decision;
}

/** Works until the limiter has noticed how its store is. */
async function until(limiter: Limiter, demand: Demand, storeUp: boolean): Promise<void> {
  await eventually(storeUp ? "the store" : "the outage", async () => {
    await spend(limiter, demand);
    return limiter.stats.storeUp === storeUp ? true : undefined;
  });
}

const AFTER_OUTAGE: readonly { mode: WithoutStore; replicas: number; during: string }[] = [
  { mode: "fail-open", replicas: 1, during: "admitted" },
  { mode: "fail-closed", replicas: 1, during: "unavailable" },
  { mode: "local-share", replicas: 1_000, during: "exhausted" },
];

for (const { mode, replicas, during } of AFTER_OUTAGE) {
  test(`Redis killed under load, ${mode}: requests are ${during}, and counted again when it has been started anew`, async () => {
    const limiter = await limiterAt(redis.url, { withoutStore: mode, replicas });
    const demand = demandOf(`killed/${mode}`, 100_000, 100);
    const load = demandOf(`load/${mode}`, 1_000_000_000, 1);
    for (let i = 0; i < 5; i++) await spend(limiter, demand);
    await limiter.read([demand]);
    await redis.stop();
    await until(limiter, load, false);
    const decisions: string[] = [];
    let bypassed = 0;
    for (let i = 0; i < 20; i++) {
      const decision = await spend(limiter, demand);
      if (decision.admitted) bypassed++;
      decisions.push(decision.admitted ? "admitted" : decision.refusal.why);
    }
    assert.equal(decisions.at(-1), during);
    redis = await startRedis(folder, redis.port);
    await until(limiter, load, true);
    // What Redis knew before is gone with it; what was spent meanwhile is told.
    const [state] = await limiter.read([demand]);
    assert.equal(state?.used, bypassed * 100);
    await spend(limiter, demand);
    assert.equal((await limiter.read([demand]))[0]?.used, bypassed * 100 + 100);
    await limiter.close();
  });
}

test("Redis that hangs keeps nobody waiting for long, and nobody at all once that is known", async () => {
  const limiter = await limiterAt(redis.url);
  const load = demandOf("hang/load", 1_000_000_000, 1);
  await spend(limiter, load);
  await limiter.read([load]);
  redis.signal("SIGSTOP");
  try {
    for (let i = 0; i < 5; i++) {
      const startMs = performance.now();
      await limiter.admit([demandOf(`hang/first/${i}`, 10, 1)]);
      assert.ok(performance.now() - startMs < SOON_MS);
    }
    assert.equal(limiter.stats.storeUp, false);
    const asked = limiter.stats.leasesAsked;
    for (let i = 0; i < 1_000; i++) assert.ok(!(limiter.admit([demandOf(`hang/${i}`, 10, 1)]) instanceof Promise));
    assert.equal(limiter.stats.leasesAsked, asked);
  } finally {
    redis.signal("SIGCONT");
  }
  await until(limiter, load, true);
  const [state] = await limiter.read([demandOf("hang/7", 10, 1)]);
  assert.equal(state?.used, 1);
  await limiter.close();
});

test("a charge whose answer got lost on the way is charged once", async () => {
  const proxy = await startProxy(redis.port);
  const limiter = await limiterAt(`redis://127.0.0.1:${proxy.port}`);
  const demand = demandOf("lost", 1_000_000, 100);
  for (let i = 0; i < 2; i++) {
    await spend(limiter, demand);
    proxy.dropAnswers(true);
    await until(limiter, demandOf(`lost/load/${i}`, 1_000_000_000, 1), false);
    await spend(limiter, demand);
    proxy.dropAnswers(false);
    await until(limiter, demandOf(`lost/load/${i}`, 1_000_000_000, 1), true);
  }
  assert.equal((await limiter.read([demand]))[0]?.used, 400);
  await limiter.close();
  await proxy.stop();
});

test("redis+sentinel:// finds the new primary when the old one dies", async () => {
  const folders = await Promise.all(["a", "b", "s"].map((name) => mkdtemp(join(tmpdir(), `aigw-sentinel-${name}-`))));
  const [folderA = "", folderB = "", folderS = ""] = folders;
  const primary = await startRedis(folderA);
  const replica = await startRedis(folderB, undefined, ["--replicaof", "127.0.0.1", String(primary.port)]);
  const config = join(folderS, "sentinel.conf");
  const watched = [
    `sentinel monitor main 127.0.0.1 ${primary.port} 1`,
    "sentinel down-after-milliseconds main 300",
    "sentinel failover-timeout main 2000",
  ];
  await writeFile(config, `${watched.join("\n")}\n`);
  const sentinel = await startRedis(folderS, undefined, [], config);
  await eventually("the replica", async () => {
    const known = await sentinel.command("SENTINEL", "REPLICAS", "main");
    return known.includes(String(replica.port)) && (await isSynced(replica)) ? true : undefined;
  });
  const limiter = await limiterAt(`redis+sentinel://127.0.0.1:${sentinel.port}/main`);
  const demand = demandOf("sentinel", 1_000_000, 100);
  await spend(limiter, demand);
  await limiter.read([demand]);
  await eventually("the copy", async () => ((await replica.command("DBSIZE"))[0] === ":1" ? true : undefined));
  await primary.stop();
  await until(limiter, demandOf("sentinel/load", 1_000_000_000, 1), false);
  await until(limiter, demandOf("sentinel/load", 1_000_000_000, 1), true);
  await spend(limiter, demand);
  assert.equal((await limiter.read([demand]))[0]?.used, 200);
  await limiter.close();
  await Promise.all([replica, sentinel].map((server) => server.stop()));
  await Promise.all(folders.map((path) => rm(path, { recursive: true, force: true })));
});

async function isSynced(replica: Redis): Promise<boolean> {
  return (await replica.command("INFO", "replication")).includes("master_link_status:up");
}

/** Passes bytes to Redis, and back unless told otherwise. */
async function startProxy(to: number) {
  let isDropping = false;
  const sockets = new Set<Socket>();
  const server: Server = createServer((client) => {
    const upstream = connect(to, "127.0.0.1");
    for (const socket of [client, upstream]) {
      sockets.add(socket);
      socket.on("error", () => socket.destroy());
      socket.on("close", () => {
        client.destroy();
        upstream.destroy();
        sockets.delete(socket);
      });
    }
    client.on("data", (data) => upstream.write(data));
    upstream.on("data", (data) => isDropping || client.write(data));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    port: (server.address() as AddressInfo).port,
    dropAnswers: (dropping: boolean) => {
      isDropping = dropping;
    },
    stop: async () => {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
