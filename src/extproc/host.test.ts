import assert from "node:assert/strict";
import { test } from "node:test";
import { LISTENER_HEADER } from "../exchange/envoy-names.ts";
import { ANSWER, BACKENDS, CHAT_HEAD, chat, MESSAGES_HEAD, refId, route, rule, STANDARD } from "./scripted-config.ts";
import { PROCESS, planOf, ScriptedCall, ScriptedEnvoy } from "./scripted-envoy.ts";

const PLAN = await planOf(STANDARD);

test("a call without a role decides about a request", () => {
  const envoy = new ScriptedEnvoy(PLAN);
  const listener = PLAN.config.listeners[0]?.name ?? "";
  const call = new ScriptedCall(envoy.host.methods, PROCESS, { [LISTENER_HEADER]: listener });
  assert.equal(call.requestHead(CHAT_HEAD)[0]?.phase, "requestHeaders");
  assert.equal(envoy.host.inFlight, 1);
});

test("requests under way are counted from head to end", () => {
  const envoy = new ScriptedEnvoy(PLAN);
  const calls = ["one", "two", "idle"].map((model) => envoy.admitted(CHAT_HEAD, chat(model)).call);
  assert.equal(envoy.host.inFlight, 3);
  assert.equal(new Set(calls.map(({ id }) => id)).size, 3);
  assert.deepEqual(
    [...envoy.host.requests.keys()],
    calls.map(({ id }) => id),
  );
  for (const [index, call] of calls.entries()) {
    call.responseHead(503, {}, { details: "no_healthy_upstream" });
    assert.equal(envoy.host.inFlight, 3 - index);
    call.close();
    assert.equal(envoy.host.inFlight, 2 - index);
  }
  assert.equal(envoy.host.requests.size, 0);
});

test("a new configuration is for requests that begin after it", async () => {
  const envoy = new ScriptedEnvoy(PLAN);
  const before = envoy.admitted(CHAT_HEAD, chat("one"));
  envoy.host.reload(await planOf(`${route(rule("one", "[{ name: azure }]"))}${BACKENDS}`));
  const after = envoy.admitted(CHAT_HEAD, chat("one"));
  assert.equal(before.told?.metadata?.["backend_name"], refId("openai", 0, 0));
  assert.equal(after.told?.metadata?.["backend_name"], refId("azure", 0, 0));
  before.call.responseHead(200, { "content-type": "application/json" });
  assert.equal(
    before.call.responseBody(ANSWER, { end: true })[0]?.metadata?.["ai_service_backend_name"],
    "default/openai",
  );
});

test("stopping waits for requests under way, and not longer than it may", async () => {
  const envoy = new ScriptedEnvoy(PLAN);
  const { call } = envoy.admitted(MESSAGES_HEAD, chat("claude"));
  let stopped = false;
  const stopping = envoy.host.stop(1000).then(() => {
    stopped = true;
  });
  await Promise.resolve();
  assert.equal(stopped, false);
  call.responseHead(503, {}, { details: "no_healthy_upstream" });
  call.close();
  await stopping;

  envoy.admitted(CHAT_HEAD, chat("one"));
  const late = envoy.host.stop(1000);
  envoy.now += 1000;
  await late;
  assert.equal(envoy.host.inFlight, 1);
});
