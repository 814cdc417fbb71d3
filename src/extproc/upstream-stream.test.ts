import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { GRPC_STATUS } from "../grpc/grpc.ts";
import { createGrpcServer } from "../grpc/server.ts";
import {
  ANSWER,
  BACKENDS,
  CHAT_HEAD,
  chat,
  event,
  LAST_EVENTS,
  MESSAGES_HEAD,
  refId,
  route,
  rule,
  STANDARD,
} from "./scripted-config.ts";
import { edited, type Heads, planOf, ScriptedEnvoy } from "./scripted-envoy.ts";
import type { Told } from "./scripted-told.ts";

const PLAN = await planOf(STANDARD);
const HELLO = '"messages":[{"role":"user","content":"hello"}]';
/** What the router filter has set, and no backend gets. */
const ROUTING = ["x-ai-eg-model", "x-ai-eg-original-path", "x-ai-eg-route", "x-envoy-original-path"];
const [OPENAI, AZURE, ANTHROPIC] = [refId("openai", 3, 0), refId("azure", 3, 1), refId("anthropic", 3, 2)];

/** What Anthropic has not. */
const EMBEDDINGS_HEAD = { ...CHAT_HEAD, ":path": "/v1/embeddings" } as const;
const EMBEDDING = { model: "two", input: "hello" };

/** A request whose rule has several backends, and the headers that Envoy has of it. */
function routed(envoy: ScriptedEnvoy, body: object, head: Heads = CHAT_HEAD) {
  const { call, told } = envoy.admitted(head, body);
  return { call, headers: edited(head, told ?? { phase: undefined }) };
}

function only(told: readonly Told[]): Told {
  assert.equal(told.length, 1);
  return told[0] ?? { phase: undefined };
}

test("an attempt is translated, mutated and signed for the backend that Envoy has chosen", () => {
  const envoy = new ScriptedEnvoy(PLAN);
  const { call, headers } = routed(envoy, chat("two"), {
    ...CHAT_HEAD,
    authorization: "Bearer caller",
    "api-key": "c",
  });
  const body = `{"model":"gpt-real",${HELLO}}`;
  assert.deepEqual(only(envoy.upstream().attemptHead(headers, call.id, OPENAI)), {
    phase: "requestHeaders",
    replace: true,
    set: { ":path": "/v1/chat/completions", authorization: "Bearer key-of-openai", "x-first": "1" },
    remove: ["api-key", ...ROUTING],
    body,
    metadata: { backend_name: OPENAI, original_model: "two", content_length: body.length },
  });
});

test("a body that needs no change stays Envoy's", () => {
  const envoy = new ScriptedEnvoy(PLAN);
  const { call, headers } = routed(envoy, chat("two"), { ...MESSAGES_HEAD, "anthropic-version": "2023-06-01" });
  assert.deepEqual(only(envoy.upstream().attemptHead(headers, call.id, ANTHROPIC)), {
    phase: "requestHeaders",
    set: { "x-api-key": "key-of-anthropic" },
    remove: ROUTING,
    metadata: { backend_name: ANTHROPIC, original_model: "two" },
  });
});

test("a further attempt has nothing of the one before, and its answer is read as its own", () => {
  const envoy = new ScriptedEnvoy(PLAN);
  const { call, headers } = routed(envoy, chat("two", { stream: true }));
  const first = only(envoy.upstream().attemptHead(headers, call.id, OPENAI));
  envoy.now += 10;
  // What the first attempt changed is what Envoy has now.
  const second = only(envoy.upstream().attemptHead(edited(headers, first), call.id, AZURE));
  const body = `{"model":"dep-two","stream":true,${HELLO},"stream_options":{"include_usage":true}}`;
  assert.deepEqual(second, {
    phase: "requestHeaders",
    replace: true,
    set: { ":path": "/openai/deployments/dep-two/chat/completions?api-version=v7", "api-key": "key-of-azure" },
    remove: ["authorization", "x-first"],
    body,
    metadata: { backend_name: AZURE, original_model: "two", content_length: body.length },
  });
  call.responseHead(200, { "content-type": "text/event-stream" });
  const told = only(call.responseBody(event("a") + LAST_EVENTS, { end: true }));
  assert.equal(told.metadata?.["ai_service_backend_name"], "default/azure");
  assert.equal(told.metadata?.["model_name_override"], "dep-two");
  call.close();
  const { attempts, backend, provider, requestModel, attemptMs, outcome } = envoy.record;
  assert.deepEqual(
    { attempts, backend, provider, requestModel, attemptMs, outcome },
    { attempts: 2, backend: AZURE, provider: "azure.openai", requestModel: "dep-two", attemptMs: 1010, outcome: "ok" },
  );
  assert.deepEqual(envoy.record.failedBackends, ["default/openai"]);
  assert.equal(envoy.host.inFlight, 0);
});

test("an attempt that needs no change of the body puts back the one the caller sent", async () => {
  const plan = await planOf(
    `${route(rule("two", "[{ name: openai, modelNameOverride: other }, { name: azure }]"))}${BACKENDS}`,
  );
  const envoy = new ScriptedEnvoy(plan);
  const { call, headers } = routed(envoy, chat("two"));
  envoy.upstream().attemptHead(headers, call.id, refId("openai", 0, 0));
  const told = only(envoy.upstream().attemptHead(headers, call.id, refId("azure", 0, 1)));
  const body = `{"model":"two",${HELLO}}`;
  assert.deepEqual([told.replace, told.body, told.metadata?.["content_length"]], [true, body, body.length]);
});

test("a session is told with every attempt", () => {
  const envoy = new ScriptedEnvoy(PLAN);
  const { call, headers } = routed(envoy, chat("two"), { ...CHAT_HEAD, "agent-session-id": "s-1" });
  const told = only(envoy.upstream().attemptHead(headers, call.id, AZURE));
  assert.equal(told.metadata?.["session.id"], "s-1");
  assert.equal(told.set?.["agent-session-id"], undefined);
});

test("an attempt that cannot begin is refused, and the caller is told why", () => {
  const envoy = new ScriptedEnvoy(PLAN);
  const { call, headers } = routed(envoy, EMBEDDING, EMBEDDINGS_HEAD);
  const refused = only(envoy.upstream().attemptHead(headers, call.id, ANTHROPIC));
  assert.deepEqual([refused.phase, refused.status, refused.details], ["immediateResponse", 501, "aigw_unsupported"]);
  const { metadata, ...told } = only(call.responseHead(501, {}, { details: "aigw_unsupported" }));
  const { metadata: none, ...same } = refused;
  assert.deepEqual(told, same);
  assert.equal(none, undefined);
  assert.equal(metadata?.["settled"], 1);
  assert.match(told.body ?? "", /embeddings is not supported on backends with schema Anthropic/);
  call.close();
  assert.equal(envoy.record.errorType, "unsupported");
});

test("a refusal is forgotten with the next attempt", () => {
  const envoy = new ScriptedEnvoy(PLAN);
  const { call, headers } = routed(envoy, EMBEDDING, EMBEDDINGS_HEAD);
  envoy.upstream().attemptHead(headers, call.id, ANTHROPIC);
  envoy.upstream().attemptHead(headers, call.id, AZURE);
  // Says the same, of an attempt that did begin.
  const told = only(call.responseHead(501, {}, { details: "aigw_unsupported" }));
  assert.match(told.body ?? "", /the attempt could not begin/);
});

for (const { name, backend } of [
  { name: "that its rule does not have", backend: refId("openai", 0, 0) },
  { name: "that Envoy did not name", backend: "" },
]) {
  test(`a backend ${name} gets nothing`, () => {
    const envoy = new ScriptedEnvoy(PLAN);
    const { call, headers } = routed(envoy, chat("two"));
    const told = only(envoy.upstream().attemptHead(headers, call.id, backend));
    assert.deepEqual([told.phase, told.status, told.details], ["immediateResponse", 503, "aigw_upstream_unavailable"]);
  });
}

for (const { name, id } of [
  { name: "that has no id", id: undefined },
  { name: "of a process that had this one's place before", id: "0-before-1" },
  { name: "of a process that there is not", id: "7-other-1" },
  { name: "with an id that is none", id: "x-1" },
]) {
  test(`a request ${name} is refused`, () => {
    const envoy = new ScriptedEnvoy(PLAN);
    const told = only(envoy.upstream().attemptHead(CHAT_HEAD, id, OPENAI));
    assert.deepEqual([told.phase, told.status, told.details], ["immediateResponse", 503, "aigw_shutting_down"]);
    assert.equal(JSON.parse(told.body ?? "").error.message, "the process that admitted the request is gone");
  });
}

test("a request that is over is not begun again", () => {
  const envoy = new ScriptedEnvoy(PLAN);
  const { call, headers } = routed(envoy, chat("two"));
  call.responseHead(503, {}, { details: "no_healthy_upstream" });
  call.close();
  assert.equal(only(envoy.upstream().attemptHead(headers, call.id, OPENAI)).details, "aigw_shutting_down");
  assert.equal(envoy.records.length, 1);
});

test("an attempt is made with the configuration that the request was admitted with", async () => {
  const envoy = new ScriptedEnvoy(PLAN);
  const { call, headers } = routed(envoy, chat("two"));
  envoy.host.reload(await planOf(`${route(rule("two", "[{ name: azure }]"))}${BACKENDS}`));
  const told = only(envoy.upstream().attemptHead(headers, call.id, OPENAI));
  assert.equal(told.set?.["authorization"], "Bearer key-of-openai");
  const answered = call.responseHead(200, { "content-type": "application/json" });
  assert.equal(answered.length, 1);
  assert.equal(only(call.responseBody(ANSWER, { end: true })).metadata?.["output"], 5);
});

test("other messages of an attempt change nothing", () => {
  const call = new ScriptedEnvoy(PLAN).upstream();
  assert.deepEqual(call.requestBody("x"), [{ phase: "requestBody" }]);
  assert.deepEqual(call.responseHead(200, {}), [{ phase: "responseHeaders" }]);
  assert.deepEqual(call.responseBody("x"), [{ phase: "responseBody" }]);
  assert.deepEqual(call.trailers("requestTrailers"), [{ phase: "requestTrailers" }]);
  call.halfClose();
  assert.equal(call.status, GRPC_STATUS.ok);
});

test("bytes that are no message end the call, so that nothing leaves unsigned", () => {
  const call = new ScriptedEnvoy(PLAN).upstream();
  assert.deepEqual(call.say(Buffer.from([0xff])), []);
  assert.equal(call.status, GRPC_STATUS.internal);
});

test("an attempt that comes to another process is made by the one that admitted the request", async (t) => {
  const folder = mkdtempSync(join(tmpdir(), "attempt-"));
  t.after(() => rmSync(folder, { recursive: true }));
  const path = join(folder, "0.sock");
  const admitting = new ScriptedEnvoy(PLAN);
  const server = createGrpcServer(admitting.host.methods, { onError: () => undefined });
  await server.listen({ path });
  const other = new ScriptedEnvoy(PLAN, { self: 1, socketOf: (process) => (process === 0 ? path : undefined) });
  const { call, headers } = routed(admitting, chat("two"));
  const attempt = other.upstream();
  const coming = attempt.next();
  assert.deepEqual(attempt.attemptHead(headers, call.id, AZURE), []);
  const told = await coming;
  assert.equal(told.set?.["api-key"], "key-of-azure");
  assert.equal(told.metadata?.["backend_name"], AZURE);
  assert.equal(other.host.inFlight, 0);
  attempt.close();

  const gone = other.upstream();
  const refused = gone.next();
  gone.attemptHead(headers, "0-before-1", AZURE);
  assert.equal((await refused).details, "aigw_shutting_down");
  gone.close();
  await other.host.stop(0);
  await server.close(0);
});
