import assert from "node:assert/strict";
import { test } from "node:test";
import { promisify } from "node:util";
import { gunzip, gzipSync } from "node:zlib";
import type { RequestRecord } from "../telemetry/request-record.ts";
import {
  ANSWER,
  BACKENDS,
  CHAT_HEAD,
  chat,
  event,
  LAST_EVENTS,
  route,
  rule,
  STANDARD,
  trafficPolicy,
} from "./scripted-config.ts";
import { type Logged, logMessage, planOf, type ScriptedCall, ScriptedEnvoy } from "./scripted-envoy.ts";

const PLAN = await planOf(STANDARD);
const STREAM_HEAD = { "content-type": "text/event-stream" };
const LEFT: Logged = { flags: { downstreamConnectionTermination: true }, details: "downstream_remote_disconnect" };
const BROKEN: Logged = {
  flags: { upstreamRemoteReset: true },
  status: 200,
  details: "upstream_reset_after_response_started{connection_termination}",
};

/** What happens to a request under way; `log` tells of it by its id, `unnamed` without. */
type Step = "end" | "close" | "log" | "unnamed" | "wait";

interface Ending {
  readonly steps: readonly Step[];
  readonly logged?: Logged;
  readonly want: Partial<RequestRecord>;
}

/** Takes a request through the steps. */
function finish(envoy: ScriptedEnvoy, call: ScriptedCall, { steps, logged = LEFT }: Ending): void {
  const log = envoy.accessLog();
  for (const step of steps) {
    if (step === "end") call.responseBody(event("b") + LAST_EVENTS, { end: true });
    else if (step === "close") call.close();
    else if (step === "wait") envoy.pass(1001);
    else log.say(logMessage(step === "log" ? { ...logged, id: call.id } : logged));
  }
}

const CANCELLED = { outcome: "cancelled", errorType: "client_closed" } as const;
const RESET = { outcome: "error", errorType: "upstream_reset_mid_stream", status: 200 } as const;

const ENDINGS: readonly Ending[] = [
  { steps: ["end", "close"], want: { outcome: "ok" } },
  { steps: ["end", "close", "log"], want: { outcome: "ok" } },
  { steps: ["end", "log", "close"], want: { outcome: "ok" } },
  { steps: ["end", "close", "wait"], want: { outcome: "ok" } },
  { steps: ["close", "end", "log"], want: CANCELLED },
  { steps: ["close", "log"], want: CANCELLED },
  { steps: ["log", "close"], want: CANCELLED },
  { steps: ["close", "log", "log"], want: CANCELLED },
  { steps: ["close", "unnamed"], want: CANCELLED },
  { steps: ["close", "unnamed", "log"], want: CANCELLED },
  { steps: ["close", "wait"], want: CANCELLED },
  { steps: ["close", "wait", "log"], want: CANCELLED },
  { steps: ["close", "log"], logged: BROKEN, want: RESET },
  { steps: ["log", "close"], logged: BROKEN, want: RESET },
  { steps: ["log", "wait", "close"], logged: BROKEN, want: RESET },
  { steps: ["close", "unnamed"], logged: BROKEN, want: RESET },
  { steps: ["close", "log"], logged: { details: "via_upstream", status: 200 }, want: CANCELLED },
  {
    steps: ["close", "log"],
    logged: { details: "whatever_this_is", status: 200 },
    want: { outcome: "error", errorType: "internal" },
  },
];

for (const ending of ENDINGS) {
  test(`a stream is settled once: ${ending.steps.join(", ")} (${ending.logged?.details ?? "the caller left"})`, () => {
    const envoy = new ScriptedEnvoy(PLAN);
    const { call } = envoy.admitted(CHAT_HEAD, chat("one", { stream: true }));
    call.responseHead(200, STREAM_HEAD);
    call.responseBody(event("a"));
    finish(envoy, call, ending);
    assert.partialDeepStrictEqual(envoy.record, ending.want);
    // What has begun to come is charged, whatever its end was.
    assert.equal(envoy.record.usage.outputTokens, { ok: 4, cancelled: 1, error: 1 }[envoy.record.outcome]);
    assert.equal(envoy.host.inFlight, 0);
    assert.equal(envoy.host.requests.size, 0);
  });
}

test("a request is waited for a second after its call, and then the caller has left", () => {
  const envoy = new ScriptedEnvoy(PLAN);
  const { call } = envoy.admitted(CHAT_HEAD, chat("one"));
  call.close();
  envoy.pass(1000);
  assert.deepEqual([envoy.records.length, envoy.host.inFlight], [0, 1]);
  envoy.pass(1);
  assert.partialDeepStrictEqual(envoy.record, { ...CANCELLED, status: 499 });
  assert.equal(envoy.host.inFlight, 0);
});

/** How far a request has come when its call is closed. */
const PHASES: readonly { name: string; go: (envoy: ScriptedEnvoy) => ScriptedCall }[] = [
  {
    name: "before its body",
    go: (envoy) => {
      const call = envoy.router();
      call.requestHead(CHAT_HEAD);
      return call;
    },
  },
  { name: "while a backend is asked", go: (envoy) => envoy.admitted(CHAT_HEAD, chat("one")).call },
  { name: "while a backend is chosen", go: (envoy) => envoy.admitted(CHAT_HEAD, chat("two")).call },
  {
    name: "before the body of a whole answer",
    go: (envoy) => {
      const { call } = envoy.admitted(CHAT_HEAD, chat("one"));
      call.responseHead(200, { "content-type": "application/json" });
      return call;
    },
  },
  {
    name: "before the first event of a stream",
    go: (envoy) => {
      const { call } = envoy.admitted(CHAT_HEAD, chat("one", { stream: true }));
      call.responseHead(200, STREAM_HEAD);
      return call;
    },
  },
];

for (const { name, go } of PHASES) {
  for (const end of ["log", "wait"] as const) {
    test(`a caller that leaves ${name} is recorded once, told by the ${end === "log" ? "log" : "time"}`, () => {
      const envoy = new ScriptedEnvoy(PLAN);
      const call = go(envoy);
      const step = end === "log" && call.id === "" ? "unnamed" : end;
      finish(envoy, call, { steps: ["close", step], want: {} });
      assert.partialDeepStrictEqual(envoy.record, CANCELLED);
      assert.equal(envoy.host.inFlight, 0);
      assert.deepEqual(call.requestBody("{}"), []);
    });
  }
}

/** Requests that Envoy may not have the id of: it can have ended before it read our first answer. */
const UNNAMED: readonly { name: string; go: (envoy: ScriptedEnvoy) => ScriptedCall }[] = PHASES.slice(0, 3);

for (const { name, go } of UNNAMED) {
  test(`a caller that leaves ${name} is recorded once, also when the log is there before the call is closed`, () => {
    const envoy = new ScriptedEnvoy(PLAN);
    const call = go(envoy);
    finish(envoy, call, { steps: ["unnamed"], want: {} });
    assert.deepEqual([envoy.records.length, envoy.host.inFlight], [0, 1]);
    finish(envoy, call, { steps: ["close", "wait"], want: {} });
    assert.partialDeepStrictEqual(envoy.record, CANCELLED);
    assert.equal(envoy.host.inFlight, 0);
  });
}

test("an entry without an id that comes while two like it are under way is about the one that ends", () => {
  const envoy = new ScriptedEnvoy(PLAN);
  const { call: ending } = envoy.admitted(CHAT_HEAD, chat("one"));
  const { call: other } = envoy.admitted(CHAT_HEAD, chat("one"));
  other.close();
  finish(envoy, ending, { steps: ["unnamed"], want: {} });
  assert.deepEqual([envoy.records.length, envoy.host.inFlight], [1, 1]);
  ending.responseHead(200, { "content-type": "application/json" });
  ending.responseBody(ANSWER, { end: true });
  ending.close();
  assert.deepEqual(
    envoy.records.map(({ outcome }) => outcome),
    ["cancelled", "ok"],
  );
});

test("a caller that leaves while an answer is unpacked is recorded once", async () => {
  const envoy = new ScriptedEnvoy(PLAN);
  const { call } = envoy.admitted(CHAT_HEAD, chat("one"));
  call.responseHead(200, { "content-type": "application/json", "content-encoding": "gzip" });
  call.responseBody(gzipSync(ANSWER), { end: true });
  const told = call.told.length;
  call.close();
  finish(envoy, call, { steps: ["log"], want: {} });
  // The rest of the unpacking, of which nobody hears any more.
  await promisify(gunzip)(gzipSync(ANSWER));
  assert.partialDeepStrictEqual(envoy.record, CANCELLED);
  assert.equal(call.told.length, told);
});

test("a whole answer that breaks off has the status that the caller has seen", () => {
  const envoy = new ScriptedEnvoy(PLAN);
  const { call } = envoy.admitted(CHAT_HEAD, chat("one"));
  call.responseHead(200, { "content-type": "application/json" });
  finish(envoy, call, { steps: ["close", "log"], logged: BROKEN, want: {} });
  assert.partialDeepStrictEqual(envoy.record, RESET);
});

test("a call that is closed before its head leaves nothing", () => {
  const envoy = new ScriptedEnvoy(PLAN);
  envoy.router().close();
  envoy.pass(1001);
  assert.deepEqual([envoy.records.length, envoy.host.inFlight], [0, 0]);
});

const LIMITS = `      timeouts: { request: 5s, backendRequest: 2s }`;
const ONE = `${route(rule("one", "[{ name: openai }]", LIMITS))}${BACKENDS}`;
const RETRY = `  retry: { numRetries: 2, retryOn: { triggers: [connect-failure] } }`;

test("a backend that does not begin to answer is given up", async () => {
  const envoy = new ScriptedEnvoy(await planOf(ONE));
  const { call } = envoy.admitted(CHAT_HEAD, chat("one"));
  envoy.pass(2000);
  assert.equal(call.told.length, 2);
  envoy.pass(1);
  const last = call.told.at(-1);
  assert.deepEqual([last?.phase, last?.status], ["immediateResponse", 504]);
  assert.equal(envoy.record.errorType, "upstream_timeout");
  call.close();
  assert.equal(envoy.host.inFlight, 0);
});

test("where Envoy may try again it gives up an attempt itself, and only the whole request is limited here", async () => {
  const envoy = new ScriptedEnvoy(await planOf(`${ONE}${trafficPolicy(RETRY)}`));
  const { call } = envoy.admitted(CHAT_HEAD, chat("one"));
  envoy.pass(5000);
  assert.equal(call.told.length, 2);
  envoy.pass(1);
  assert.deepEqual(call.told.at(-1)?.status, 504);
  assert.equal(envoy.record.errorMessage, "the request took longer than the route allows");
});

test("a whole answer that stops arriving is given up", () => {
  const envoy = new ScriptedEnvoy(PLAN);
  const { call } = envoy.admitted(CHAT_HEAD, chat("idle"));
  call.responseHead(200, { "content-type": "application/json" });
  envoy.pass(301);
  assert.equal(call.told.at(-1)?.status, 504);
  assert.deepEqual(call.responseBody(ANSWER, { end: true }), []);
  assert.equal(envoy.record.errorType, "upstream_timeout");
});

test("a caller may take its time to send the body", () => {
  const envoy = new ScriptedEnvoy(PLAN);
  const call = envoy.router();
  call.requestHead(CHAT_HEAD);
  envoy.pass(3_600_000);
  assert.equal(call.told.length, 1);
  assert.equal(call.requestBody(JSON.stringify(chat("idle")))[0]?.phase, "requestBody");
});
