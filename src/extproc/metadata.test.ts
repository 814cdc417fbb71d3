import assert from "node:assert/strict";
import { test } from "node:test";
import { accept } from "../exchange/accept.ts";
import { admit } from "../exchange/admit.ts";
import { beginAttempt, pickBackend } from "../exchange/attempt.ts";
import { Exchange } from "../exchange/exchange.ts";
import type { RequestRecord } from "../telemetry/request-record.ts";
import { CostProgram } from "../usage/cost.ts";
import { HeaderMap } from "../wire/headers.ts";
import { attemptMetadata, limitMetadata, named, runningMetadata, settledMetadata } from "./metadata.ts";
import { chat, refId, STANDARD } from "./scripted-config.ts";
import { planOf, ScriptedEnvoy } from "./scripted-envoy.ts";

const PLAN = await planOf(STANDARD);

/** A request that has come to its attempt, and the log of what was said about it. */
function begun(headers: readonly string[] = [], changes: Partial<RequestRecord> = {}) {
  const envoy = new ScriptedEnvoy(PLAN);
  const exchange = new Exchange(envoy.host.context, PLAN, {
    listener: PLAN.config.listeners[0]?.name ?? "",
    method: "POST",
    target: "/v1/chat/completions",
    host: "gateway.test",
    peer: { address: undefined },
    headers: new HeaderMap([...headers]),
  });
  accept(exchange);
  admit(exchange, Buffer.from(JSON.stringify(chat("renamed", { stream: true }))));
  beginAttempt(exchange, pickBackend(exchange));
  Object.assign(exchange.record, changes);
  return { exchange, lines: envoy.lines };
}

const NAMES = {
  model_name_override: "gpt-real",
  ai_service_backend_name: "default/openai",
  route_name: "default/main",
};

test("metadata is in the namespace that users know", () => {
  assert.deepEqual(named({ a: 1 }), { "io.envoy.ai_gateway": { a: 1 } });
});

const ATTEMPTS = [
  { name: "a body that stays", headers: [], length: undefined, want: {} },
  { name: "a body that is replaced", headers: [], length: 12, want: { content_length: 12 } },
  { name: "a session", headers: ["agent-session-id", "s"], length: undefined, want: { "session.id": "s" } },
  { name: "an empty session", headers: ["agent-session-id", ""], length: undefined, want: {} },
];

for (const { name, headers, length, want } of ATTEMPTS) {
  test(`an attempt tells its backend, with ${name}`, () => {
    const { exchange } = begun(headers);
    assert.deepEqual(attemptMetadata(exchange, length), {
      backend_name: refId("openai", 1, 0),
      original_model: "renamed",
      ...want,
    });
  });
}

test("without a rate limit there is nothing to say of it", () => {
  assert.deepEqual(limitMetadata(begun().exchange), {});
});

test("an answer that has not begun has cost nothing", () => {
  for (const upstreamStatus of [0, 429]) assert.deepEqual(runningMetadata(begun([], { upstreamStatus }).exchange), {});
});

test("an answer that has begun costs what it has brought so far", () => {
  const { exchange } = begun([], { upstreamStatus: 200 });
  exchange.attempt?.translator.streamChunk(Buffer.from('data: {"choices":[]}\n\n'));
  assert.deepEqual(runningMetadata(exchange), { ...NAMES, input: 20, output: 1 });
});

const TIMES = { startMs: 1000, firstByteMs: 1012.75, endMs: 1112.75, events: 5 };
const SETTLED: readonly { name: string; in: Partial<RequestRecord>; want: object }[] = [
  { name: "one that no backend was asked for", in: { backendName: "" }, want: {} },
  { name: "one without an answer", in: { firstByteMs: 0 }, want: NAMES },
  {
    name: "a stream",
    in: { ...TIMES, responseModel: "m", costs: ["input", 3, "own", 0.5] },
    want: { ...NAMES, response_model: "m", input: 3, own: 0.5, token_latency_ttft: 12, token_latency_itl: 25 },
  },
  { name: "a stream of one event", in: { ...TIMES, events: 1 }, want: { ...NAMES, token_latency_ttft: 12 } },
  { name: "a whole answer", in: { ...TIMES, stream: false }, want: NAMES },
];

for (const { name, in: changes, want } of SETTLED) {
  test(`the end of a request is told: ${name}`, () => {
    const { exchange } = begun([], changes);
    assert.deepEqual(settledMetadata(exchange), { settled: 1, ...want });
  });
}

test("a cost that cannot be computed is logged, and the others are told", () => {
  const costProgram = new CostProgram(
    new Map<string, () => number | string>([
      ["bad", () => "overflow"],
      ["good", () => 7],
    ]),
  );
  const { exchange, lines } = begun([], { costProgram });
  assert.deepEqual(settledMetadata(exchange), { ...NAMES, settled: 1, good: 7 });
  assert.equal(lines.length, 1);
  assert.match(lines[0] ?? "", /cost not computed.*overflow/);
});
