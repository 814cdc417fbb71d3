import assert from "node:assert/strict";
import { test } from "node:test";
import { gzipSync } from "node:zlib";
import {
  ANSWER,
  CHAT_HEAD,
  chat,
  event,
  LAST_EVENTS,
  MESSAGES_HEAD,
  STANDARD,
  USAGE_EVENT,
} from "./scripted-config.ts";
import { type Heads, planOf, ScriptedEnvoy } from "./scripted-envoy.ts";
import type { Told } from "./scripted-told.ts";

const PLAN = await planOf(STANDARD);
const JSON_HEAD = { "content-type": "application/json", "x-request-id": "upstream-1" };
const STREAM_HEAD = { "content-type": "text/event-stream", "x-request-id": "upstream-1" };
const WAITS = { phase: "responseHeaders", mode: { responseHeaderMode: "SEND", responseBodyMode: "BUFFERED" } };
const STREAMS = { responseBodyMode: "FULL_DUPLEX_STREAMED", responseTrailerMode: "SEND" };

/** What is told of every request to the model `one` that a backend has answered. */
const NAMES = {
  model_name_override: "one",
  ai_service_backend_name: "default/openai",
  route_name: "default/main",
} as const;
const SETTLED = { ...NAMES, settled: 1, input: 3, output: 5, response_model: "gpt-real-2" };

/** A request that a backend has been asked with. */
function asked(body: object, head: Heads = CHAT_HEAD) {
  const envoy = new ScriptedEnvoy(PLAN);
  return { envoy, call: envoy.admitted(head, body).call };
}

/** What is told for a whole answer once its body is there. */
function whole(status: number, head: Heads, body: string): { envoy: ScriptedEnvoy; told: Told | undefined } {
  const { envoy, call } = asked(chat("one"));
  assert.deepEqual(call.responseHead(status, head), [WAITS]);
  const [told] = call.responseBody(body, { end: true });
  call.close();
  assert.equal(envoy.host.inFlight, 0);
  return { envoy, told };
}

test("a whole answer that needs no change goes as it came, with what it cost", () => {
  const { envoy, told } = whole(200, { ...JSON_HEAD, "set-cookie": "a=b", "x-envoy-decorator": "x" }, ANSWER);
  assert.deepEqual(told, { phase: "responseBody", remove: ["set-cookie", "x-envoy-decorator"], metadata: SETTLED });
  const { status, upstreamStatus, outcome, responseBytes, costs, responseModel } = envoy.record;
  assert.deepEqual(
    { status, upstreamStatus, outcome, responseBytes, costs, responseModel },
    {
      status: 200,
      upstreamStatus: 200,
      outcome: "ok",
      responseBytes: ANSWER.length,
      costs: ["input", 3, "output", 5],
      responseModel: "gpt-real-2",
    },
  );
});

test("an answer without a request id gets the request's", () => {
  const { told } = whole(200, { "content-type": "application/json" }, ANSWER);
  assert.deepEqual(told?.set, { "x-request-id": "r-1" });
});

const WRAPPED = '{"type":"error","error":{"type":"OpenAIBackendError","code":"503","message":"down for maintenance"}}';

test("an error that is no JSON becomes one of the caller's dialect, with its length", () => {
  const { envoy, told } = whole(503, { ...JSON_HEAD, "content-type": "text/plain" }, "down for maintenance");
  assert.deepEqual(told, {
    phase: "responseBody",
    set: { "content-type": "application/json", "content-length": String(WRAPPED.length) },
    body: WRAPPED,
    metadata: { ...NAMES, settled: 1 },
  });
  assert.equal(envoy.record.errorType, "upstream_error");
  assert.equal(envoy.record.errorMessage, "the provider answered with an error: status 503");
});

test("an error of the provider's that is one already stays as it is", () => {
  const { envoy, told } = whole(401, JSON_HEAD, '{"error":{"message":"no","type":"auth"}}');
  assert.deepEqual(told, { phase: "responseBody", metadata: { ...NAMES, settled: 1 } });
  assert.equal(envoy.record.status, 401);
});

test("an error that came with a 200 gets the status of an error", () => {
  const { envoy, told } = whole(200, JSON_HEAD, '{"error":{"message":"no","code":429}}');
  assert.deepEqual(told?.set, { ":status": "429" });
  assert.equal(envoy.record.status, 429);
  assert.equal(envoy.record.upstreamStatus, 200);
  assert.equal(envoy.record.errorType, "upstream_error");
});

test("an answer that is not whole is an error", () => {
  const { envoy, told } = whole(200, JSON_HEAD, ANSWER.slice(0, -9));
  assert.equal(told?.set?.[":status"], "502");
  assert.equal(told?.set?.["content-length"], String(told?.body?.length));
  assert.equal(JSON.parse(told?.body ?? "").error.type, "BadGateway");
  assert.equal(envoy.record.errorType, "upstream_invalid");
});

test("an answer whose trailers follow is whole when Envoy has it", () => {
  const { envoy, call } = asked(chat("one"));
  call.responseHead(200, JSON_HEAD);
  assert.deepEqual(call.responseBody(ANSWER), [{ phase: "responseBody", metadata: SETTLED }]);
  assert.equal(envoy.record.outcome, "ok");
});

test("a compressed answer is read, and goes on without its coding", async () => {
  const { envoy, call } = asked(chat("one"));
  const zipped = gzipSync(ANSWER);
  call.responseHead(200, { ...JSON_HEAD, "content-encoding": "gzip", "content-length": String(zipped.length) });
  const decoded = call.next();
  assert.deepEqual(call.responseBody(zipped, { end: true }), []);
  assert.deepEqual(await decoded, {
    phase: "responseBody",
    set: { "content-length": String(ANSWER.length) },
    remove: ["content-encoding"],
    body: ANSWER,
    metadata: SETTLED,
  });
  assert.equal(envoy.record.usage.totalTokens, 8);
});

test("a compressed answer that is cut off is an error", async () => {
  const { envoy, call } = asked(chat("one"));
  call.responseHead(200, { ...JSON_HEAD, "content-encoding": "gzip" });
  const decoded = call.next();
  call.responseBody(gzipSync(ANSWER).subarray(0, 40), { end: true });
  assert.equal((await decoded).set?.[":status"], "502");
  assert.equal(envoy.record.errorType, "upstream_invalid");
});

const AT_HEAD: readonly { name: string; status: number; head: Heads; want: number; type: string }[] = [
  { name: "a redirect", status: 302, head: { location: "http://10.0.0.1/" }, want: 502, type: "upstream_invalid" },
  { name: "an unknown coding", status: 200, head: { "content-encoding": "x" }, want: 502, type: "upstream_invalid" },
];

for (const { name, status, head, want, type } of AT_HEAD) {
  test(`${name} is refused before there is a body`, () => {
    const { envoy, call } = asked(chat("one"));
    const [told] = call.responseHead(status, head);
    assert.equal(told?.phase, "immediateResponse");
    assert.equal(told?.status, want);
    assert.equal(told?.details, `aigw_${type}`);
    assert.equal(told?.set?.["location"], undefined);
    assert.equal(envoy.record.errorType, type);
    assert.deepEqual(call.responseBody("x", { end: true }), []);
  });
}

test("an error without a body is replied with what its headers say, repeated ones in one", () => {
  const { envoy, call } = asked(chat("one"));
  const head = { "retry-after": "3", link: ["<a>", "<b>"], "content-length": "0" };
  const [told] = call.responseHead(429, head, { end: true });
  const { body, ...rest } = told ?? { phase: undefined };
  assert.deepEqual(rest, {
    phase: "immediateResponse",
    status: 429,
    details: "aigw_upstream_error",
    set: { "retry-after": "3", link: "<a>, <b>", "x-request-id": "r-1", "content-type": "application/json" },
    metadata: { ...NAMES, settled: 1 },
  });
  assert.equal(JSON.parse(body ?? "").error.code, "429");
  assert.equal(envoy.record.status, 429);
});

test("an answer without a body where there must be one is an error", () => {
  const { envoy, call } = asked(chat("one"));
  const [told] = call.responseHead(200, JSON_HEAD, { end: true });
  assert.equal(told?.status, 502);
  assert.equal(envoy.record.errorType, "upstream_invalid");
});

test("a stream goes on chunk by chunk, in whole events", () => {
  const { envoy, call } = asked(chat("one", { stream: true, stream_options: { include_usage: true } }));
  envoy.now += 40;
  assert.deepEqual(call.responseHead(200, { ...STREAM_HEAD, "set-cookie": "a" }), [
    { phase: "responseHeaders", remove: ["set-cookie"], mode: STREAMS },
  ]);
  const first = event("a");
  envoy.now += 2.5;
  // 113 bytes of request and one event, by the estimate.
  assert.deepEqual(call.responseBody(first), [
    { phase: "responseBody", chunk: first, metadata: { ...NAMES, input: 29, output: 1 } },
  ]);
  const second = event("b");
  assert.deepEqual(call.responseBody(second.slice(0, 9)), []);
  assert.deepEqual(call.responseBody(""), []);
  assert.deepEqual(call.responseBody(second.slice(9) + first.slice(0, 3)), [{ phase: "responseBody", chunk: second }]);
  envoy.now += 30;
  const rest = first.slice(3) + LAST_EVENTS.replace("data: [DONE]\n\n", `${USAGE_EVENT}data: [DONE]\n\n`);
  assert.deepEqual(call.responseBody(rest), [{ phase: "responseBody", chunk: first.slice(0, 3) + rest }]);
  const events = 6;
  assert.deepEqual(call.responseBody("", { end: true }), [
    {
      phase: "responseBody",
      chunk: "",
      end: true,
      metadata: { ...SETTLED, token_latency_ttft: 42, token_latency_itl: 30 / (events - 1) },
    },
  ]);
  call.close();
  const { outcome, events: relayed, firstByteMs, endMs, costs } = envoy.record;
  assert.deepEqual(
    { outcome, relayed, firstByteMs, endMs },
    { outcome: "ok", relayed: events, firstByteMs: 1042.5, endMs: 1072.5 },
  );
  assert.deepEqual(costs, ["input", 3, "output", 5]);
  assert.equal(envoy.host.inFlight, 0);
});

test("a stream that is there at once is one message, and usage that was not asked for is withheld", () => {
  const { call } = asked(chat("one", { stream: true }));
  call.responseHead(200, STREAM_HEAD);
  const [first, last] = [event("a"), LAST_EVENTS];
  const done = last.indexOf("data: [DONE]");
  const sent = first + last.slice(0, done) + USAGE_EVENT + last.slice(done);
  const told = call.responseBody(sent, { end: true });
  assert.equal(told.length, 1);
  assert.equal(told[0]?.chunk, first + last);
  assert.equal(told[0]?.end, true);
  assert.deepEqual(told[0]?.metadata?.["output"], 5);
});

test("a stream's cost so far is told at its first event and every 16 events", () => {
  const { call } = asked(chat("one", { stream: true }));
  call.responseHead(200, STREAM_HEAD);
  const costs = Array.from({ length: 40 }, () => call.responseBody(event("a"))[0]?.metadata?.["output"]);
  const told = costs.flatMap((output, index) => (output === undefined ? [] : [[index + 1, output]]));
  assert.deepEqual(told, [
    [1, 1],
    [17, 17],
    [33, 33],
  ]);
});

test("trailers end a stream", () => {
  const { envoy, call } = asked(chat("one", { stream: true }));
  call.responseHead(200, STREAM_HEAD);
  call.responseBody(event("a") + LAST_EVENTS);
  const [told] = call.trailers("responseTrailers");
  assert.deepEqual([told?.phase, told?.chunk, told?.end], ["responseBody", "", true]);
  assert.equal(envoy.record.outcome, "ok");
});

test("a compressed stream streams, without its coding", async () => {
  const { envoy, call } = asked(chat("one", { stream: true }));
  const [told] = call.responseHead(200, { ...STREAM_HEAD, "content-encoding": "gzip" });
  assert.deepEqual(told, { phase: "responseHeaders", remove: ["content-encoding"], mode: STREAMS });
  const zipped = gzipSync(event("a") + LAST_EVENTS);
  let chunk = call.next();
  call.responseBody(zipped, { end: true });
  let text = "";
  for (;;) {
    const { chunk: bytes, end } = await chunk;
    text += bytes;
    if (end) break;
    chunk = call.next();
  }
  assert.equal(text, event("a") + LAST_EVENTS);
  assert.equal(envoy.record.outcome, "ok");
});

test("a stream that is labelled as something else is read whole, and says what it is", () => {
  const { envoy, call } = asked(chat("one", { stream: true }));
  assert.deepEqual(call.responseHead(200, { ...JSON_HEAD, "content-type": "text/plain" }), [WAITS]);
  const [told] = call.responseBody(event("a") + LAST_EVENTS, { end: true });
  assert.equal(told?.set?.["content-type"], "text/event-stream");
  assert.equal(told?.metadata?.["settled"], 1);
  assert.equal(envoy.record.outcome, "ok");
  assert.equal(envoy.record.events, 3);
});

test("a request for a stream that is answered as a whole gets it", () => {
  const { call } = asked(chat("one", { stream: true }));
  assert.deepEqual(call.responseHead(200, JSON_HEAD), [WAITS]);
  const [told] = call.responseBody(ANSWER, { end: true });
  assert.equal(told?.body, undefined);
  assert.equal(told?.metadata?.["output"], 5);
});

const CUT: readonly { name: string; head: Heads; model: string; chunk: string; want: object }[] = [
  {
    name: "OpenAI",
    head: CHAT_HEAD,
    model: "idle",
    chunk: event("a"),
    want: { type: "error", error: { type: "GatewayTimeout", code: "504" } },
  },
  {
    name: "Anthropic",
    head: MESSAGES_HEAD,
    model: "claude",
    chunk: 'event: ping\ndata: {"type":"ping"}\n\n',
    want: { type: "error", error: { type: "timeout_error" }, request_id: "r-1" },
  },
];

for (const { name, head, model, chunk, want } of CUT) {
  test(`a stream that falls silent ends with an error event of ${name}'s`, () => {
    const { envoy, call } = asked(chat(model, { stream: true }), head);
    call.responseHead(200, STREAM_HEAD);
    call.responseBody(chunk);
    envoy.pass(300);
    assert.equal(call.told.at(-1)?.chunk, chunk);
    envoy.pass(1);
    const last = call.told.at(-1);
    assert.equal(last?.end, true);
    assert.equal(last?.metadata?.["settled"], 1);
    const data = last?.chunk?.match(/^data: (.*)$/m)?.[1] ?? "";
    assert.partialDeepStrictEqual(JSON.parse(data), want);
    assert.equal(last?.chunk?.startsWith("event: error\n"), name === "Anthropic");
    assert.deepEqual(call.responseBody(chunk, { end: true }), []);
    call.close();
    assert.equal(envoy.record.errorType, "stream_idle_timeout");
    assert.equal(envoy.record.status, 200);
    assert.equal(envoy.record.usage.estimated, true);
    assert.equal(envoy.host.inFlight, 0);
  });
}

test("a stream that ends before its answer is complete ends with an error event", () => {
  const { envoy, call } = asked(chat("one", { stream: true }));
  call.responseHead(200, STREAM_HEAD);
  call.responseBody(event("a"));
  const [told] = call.responseBody("", { end: true });
  assert.equal(told?.end, true);
  assert.match(told?.chunk ?? "", /^data: .*"BadGateway"/);
  assert.equal(envoy.record.errorType, "upstream_reset_mid_stream");
  assert.equal(envoy.record.outcome, "error");
});

test("an error event of the provider's is relayed and recorded", () => {
  const { envoy, call } = asked(chat("one", { stream: true }));
  call.responseHead(200, STREAM_HEAD);
  const error = 'data: {"error":{"message":"overloaded","type":"server_error"}}\n\n';
  const [told] = call.responseBody(event("a") + error, { end: true });
  assert.equal(told?.chunk, event("a") + error);
  assert.equal(envoy.record.errorType, "upstream_error");
  assert.equal(envoy.record.errorMessage, "the provider answered with an error: server_error");
});

test("a stream of which nothing but the head came is an error too", () => {
  const { envoy, call } = asked(chat("one", { stream: true }));
  const [told] = call.responseHead(200, STREAM_HEAD, { end: true });
  assert.equal(told?.phase, "immediateResponse");
  assert.equal(told?.set?.["content-type"], "text/event-stream");
  assert.match(told?.body ?? "", /^data: .*"BadGateway"/);
  assert.equal(envoy.record.errorType, "upstream_reset_mid_stream");
});

const SPEECH = { model: "one", input: "hello", voice: "alloy" };
const SPEECH_HEAD = { ...CHAT_HEAD, ":path": "/v1/audio/speech" };

test("an answer of bytes goes on chunk by chunk, unread", () => {
  const { envoy, call } = asked(SPEECH, SPEECH_HEAD);
  const [head] = call.responseHead(200, { ...JSON_HEAD, "content-type": "audio/mpeg", "content-length": "3" });
  assert.deepEqual(head, { phase: "responseHeaders", mode: STREAMS });
  assert.deepEqual(call.responseBody("{"), [{ phase: "responseBody", chunk: "{" }]);
  const told = call.responseBody("]!", { end: true });
  assert.partialDeepStrictEqual(told, [{ phase: "responseBody", chunk: "]!", end: true }]);
  call.close();
  assert.equal(envoy.record.outcome, "ok");
  assert.equal(envoy.record.responseBytes, 3);
});

test("an answer of bytes that fails ends the call, so that Envoy breaks it off", async () => {
  const { envoy, call } = asked(SPEECH, SPEECH_HEAD);
  call.responseHead(200, { ...JSON_HEAD, "content-type": "audio/mpeg", "content-encoding": "gzip" });
  call.responseBody("no gzip", { end: true });
  while (call.status === undefined) await new Promise((resolve) => setImmediate(resolve));
  assert.equal(call.status, 13);
  assert.equal(envoy.record.errorType, "upstream_invalid");
  assert.equal(envoy.host.inFlight, 0);
});
