import assert from "node:assert/strict";
import { type IncomingHttpHeaders, request } from "node:http";
import { type TestContext, test } from "node:test";
import type { ResourceStatus } from "../config/runtime-config.ts";
import { createLogger } from "../telemetry/logger.ts";
import { SupervisorMetrics } from "../telemetry/supervisor-metrics.ts";
import { isLoopback } from "./loopback.ts";
import { type AdminOptions, type AdminStatus, startAdmin } from "./server.ts";

const ACCEPTED = [{ type: "Accepted", status: "True", reason: "Accepted", message: "in force" }] as const;
const RESOURCES: ResourceStatus[] = [
  { kind: "AIGatewayRoute", id: "default/chat", conditions: ACCEPTED },
  { kind: "AIServiceBackend", id: "default/openai", conditions: ACCEPTED },
  { kind: "AIServiceBackend", id: "other/openai", conditions: ACCEPTED },
];
const STATUS: AdminStatus = {
  config: { version: "v1", loadedAt: Date.UTC(2026, 0, 2) },
  listeners: [{ name: "http", port: 1975, hostname: undefined }],
  resources: RESOURCES,
  refused: {
    at: Date.UTC(2026, 0, 3),
    faults: [{ source: { file: "a.yaml", line: 3, column: 5 }, path: "AIGatewayRoute default/chat", reason: "no" }],
  },
};

interface Answer {
  readonly status: number | undefined;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

async function start(t: TestContext, changes: Partial<AdminOptions> = {}) {
  const logged: string[] = [];
  const admin = await startAdmin({
    port: 0,
    log: createLogger({ level: "info", format: "text", write: (line) => logged.push(line), now: () => 0 }),
    metrics: () => [new SupervisorMetrics("1.2.3").snapshot()],
    isReady: () => true,
    status: () => STATUS,
    ...changes,
  });
  t.after(() => admin.close());
  const ask = (path: string, method = "GET", host = `127.0.0.1:${admin.port}`): Promise<Answer> =>
    new Promise((resolve, reject) => {
      const options = { host: "127.0.0.1", port: admin.port, path, method, headers: { host }, agent: false };
      const asked = request(options, (response) => {
        const chunks: Buffer[] = [];
        response.on("data", (chunk: Buffer) => chunks.push(chunk));
        response.on("end", () =>
          resolve({ status: response.statusCode, headers: response.headers, body: Buffer.concat(chunks).toString() }),
        );
      });
      asked.on("error", reject);
      asked.end();
    });
  return { ask, logged, admin };
}

test("metrics are served in the Prometheus text format, also when they take time to collect", async (t) => {
  const { ask } = await start(t, { metrics: async () => [new SupervisorMetrics("9.9").snapshot()] });
  const { status, headers, body } = await ask("/metrics?x=1");
  assert.equal(status, 200);
  assert.equal(headers["content-type"], "text/plain; version=0.0.4; charset=utf-8");
  assert.match(body, /^# HELP aigw_build_info .*\n# TYPE aigw_build_info gauge\naigw_build_info\{version="9\.9"/);
});

for (const path of ["/readyz", "/health"]) {
  test(`${path} follows readiness, while /healthz does not`, async (t) => {
    let isReady = false;
    const { ask } = await start(t, { isReady: () => isReady });
    assert.deepEqual([(await ask(path)).status, (await ask("/healthz")).status], [503, 200]);
    isReady = true;
    assert.deepEqual([(await ask(path)).status, (await ask("/healthz")).status], [200, 200]);
  });
}

test("the status tells configuration, listeners, resources and the refused change", async (t) => {
  const { ask } = await start(t);
  const { status, headers, body } = await ask("/status");
  assert.equal(status, 200);
  assert.equal(headers["content-type"], "application/json");
  assert.deepEqual(JSON.parse(body), {
    config: { version: "v1", loadedAt: "2026-01-02T00:00:00.000Z" },
    refused: {
      at: "2026-01-03T00:00:00.000Z",
      faults: [{ file: "a.yaml", line: 3, column: 5, path: "AIGatewayRoute default/chat", reason: "no" }],
    },
    listeners: [{ name: "http", port: 1975 }],
    resources: RESOURCES,
  });
});

test("a member that is not part of the status is not published", async (t) => {
  const listener = { name: "http", port: 1, hostname: undefined, key: "hunter2" };
  const resource = { kind: "Secret", id: "default/key", conditions: ACCEPTED, data: "hunter2" };
  const config = { version: "v", loadedAt: 0, key: "hunter2" };
  const status = { ...STATUS, config, listeners: [listener], resources: [resource], key: "hunter2" };
  const { ask } = await start(t, { status: () => status });
  assert.equal((await ask("/status")).body.includes("hunter2"), false);
});

for (const { name, in: query, want } of [
  { name: "kind", in: "kind=AIServiceBackend", want: ["default/openai", "other/openai"] },
  { name: "name", in: "name=openai", want: ["default/openai", "other/openai"] },
  { name: "namespace and name", in: "name=other%2Fopenai", want: ["other/openai"] },
  { name: "kind and name", in: "kind=AIGatewayRoute&name=openai", want: [] },
]) {
  test(`resources of the status are chosen by ${name}`, async (t) => {
    const { ask } = await start(t);
    const { resources } = JSON.parse((await ask(`/status?${query}`)).body) as { resources: ResourceStatus[] };
    assert.deepEqual(
      resources.map(({ id }) => id),
      want,
    );
  });
}

test("limits are told and explained, and a wrong question is", async (t) => {
  const explain = (query: URLSearchParams) => (query.has("model") ? { of: query.get("model") } : "no model");
  const { ask } = await start(t, { limits: { list: () => ({ limits: [] }), explain } });
  const answers = await Promise.all(["/limits", "/limits/explain?model=m", "/limits/explain"].map((path) => ask(path)));
  assert.deepEqual(
    answers.map(({ status, body }) => [status, JSON.parse(body)]),
    [
      [200, { limits: [] }],
      [200, { of: "m" }],
      [400, { error: "no model" }],
    ],
  );
  assert.equal((await (await start(t)).ask("/limits")).status, 404);
});

test("the index names every page", async (t) => {
  const { ask } = await start(t);
  const { body } = await ask("/");
  for (const page of ["/metrics", "/healthz", "/readyz", "/health", "/status", "/limits"])
    assert.ok(body.includes(page), page);
});

test("HEAD has the head of GET and no body", async (t) => {
  const { ask } = await start(t);
  const [get, head] = [await ask("/healthz"), await ask("/healthz", "HEAD")];
  assert.deepEqual([head.status, head.body], [200, ""]);
  assert.equal(head.headers["content-length"], get.headers["content-length"]);
});

for (const { name, path, method, want } of [
  { name: "another path", path: "/debug", method: "GET", want: 404 },
  { name: "a path that only begins like a page", path: "/metrics/", method: "GET", want: 404 },
  { name: "another method", path: "/metrics", method: "POST", want: 405 },
  { name: "a method on the index", path: "/", method: "DELETE", want: 405 },
]) {
  test(`${name} is refused with ${want}`, async (t) => {
    const { ask } = await start(t);
    assert.equal((await ask(path, method)).status, want);
  });
}

test("405 says what is allowed", async (t) => {
  const { ask } = await start(t);
  assert.equal((await ask("/status", "PUT")).headers.allow, "GET, HEAD");
});

for (const { host, want } of [
  { host: "localhost", want: 200 },
  { host: "LOCALHOST:9901", want: 200 },
  { host: "127.0.0.1:9901", want: 200 },
  { host: "[::1]:9901", want: 200 },
  { host: "10.1.2.3", want: 200 },
  { host: "evil.example", want: 403 },
  { host: "localhost.evil.example:80", want: 403 },
  { host: "127.0.0.1.evil.example", want: 403 },
  { host: "[evil]", want: 403 },
]) {
  test(`a loopback server answers a request for ${host} with ${want}`, async (t) => {
    const { ask } = await start(t);
    assert.equal((await ask("/status", "GET", host)).status, want);
  });
}

test("a server for everyone takes any host name", async (t) => {
  const { ask } = await start(t, { host: "0.0.0.0" });
  assert.equal((await ask("/healthz", "GET", "gateway.internal")).status, 200);
});

test("what fails behind a page is logged and not shown", async (t) => {
  const { ask, logged } = await start(t, { metrics: () => Promise.reject(new Error("worker 3 is silent")) });
  const { status, body } = await ask("/metrics?token=hunter2");
  assert.deepEqual([status, body], [500, "internal error\n"]);
  assert.match(logged.join(""), /path="\/metrics" error="Error: worker 3 is silent"/);
  assert.equal(logged.join("").includes("hunter2"), false);
});

test("a port that is taken is an error of the start", async (t) => {
  const { admin } = await start(t);
  await assert.rejects(start(t, { port: admin.port }), { code: "EADDRINUSE" });
});

for (const { host, want } of [
  { host: "127.0.0.1", want: true },
  { host: "127.8.9.1", want: true },
  { host: "::1", want: true },
  { host: "localhost", want: true },
  { host: "0.0.0.0", want: false },
  { host: "::", want: false },
  { host: "127.0.0.1.evil.example", want: false },
]) {
  test(`${host} is ${want ? "" : "not "}a loopback address`, () => assert.equal(isLoopback(host), want));
}
