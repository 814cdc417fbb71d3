/** A provider that is spoken to in HTTP/2. */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { type Simulator, startSimulator } from "../../src/simulate/simulator.ts";
import { backend, CHAT, chat, route } from "../conformance/configs.ts";
import { type Gateway, startGateway } from "./start-gateway.ts";

const RULE = `
    - matches:
        - headers: [{ type: Exact, name: x-ai-eg-model, value: gpt-4o }]
      backendRefs: [{ name: openai }]`;

let simulator: Simulator;
let gateway: Gateway;
before(async () => {
  simulator = await startSimulator({ port: 0, http2: true, record: 100 });
  gateway = await startGateway(`${route("http2", RULE)}
${backend("openai", "{ name: OpenAI }")}
---
apiVersion: gateway.envoyproxy.io/v1alpha1
kind: Backend
metadata: { name: upstream, namespace: default }
spec:
  endpoints: [{ ip: { address: 127.0.0.1, port: ${simulator.port} } }]
  appProtocols: [gateway.envoyproxy.io/h2c]
`);
});
after(async () => {
  assert.equal(await gateway.stop(), 0);
  await simulator.close();
});

function ask(more: object, headers: Record<string, string> = {}, signal?: AbortSignal): Promise<Response> {
  const body = JSON.stringify(chat("gpt-4o", more));
  return fetch(gateway.url + CHAT, { method: "POST", headers, body, ...(signal && { signal }) });
}

test("a whole answer, and many at once on few connections", async () => {
  const responses = await Promise.all(Array.from({ length: 50 }, () => ask({})));
  for (const response of responses) {
    assert.equal(response.status, 200);
    assert.partialDeepStrictEqual(await response.json(), { object: "chat.completion" });
  }
  assert.equal(simulator.requests.length, 50);
});

test("a stream", async () => {
  const response = await ask({ stream: true });
  assert.match(await response.text(), /data: \[DONE\]\n\n$/);
});

test("a stream that the provider resets before it began is 503", async () => {
  const response = await ask({}, { "x-simulate": "fault=reset-before-headers" });
  assert.equal(response.status, 503);
  assert.partialDeepStrictEqual(await response.json(), { error: { type: "ServiceUnavailable" } });
});

test("a caller that leaves resets the provider's stream, and others go on", async () => {
  const controller = new AbortController();
  const slow = { "x-simulate": "chunks=1000,chunk-delay-ms=20", "x-request-id": "leaves" };
  const leaving = await ask({ stream: true }, slow, controller.signal);
  await leaving.body?.getReader().read();
  controller.abort();
  const recorded = simulator.requests.find((request) => request.headers["x-request-id"] === "leaves");
  await recorded?.ended;
  assert.equal(recorded?.aborted, true);
  assert.equal((await gateway.log((line) => line["request_id"] === "leaves"))["outcome"], "cancelled");
  assert.equal((await ask({})).status, 200);
});
