/** Sizes at and beyond the limits, through a real Envoy: nothing hangs, and refusals are in the caller's dialect. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { after, before, test } from "node:test";
import { type Seen, send } from "../conformance/client.ts";
import { backend, CHAT, chat, MESSAGES, upstream } from "../conformance/configs.ts";
import { faultsConfig, linesById, startEnvoyGateway } from "./envoy-tools.ts";
import type { GatewayWithSimulator } from "./start-gateway.ts";

const SMALL_BYTES = 10 * 1024;
const DEFAULT_BYTES = 64 * 1024 * 1024;

/** Two listeners, of which one takes little; and a provider whose answers are as long as it is told. */
function config(giantPort: number): string {
  const rules = `
    - matches: [{ headers: [{ name: x-ai-eg-model, value: giant }] }]
      backendRefs: [{ name: giant }]`;
  return `---
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: { name: g, namespace: default }
spec:
  gatewayClassName: aigw
  listeners:
    - { name: ordinary, protocol: HTTP, port: 8080 }
    - { name: small, protocol: HTTP, port: 8081 }
---
apiVersion: gateway.envoyproxy.io/v1alpha1
kind: ClientTrafficPolicy
metadata: { name: small, namespace: default }
spec:
  targetRefs: [{ group: gateway.networking.k8s.io, kind: Gateway, name: g, sectionName: small }]
  connection: { bufferLimit: ${SMALL_BYTES} }
${faultsConfig().replace("  rules:", `  parentRefs: [{ name: g }]\n  rules:${rules}`)}
${backend("giant", "{ name: OpenAI }", "", "giant-at")}
${upstream(String(giantPort), "giant-at")}`;
}

let giant: Server;
let gateway: GatewayWithSimulator;
let ordinary = "";
let small = "";
before(async () => {
  giant = createServer((request, response) => {
    request.resume();
    response.setHeader("content-type", "application/json");
    const bytes = Number(request.headers["x-bytes"]);
    response.end(`{"id":"${"x".repeat(bytes - 9)}"}`);
  }).listen(0, "127.0.0.1");
  await once(giant, "listening");
  gateway = await startEnvoyGateway(config((giant.address() as AddressInfo).port), 1);
  [ordinary = "", small = ""] = [...gateway.stderr().matchAll(/^listening on (\S+)$/gm)].map(([, url]) => url ?? "");
});
after(async () => {
  giant.close();
  giant.closeAllConnections();
  await gateway.stop();
});

/** A request for a model of so many bytes. */
function body(model: string, bytes: number): Buffer {
  const content = (length: number) => JSON.stringify(chat(model, { max_tokens: 9, user: "x".repeat(length) }));
  return Buffer.from(content(bytes - content(0).length));
}

function assertTooLarge({ status, body: text }: Seen, model: string): void {
  assert.equal(status, 413);
  const told = JSON.parse(text) as { error: { type: string; message: string } };
  assert.match(told.error.message, /larger than/);
  const type = model.startsWith("claude") ? "request_too_large" : "RequestTooLarge";
  assert.equal(told.error.type, type);
}

const WAYS = [
  { name: "with its length", more: {} },
  { name: "in chunks", more: { chunked: true } },
  { name: "over HTTP/2", more: { http2: true } },
] as const;

for (const { name, more } of WAYS) {
  for (const model of ["one", "two", "claude-x"]) {
    test(`a body for ${model} ${name} passes at the limit and not a byte above it`, async () => {
      const path = model.startsWith("claude") ? MESSAGES : CHAT;
      const id = `size-${model}-${name}`.replaceAll(" ", "-");
      const ask = (bytes: number) =>
        send(small, { path, body: body(model, bytes), ...more }, id, async () => undefined);
      const asked = gateway.simulator.requests.length;
      assert.equal((await ask(SMALL_BYTES)).status, 200);
      assertTooLarge(await ask(SMALL_BYTES + 1), model);
      assert.equal(gateway.simulator.requests.length, asked + 1);
      await gateway.log(() => linesById(gateway).get(id) === 2);
    });
  }
}

for (const { name, more } of WAYS) {
  test(`a body ${name} passes at the limit there is without a policy, and not a byte above it`, async () => {
    const ask = (bytes: number) =>
      send(ordinary, { path: CHAT, body: body("one", bytes), ...more }, "huge", async () => undefined);
    assert.equal((await ask(DEFAULT_BYTES)).status, 200);
    assertTooLarge(await ask(DEFAULT_BYTES + 1), "one");
  });
}

test("a large answer passes, and one that is larger than can be held is an error", async () => {
  const ask = (bytes: number) =>
    send(
      ordinary,
      { path: CHAT, headers: { "x-bytes": String(bytes) }, body: chat("giant") },
      `giant-${bytes}`,
      async () => undefined,
    );
  const large = await ask(DEFAULT_BYTES / 2);
  assert.deepEqual([large.status, large.body.length], [200, DEFAULT_BYTES / 2]);
  const refused = await ask(DEFAULT_BYTES * 1.5);
  assert.equal(refused.status, 502, refused.body.slice(0, 200));
  const message = "the provider's answer is larger than this gateway takes";
  assert.deepEqual(JSON.parse(refused.body), { type: "error", error: { type: "BadGateway", code: "502", message } });
  await gateway.log((line) => line["request_id"] === `giant-${DEFAULT_BYTES * 1.5}` && line["outcome"] === "error");
  assert.equal((await ask(1000)).status, 200);
});
