/**
 * A hundred thousand requests through Envoy and one processor: each is a call of its own that is ended or reset, of which HTTP/2
 * servers take only so many before they close the connection on everybody else.
 */
import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, type Server } from "node:http";
import { type AddressInfo, connect, type Socket } from "node:net";
import { after, before, type TestContext, test } from "node:test";
import { UPSTREAM_PORT } from "../conformance/case.ts";
import { CHAT, chat } from "../conformance/configs.ts";
import { installEnvoy } from "../install-envoy.ts";
import { eventually, faultsConfig, metric, processesOf, residentBytes } from "../server/envoy-tools.ts";
import { type Gateway, startGateway } from "../server/start-gateway.ts";

const REQUESTS = 100_000;
const CALLERS = 32;
const TEST_MS = 300_000;
/**
 * What memory may grow by during the second half of a run: nothing that is kept per request fits into it. In the first half
 * the heap gets the size that the load needs (measured: 340 MB where callers leave, and no more after 140,000 requests).
 */
const GROWTH_BYTES = 64 * 1024 * 1024;
const ANSWER = JSON.stringify({
  id: "x",
  choices: [{ message: { role: "assistant", content: "hello" } }],
  usage: { prompt_tokens: 1, completion_tokens: 1, total_tokens: 2 },
});

let provider: Server;
let gateway: Gateway;
before(async () => {
  provider = createServer((request, response) => {
    request.resume();
    response.setHeader("content-type", "application/json").end(ANSWER);
  }).listen(0, "127.0.0.1");
  await once(provider, "listening");
  const port = String((provider.address() as AddressInfo).port);
  gateway = await startGateway(faultsConfig().replaceAll(UPSTREAM_PORT, port), {
    args: ["--host", "envoy", "--envoy", await installEnvoy(), "--access-log", "none"],
  });
});
after(async () => {
  provider.close();
  provider.closeAllConnections();
  await gateway.stop();
});

interface Run {
  readonly requests: number;
  readonly model: string;
  /** Every so many-th request is left by its caller as soon as it is sent; 0 = none. */
  readonly leaveEvery: number;
}

interface Result {
  readonly ok: number;
  readonly left: number;
  readonly failed: readonly string[];
  readonly perSecond: number;
}

/** Asks over a few connections, on each one request after the other. */
async function run({ requests, model, leaveEvery }: Run): Promise<Result> {
  const body = JSON.stringify(chat(model));
  const bytes = Buffer.from(`POST ${CHAT} HTTP/1.1\r\nhost: h\r\ncontent-length: ${body.length}\r\n\r\n${body}`);
  const failed: string[] = [];
  let [ok, left, asked] = [0, 0, 0];
  const start = performance.now();
  const caller = async () => {
    let socket = await open();
    while (asked < requests) {
      asked += 1;
      socket.write(bytes);
      if (leaveEvery > 0 && asked % leaveEvery === 0) {
        left += 1;
        // Some leave at once, some when their request has come a bit further.
        if (left % 2 === 0) await new Promise(setImmediate);
        socket.destroy();
        socket = await open();
        continue;
      }
      const answer = await readAnswer(socket);
      if (answer.startsWith("HTTP/1.1 200 ") && answer.includes('"hello"')) ok += 1;
      else failed.push(answer);
    }
    socket.destroy();
  };
  await Promise.all(Array.from({ length: CALLERS }, caller));
  return { ok, left, failed, perSecond: Math.round(asked / ((performance.now() - start) / 1000)) };
}

async function open(): Promise<Socket> {
  const { hostname, port } = new URL(gateway.url);
  const socket = connect(Number(port), hostname).setNoDelay();
  await once(socket, "connect");
  return socket;
}

/** The next answer as text; what there is of it when the connection breaks. */
function readAnswer(socket: Socket): Promise<string> {
  return new Promise((resolve) => {
    let text = "";
    const done = () => {
      socket.off("data", onData).off("close", done);
      resolve(text);
    };
    const onData = (bytes: Buffer) => {
      text += bytes.toString("latin1");
      const head = text.indexOf("\r\n\r\n");
      const length = Number(/content-length: (\d+)/.exec(text)?.[1] ?? Number.NaN);
      if (head > 0 && text.length >= head + 4 + length) done();
    };
    socket.on("data", onData).on("close", done);
  });
}

async function assertServesAll(t: TestContext, wanted: Run): Promise<void> {
  const { supervisor, envoy } = processesOf(gateway);
  const half = { ...wanted, requests: wanted.requests / 2 };
  const first = await run(half);
  const before = residentBytes(supervisor);
  const { ok, left, failed, perSecond } = await run(half);
  const grown = residentBytes(supervisor) - before;
  const megabytes = (bytes: number) => `${Math.round(bytes / 2 ** 20)} MB`;
  t.diagnostic(
    `${first.ok + ok} served, ${first.left + left} left, ${perSecond}/s; the processor: ${megabytes(before)}, ${megabytes(grown)} more`,
  );
  assert.deepEqual([...first.failed, ...failed].slice(0, 5), []);
  assert.equal(first.ok + first.left + ok + left, wanted.requests);
  assert.ok(grown < GROWTH_BYTES, `grown by ${grown}`);
  await eventually("no request in flight", async () =>
    (await metric(gateway, "aigw_requests_in_flight")) === 0 ? true : undefined,
  );
  assert.equal(processesOf(gateway).envoy, envoy);
  assert.equal(await metric(gateway, "aigw_envoy_restarts_total"), 0);
}

test("a hundred thousand requests, and none fails", { timeout: TEST_MS }, (t) =>
  assertServesAll(t, { requests: REQUESTS, model: "one", leaveEvery: 0 }),
);

test("every tenth caller leaves, and no other request fails", { timeout: TEST_MS }, (t) =>
  assertServesAll(t, { requests: REQUESTS, model: "one", leaveEvery: 10 }),
);

test("the same where a rule has several backends", { timeout: TEST_MS }, (t) =>
  assertServesAll(t, { requests: REQUESTS / 4, model: "two", leaveEvery: 10 }),
);
