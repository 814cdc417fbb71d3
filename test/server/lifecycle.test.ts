/** Start, change and end of the gateway's process. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { connect } from "node:net";
import { test } from "node:test";
import { type Simulator, startSimulator } from "../../src/simulate/simulator.ts";
import { UPSTREAM_PORT } from "../conformance/case.ts";
import { BACKENDS, CHAT, chat, route } from "../conformance/configs.ts";
import { type Gateway, startGateway } from "./start-gateway.ts";

/** How soon a change on disk has to be live. */
const LIVE_MS = 200;

/** How soon a gateway without requests has to end; far less than any time limit it has for connections. */
const IDLE_STOP_MS = 3_000;

/** A configuration that serves one model. */
function serving(model: string, port: number): string {
  const rule = `
    - matches:
        - headers: [{ type: Exact, name: x-ai-eg-model, value: ${model} }]
      backendRefs: [{ name: openai }]`;
  return `${route("only", rule)}\n${BACKENDS}`.replaceAll(UPSTREAM_PORT, String(port));
}

async function withGateway(play: (gateway: Gateway, simulator: Simulator) => Promise<void>): Promise<void> {
  const simulator = await startSimulator({ port: 0, record: 100 });
  const gateway = await startGateway(serving("first", simulator.port));
  try {
    await play(gateway, simulator);
  } finally {
    await gateway.stop();
    await simulator.close();
  }
}

function ask(
  gateway: Gateway,
  model: string,
  more: object = {},
  headers: Record<string, string> = {},
): Promise<Response> {
  return fetch(gateway.url + CHAT, { method: "POST", headers, body: JSON.stringify(chat(model, more)) });
}

async function status(gateway: Gateway, model: string): Promise<number> {
  const response = await ask(gateway, model);
  await response.arrayBuffer();
  return response.status;
}

/** Asks until the status is the wanted one; returns the milliseconds it took. */
async function becomes(gateway: Gateway, model: string, wanted: number): Promise<number> {
  const start = performance.now();
  while ((await status(gateway, model)) !== wanted && performance.now() - start < 5_000);
  return performance.now() - start;
}

test("a changed configuration is live in less than 200 ms, and the old one is gone", async () => {
  await withGateway(async (gateway, simulator) => {
    assert.deepEqual([await status(gateway, "first"), await status(gateway, "second")], [200, 404]);
    await gateway.configure(serving("second", simulator.port));
    const ms = await becomes(gateway, "second", 200);
    assert.ok(ms < LIVE_MS, `live after ${ms} ms`);
    assert.equal(await status(gateway, "first"), 404);
  });
});

test("a stream that has begun finishes on the configuration it began with", async () => {
  await withGateway(async (gateway, simulator) => {
    const slow = { "x-simulate": "chunks=10,chunk-delay-ms=50" };
    const streamed = await ask(gateway, "first", { stream: true }, slow);
    await gateway.configure(serving("second", simulator.port));
    await becomes(gateway, "first", 404);
    assert.match(await streamed.text(), /data: \[DONE\]\n\n$/);
  });
});

test("a change with faults is refused and told with its place, and the old configuration keeps serving", async () => {
  await withGateway(async (gateway, simulator) => {
    await gateway.configure(`${serving("second", simulator.port)}\nkind: [`);
    while (!/config\.yaml:\d+:\d+/.test(gateway.stderr())) await new Promise((resolve) => setImmediate(resolve));
    assert.equal(await status(gateway, "first"), 200);
    assert.match(await (await fetch(`${gateway.adminUrl}/status`)).text(), /config\.yaml/);
  });
});

test("a configuration with faults does not start: exit code 1 and every fault on stderr", async () => {
  const faulty = serving("first", 1).replace("name: OpenAI", "name: OpenAy").replace("endpoints:", "endpoint:");
  await assert.rejects(startGateway(faulty), (error) => {
    assert.ok(error instanceof Error);
    assert.match(error.message, /exit code 1\)/);
    assert.match(error.message, /config\.yaml:\d+:\d+: .*schema\.name: .*OpenAI/);
    assert.match(error.message, /config\.yaml:\d+:\d+: Backend default\/upstream: spec\.endpoint: .*"endpoints"/);
    return true;
  });
});

test("asked to end, the gateway lets a stream finish, takes no more, and exits with 0", async () => {
  const simulator = await startSimulator({ port: 0 });
  const gateway = await startGateway(serving("first", simulator.port));
  const slow = { "x-simulate": "chunks=10,chunk-delay-ms=30", "x-request-id": "last" };
  const streamed = await ask(gateway, "first", { stream: true }, slow);
  const [text, code] = await Promise.all([streamed.text(), gateway.stop()]);
  await simulator.close();
  assert.match(text, /data: \[DONE\]\n\n$/);
  assert.equal(code, 0);
  assert.equal(gateway.logs().filter((line) => line["request_id"] === "last").length, 1);
  await assert.rejects(ask(gateway, "first"));
});

test("asked to end as soon as it is ready, the gateway exits with 0", async () => {
  const gateway = await startGateway(serving("first", 1));
  assert.equal(await gateway.stop(), 0);
});

test("connections that have sent nothing, or half a request, do not hold up the end", async () => {
  const gateway = await startGateway(serving("first", 1));
  const { hostname, port } = new URL(gateway.url);
  for (const bytes of ["", "POST /v1/chat"]) {
    const socket = connect(Number(port), hostname);
    await once(socket, "connect");
    socket.on("error", () => undefined);
    if (bytes !== "") socket.write(bytes);
  }
  await status(gateway, "first");
  const start = performance.now();
  assert.equal(await gateway.stop(), 0);
  const ms = performance.now() - start;
  assert.ok(ms < IDLE_STOP_MS, `ended after ${ms} ms`);
});

test("health and readiness are told on the admin port", async () => {
  await withGateway(async (gateway) => {
    for (const path of ["/healthz", "/readyz", "/health"]) {
      assert.equal((await fetch(gateway.adminUrl + path)).status, 200, path);
    }
  });
});
