/** Several serving processes behind one port: shared metrics, one configuration, and a replacement for one that dies. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { after, before, test } from "node:test";
import { CHAT } from "../conformance/configs.ts";
import { startForClients } from "./client-config.ts";
import type { GatewayWithSimulator } from "./start-gateway.ts";

const WORKERS = 2;
const REQUESTS = 40;

let gateway: GatewayWithSimulator;
before(async () => {
  gateway = await startForClients({ workers: WORKERS });
});
after(() => gateway.stop());

async function ask(id: string): Promise<number> {
  // Each request on a connection of its own, so that connections go to every worker in turn.
  const response = await fetch(gateway.url + CHAT, {
    method: "POST",
    headers: { connection: "close", "x-request-id": id },
    body: JSON.stringify({ model: "gpt-4o", messages: [{ role: "user", content: "Hi" }] }),
  });
  await response.text();
  return response.status;
}

async function requestsCounted(): Promise<number[]> {
  const text = await (await fetch(`${gateway.adminUrl}/metrics`)).text();
  const lines = text
    .split("\n")
    .filter((line) => /^aigw_requests_total\{endpoint="chat-completions",outcome="ok"/.test(line));
  return lines.map((line) => Number(line.split(" ").at(-1)));
}

/** Process ids of the workers. */
function workerPids(): number[] {
  const rows = execFileSync("ps", ["-eo", "pid=,ppid=,args="], { encoding: "utf8" }).split("\n");
  const table = rows.map((row) => /^\s*(\d+)\s+(\d+)\s+(.*)$/.exec(row)).filter((match) => match !== null);
  const parents = table.filter(([, , ppid, args]) => Number(ppid) === process.pid && args?.includes("main.ts"));
  return table.filter(([, , ppid]) => parents.some(([, pid]) => pid === ppid)).map(([, pid]) => Number(pid));
}

test("metrics are those of all workers together", async () => {
  for (let n = 0; n < REQUESTS; n++) assert.equal(await ask(`workers-${n}`), 200);
  assert.deepEqual(await requestsCounted(), [REQUESTS]);
  assert.equal(workerPids().length, WORKERS);
});

test("every request has its line, whoever served it", async () => {
  await gateway.log((line) => line["request_id"] === `workers-${REQUESTS - 1}`);
  await gateway.log(() => gateway.logs().length >= REQUESTS);
  assert.equal(new Set(gateway.logs().map((line) => line["request_id"])).size, REQUESTS);
});

test("a worker that is killed is replaced, and the port goes on serving", async () => {
  const [victim = 0, survivor = 0] = workerPids();
  process.kill(victim, "SIGKILL");
  const deadline = AbortSignal.timeout(10_000);
  let pids: number[] = [];
  while (pids.length < WORKERS || pids.includes(victim)) {
    deadline.throwIfAborted();
    pids = workerPids();
  }
  assert.ok(pids.includes(survivor));
  for (let n = 0; n < 10; n++) assert.equal(await ask(`after-${n}`), 200);
});

test("the whole fleet ends when asked to", async () => {
  const pids = workerPids();
  assert.equal(await gateway.stop(), 0);
  const alive = pids.filter((pid) => {
    try {
      return process.kill(pid, 0);
    } catch {
      // No such process: it has ended.
      return false;
    }
  });
  assert.deepEqual(alive, []);
});
