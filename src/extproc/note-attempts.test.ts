import assert from "node:assert/strict";
import { test } from "node:test";
import { ANSWER, CHAT_HEAD, chat, refId, STANDARD } from "./scripted-config.ts";
import { type Answered, edited, logMessage, planOf, ScriptedEnvoy } from "./scripted-envoy.ts";

const PLAN = await planOf(STANDARD);
const JSON_HEAD = { "content-type": "application/json" };
const OPENAI = "default/openai";
const UNREACHABLE: Answered = { details: "upstream_reset_before_response_started{connection_failure}" };

const ONE_BACKEND: readonly { name: string; in: Answered; want: [attempts: number, failed: string[]] }[] = [
  { name: "sent once", in: { attempts: 1 }, want: [1, []] },
  { name: "sent three times", in: { attempts: 3 }, want: [3, [OPENAI, OPENAI]] },
  { name: "not told", in: {}, want: [1, []] },
  { name: "never reached, tried twice", in: { ...UNREACHABLE, attempts: 2 }, want: [2, [OPENAI]] },
  { name: "ended before it was sent", in: { details: "request_payload_too_large", attempts: 0 }, want: [0, []] },
  { name: "refused by us", in: { details: "aigw_unsupported", attempts: 2 }, want: [1, []] },
];

for (const { name, in: answered, want } of ONE_BACKEND) {
  test(`attempts at a rule's only backend are counted by Envoy: ${name}`, () => {
    const envoy = new ScriptedEnvoy(PLAN);
    const { call } = envoy.admitted(CHAT_HEAD, chat("one"));
    call.responseHead(answered.details === undefined ? 200 : 503, JSON_HEAD, answered);
    call.responseBody(ANSWER, { end: true });
    call.close();
    assert.deepEqual([envoy.record.attempts, envoy.record.failedBackends], want);
  });
}

test("an attempt that Envoy gave up before it came here is counted", () => {
  const envoy = new ScriptedEnvoy(PLAN);
  const { call, told } = envoy.admitted(CHAT_HEAD, chat("two"));
  // The one before it was at another backend.
  envoy.upstream().attemptHead(edited(CHAT_HEAD, told ?? { phase: undefined }), call.id, refId("openai", 3, 0));
  call.responseHead(200, JSON_HEAD, { attempts: 2 });
  call.responseBody(ANSWER, { end: true });
  call.close();
  assert.partialDeepStrictEqual(envoy.record, { outcome: "ok", attempts: 2, backendName: OPENAI });
});

const LEFT = { flags: { downstreamConnectionTermination: true }, details: "downstream_remote_disconnect" };

for (const { name, attempts, want } of [
  { name: "as Envoy has counted them", attempts: 3, want: 3 },
  { name: "as they came here where Envoy does not say", attempts: 0, want: 1 },
]) {
  test(`the attempts of a request whose caller left are logged ${name}`, () => {
    const envoy = new ScriptedEnvoy(PLAN);
    const { call } = envoy.admitted(CHAT_HEAD, chat("one"));
    call.close();
    envoy.accessLog().say(logMessage({ ...LEFT, id: call.id, attempts }));
    assert.partialDeepStrictEqual(envoy.record, { outcome: "cancelled", attempts: want });
  });
}

test("the attempts of a request whose processor is gone are logged", () => {
  const envoy = new ScriptedEnvoy(PLAN);
  envoy
    .accessLog()
    .say(logMessage({ id: "0-gone-7", status: 503, details: "ext_proc_error_gRPC_error_14", attempts: 2 }));
  assert.partialDeepStrictEqual(envoy.record, { status: 503, attempts: 2 });
});
