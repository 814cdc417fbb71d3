/** `aigw run --host envoy` as its users run it: one process tree that starts, changes, loses parts, and ends. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { once } from "node:events";
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { connect, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { installEnvoy } from "../../../test/install-envoy.ts";
import { type Gateway, startGateway } from "../../../test/server/start-gateway.ts";
import { type Simulator, startSimulator } from "../../simulate/simulator.ts";

/** What an Envoy lacks that refuses a change; a category of extensions and one of them. */
const EXTENSION = "envoy.load_balancing_policies/envoy.load_balancing_policies.maglev";
const WAIT_MS = 15_000;
const CHAT = "/v1/chat/completions";

let envoy = "";
let folder = "";
/** Each serves one model. */
const providers = new Map<string, Simulator>();
before(async () => {
  envoy = await installEnvoy();
  folder = mkdtempSync(join(tmpdir(), "aigw-fleet-"));
  for (const model of ["a", "b", "c"]) providers.set(model, await startSimulator({ port: 0, record: 100_000 }));
});
after(async () => {
  rmSync(folder, { recursive: true, force: true });
  for (const provider of providers.values()) await provider.close();
});

/** A rule per model, each with a backend of its own. */
function serving(...models: readonly string[]): string {
  const rules = models.map(
    (model) => `{matches: [{headers: [{name: x-ai-eg-model, value: ${model}}]}], backendRefs: [{name: ${model}}]}`,
  );
  const backends = models.map(
    (model) => `---
apiVersion: aigateway.envoyproxy.io/v1beta1
kind: AIServiceBackend
metadata: {name: ${model}}
spec:
  schema: {name: OpenAI}
  backendRef: {name: ${model}, kind: Backend, group: gateway.envoyproxy.io}
---
apiVersion: gateway.envoyproxy.io/v1alpha1
kind: Backend
metadata: {name: ${model}}
spec: {endpoints: [{ip: {address: 127.0.0.1, port: ${providers.get(model)?.port}}}]}
`,
  );
  return `apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: {name: g}
spec:
  gatewayClassName: c
  listeners: [{name: http, port: 8080, protocol: HTTP}]
---
apiVersion: aigateway.envoyproxy.io/v1beta1
kind: AIGatewayRoute
metadata: {name: r}
spec:
  parentRefs: [{name: g}]
  rules: [${rules.join(", ")}]
${backends.join("")}`;
}

async function withGateway(
  options: { readonly workers?: number; readonly models?: readonly string[] },
  play: (gateway: Gateway) => Promise<void>,
): Promise<void> {
  const { workers = 1, models = ["a"] } = options;
  const gateway = await startGateway(serving(...models), { workers, args: ["--host", "envoy", "--envoy", envoy] });
  try {
    await play(gateway);
  } finally {
    await gateway.stop();
  }
}

function ask(gateway: Gateway, model: string, headers: Record<string, string> = {}, more: object = {}) {
  const body = JSON.stringify({ model, messages: [{ role: "user", content: "Hi" }], ...more });
  return fetch(gateway.url + CHAT, {
    method: "POST",
    headers: { "content-type": "application/json", ...headers },
    body,
  });
}

async function status(gateway: Gateway, model: string, headers: Record<string, string> = {}): Promise<number> {
  const response = await ask(gateway, model, headers);
  await response.arrayBuffer();
  return response.status;
}

/** Asks until the status is as wanted; returns those that were not. */
async function becomes(gateway: Gateway, model: string, wanted: number): Promise<readonly number[]> {
  const others: number[] = [];
  await until(async () => {
    const now = await status(gateway, model);
    if (now !== wanted) others.push(now);
    return now === wanted;
  });
  return others;
}

/** Waits until something is so; fails when it takes too long. */
async function until(isSo: () => boolean | Promise<boolean>): Promise<void> {
  const deadline = performance.now() + WAIT_MS;
  while (!(await isSo())) {
    assert.ok(performance.now() < deadline, `not so after ${WAIT_MS} ms`);
    await pause(5);
  }
}

/** Processes that this test's gateway has started, by what their command line says. */
function processes(text: string): number[] {
  const rows = execFileSync("ps", ["-eo", "pid=,ppid=,args="], { encoding: "utf8" }).split("\n");
  const table = rows.map((row) => /^\s*(\d+)\s+(\d+)\s+(.*)$/.exec(row)).filter((row) => row !== null);
  const ours = new Set([process.pid]);
  // Parents stand before their children often, not always: a few rounds reach them all.
  for (let round = 0; round < 3; round++) {
    for (const [, pid, ppid] of table) if (ours.has(Number(ppid))) ours.add(Number(pid));
  }
  return table.filter(([, pid, , args]) => ours.has(Number(pid)) && args?.includes(text)).map(([, pid]) => Number(pid));
}

async function freePort(): Promise<number> {
  const probe = createServer().listen(0, "127.0.0.1");
  await once(probe, "listening");
  const { port } = probe.address() as { port: number };
  probe.close();
  return port;
}

async function connects(port: number): Promise<boolean> {
  const socket = connect(port, "127.0.0.1");
  try {
    await once(socket, "connect");
    return true;
  } catch {
    // Nobody listens: that is what is asked.
    return false;
  } finally {
    socket.destroy();
  }
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    // There is no such process.
    return false;
  }
}

test("it serves through Envoy, says so, and ends without a trace", async () => {
  const gateway = await startGateway(serving("a"), { args: ["--host", "envoy", "--envoy", envoy] });
  assert.equal(await status(gateway, "a"), 200);
  assert.equal(await status(gateway, "b"), 404);
  const [pid = 0] = processes("bootstrap.json");
  assert.match(
    gateway.stderr(),
    new RegExp(`Envoy runs as process ${pid}; its own admin page: http://127\\.0\\.0\\.1:`),
  );
  assert.match(await (await fetch(`${gateway.adminUrl}/metrics`)).text(), /^aigw_envoy_up 1$/m);
  assert.equal(await gateway.stop(), 0);
  assert.ok(!isAlive(pid));
  assert.doesNotMatch(gateway.stderr(), /WARN|ERROR/);
});

for (const workers of [1, 2]) {
  test(`changes of rules fail no request and none goes wrong, with ${workers} processors`, async () => {
    await withGateway({ workers, models: ["a"] }, async (gateway) => {
      const failed: string[] = [];
      let changing = true;
      let asked = 0;
      const caller = async (name: string) => {
        while (changing) {
          const id = `${name}-${asked++}`;
          const code = await status(gateway, "a", { "x-request-id": id });
          if (code !== 200)
            failed.push(`${id}: ${code} ${JSON.stringify(await gateway.log((line) => line["request_id"] === id))}`);
        }
      };
      const callers = [caller(`x${workers}`), caller(`y${workers}`)];
      // The rule of "a" goes to another place of the route and back: by its place alone it would be another model's.
      for (const models of [["b", "a"], ["a", "c"], ["c", "b", "a"], ["a"]]) {
        await gateway.configure(serving(...models));
        for (const model of ["a", "b", "c"]) await becomes(gateway, model, models.includes(model) ? 200 : 404);
      }
      changing = false;
      await Promise.all(callers);
      assert.ok(asked > 10);
      assert.deepEqual(failed, []);
      const served = [...providers].map(([model, { requests }]) => [
        model,
        ...new Set(requests.map(({ body }) => (JSON.parse(String(body)) as { model: string }).model)),
      ]);
      assert.deepEqual(served, [
        ["a", "a"],
        ["b", "b"],
        ["c", "c"],
      ]);
    });
  });
}

test("a port that is added by a change is served, one that is taken is refused, and a renamed listener keeps its port", async () => {
  const taken = createServer().listen(0, "127.0.0.1");
  await once(taken, "listening");
  const { port: busy } = taken.address() as { port: number };
  const [first, second] = [await freePort(), await freePort()];
  const on = (...listeners: readonly string[]) =>
    serving("a").replace(/listeners: .*/, `listeners: [${listeners.join(", ")}]`);
  const http = (name: string, port: number) => `{name: ${name}, port: ${port}, protocol: HTTP}`;
  const gateway = await startGateway(on(http("one", first)), {
    ownPorts: true,
    args: ["--host", "envoy", "--envoy", envoy],
  });
  try {
    const url = (port: number) => ({ ...gateway, url: `http://127.0.0.1:${port}` });
    await gateway.configure(on(http("one", first), http("two", second)));
    await until(() => connects(second));
    // Envoy listens a moment before its processor knows what is served there, and meanwhile callers may ask again.
    const early = await becomes(url(second), "a", 200);
    assert.deepEqual(
      early.filter((status) => status !== 503),
      [],
    );
    assert.equal(await status(url(first), "a"), 200);
    await gateway.configure(on(http("one", first), http("three", busy)));
    await until(() => gateway.stderr().includes(`port ${busy} is in use`));
    assert.deepEqual([await status(url(first), "a"), await status(url(second), "a")], [200, 200]);
    await gateway.configure(on(http("renamed", second)));
    await until(async () => !(await connects(first)));
    await becomes(url(second), "a", 200);
  } finally {
    await gateway.stop();
    taken.close();
  }
});

test("a change that Envoy refuses is refused as a whole, and the next one is taken", async () => {
  const lacking = join(folder, "envoy");
  writeFileSync(lacking, `#!/bin/sh\nexec ${envoy} --disable-extensions ${EXTENSION} "$@"\n`);
  chmodSync(lacking, 0o755);
  const hashed = `---
apiVersion: gateway.envoyproxy.io/v1alpha1
kind: BackendTrafficPolicy
metadata: {name: p}
spec:
  targetRefs: [{group: gateway.networking.k8s.io, kind: Gateway, name: g}]
  loadBalancer: {type: ConsistentHash, consistentHash: {type: SourceIP}}
`;
  const gateway = await startGateway(serving("a"), { args: ["--host", "envoy", "--envoy", lacking] });
  try {
    await gateway.configure(serving("a", "b") + hashed);
    await until(() => gateway.stderr().includes("configuration refused"));
    assert.match(gateway.stderr(), /<envoy>:1:1: Cluster: Envoy refuses it: .*MAGLEV/);
    assert.deepEqual([await status(gateway, "a"), await status(gateway, "b")], [200, 404]);
    const metrics = await (await fetch(`${gateway.adminUrl}/metrics`)).text();
    assert.match(metrics, /^aigw_config_reloads_total\{result="refused"\} 1$/m);
    assert.match(metrics, /^aigw_envoy_refusals_total [1-9]/m);
    await gateway.configure(serving("a", "c"));
    await becomes(gateway, "c", 200);
    assert.equal(await status(gateway, "a"), 200);
  } finally {
    await gateway.stop();
  }
});

test("an Envoy that is killed is started again on the same port", async () => {
  await withGateway({}, async (gateway) => {
    const [pid = 0] = processes("bootstrap.json");
    process.kill(pid, "SIGKILL");
    const ready = async () => (await fetch(`${gateway.adminUrl}/readyz`)).status === 200;
    await until(async () => !(await ready()));
    await until(ready);
    assert.equal(await status(gateway, "a"), 200);
    assert.match(await (await fetch(`${gateway.adminUrl}/metrics`)).text(), /^aigw_envoy_restarts_total 1$/m);
  });
});

test("Envoy does not outlive a gateway that is killed", async () => {
  await withGateway({}, async () => {
    const [supervisor = 0] = processes("main.ts run");
    const [pid = 0] = processes("bootstrap.json");
    const args = execFileSync("ps", ["-o", "args=", "-p", String(pid)], { encoding: "utf8" });
    process.kill(supervisor, "SIGKILL");
    await until(() => !isAlive(pid));
    const [, left = ""] = /--config-path (\S+)\/bootstrap\.json/.exec(args) ?? [];
    rmSync(left, { recursive: true });
  });
});

test("asked to end, it lets a stream finish and waits for nobody who has not asked for anything", async () => {
  const gateway = await startGateway(serving("a"), { args: ["--host", "envoy", "--envoy", envoy] });
  const slow = { "x-simulate": "chunks=10,chunk-delay-ms=30" };
  const streamed = await ask(gateway, "a", slow, { stream: true });
  const { hostname, port } = new URL(gateway.url);
  const half = connect(Number(port), hostname);
  await once(half, "connect");
  half.on("error", () => undefined);
  half.write("POST /v1/chat");
  const start = performance.now();
  const [text, code] = await Promise.all([streamed.text(), gateway.stop()]);
  const ms = performance.now() - start;
  assert.match(text, /data: \[DONE\]\n\n$/);
  assert.equal(code, 0);
  assert.ok(ms < 3_000, `ended after ${ms} ms`);
});

test("a port that is taken is told, and nothing is left behind", async () => {
  const taken = createServer().listen(0, "127.0.0.1");
  await once(taken, "listening");
  const { port } = taken.address() as { port: number };
  const args = ["--host", "envoy", "--envoy", envoy, "--port", String(port)];
  await assert.rejects(startGateway(serving("a"), { args }), new RegExp(`port ${port} is in use: choose another`));
  taken.close();
});
