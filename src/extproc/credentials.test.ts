import assert from "node:assert/strict";
import { test } from "node:test";
import type { Authenticator } from "../backend-auth/authenticator.ts";
import { GatewayError } from "../errors/gateway-error.ts";
import { CHAT_HEAD, chat, refId, STANDARD } from "./scripted-config.ts";
import { edited, planOf, type ScriptedCall, ScriptedEnvoy } from "./scripted-envoy.ts";

const PLAN = await planOf(STANDARD);
const OPENAI = refId("openai", 3, 0);
const ERROR = new GatewayError("credentials_unavailable", "the credentials cannot be had: down");
const MORE_TIME = { phase: undefined, moreTimeMs: 15_000 };

/** Credentials that are being issued until the test says what became of that. */
function issuing(envoy: ScriptedEnvoy) {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  let token: string | undefined;
  envoy.authenticator = {
    pending: () => (token === undefined ? promise : undefined),
    sign: ({ headers }) => {
      if (token === undefined) throw ERROR;
      headers.set("authorization", `Bearer ${token}`);
      return undefined;
    },
  };
  return {
    issue: () => {
      token = "issued";
      resolve();
    },
    refuse: () => reject(ERROR),
  };
}

/** How a request comes to wait: at once where its rule has one backend, else when Envoy has chosen. */
const WAYS: { name: string; begin: (envoy: ScriptedEnvoy) => { router: ScriptedCall; waiting: ScriptedCall } }[] = [
  {
    name: "a rule with one backend",
    begin: (envoy) => {
      const { call, told } = envoy.admitted(CHAT_HEAD, chat("renamed"));
      assert.deepEqual(told, MORE_TIME);
      return { router: call, waiting: call };
    },
  },
  {
    name: "a rule with several",
    begin: (envoy) => {
      const { call, told = { phase: undefined } } = envoy.admitted(CHAT_HEAD, chat("two"));
      const upstream = envoy.upstream();
      assert.deepEqual(upstream.attemptHead(edited(CHAT_HEAD, told), call.id, OPENAI), [MORE_TIME]);
      return { router: call, waiting: upstream };
    },
  },
];

for (const { name, begin } of WAYS) {
  test(`a request waits for its credentials, and Envoy is asked for the time: ${name}`, async () => {
    const envoy = new ScriptedEnvoy(PLAN);
    const { issue } = issuing(envoy);
    const { waiting } = begin(envoy);
    const next = waiting.next();
    issue();
    assert.equal((await next).set?.["authorization"], "Bearer issued");
  });

  test(`a request whose credentials cannot be had ends with 500: ${name}`, async () => {
    const envoy = new ScriptedEnvoy(PLAN);
    const { refuse } = issuing(envoy);
    const { waiting } = begin(envoy);
    const next = waiting.next();
    refuse();
    const { phase, status, details, body } = await next;
    assert.deepEqual([phase, status, details], ["immediateResponse", 500, "aigw_credentials_unavailable"]);
    assert.match(body ?? "", /the credentials cannot be had: down/);
  });

  test(`nothing is said to an Envoy that has not waited: ${name}`, async () => {
    const envoy = new ScriptedEnvoy(PLAN);
    const { issue } = issuing(envoy);
    const { router, waiting } = begin(envoy);
    waiting.close();
    router.close();
    const told = waiting.told.length;
    issue();
    await new Promise((resolve) => setImmediate(resolve));
    assert.equal(waiting.told.length, told);
  });
}

test("a request that waits too long for its credentials ends with 504 and stays ended", async () => {
  const envoy = new ScriptedEnvoy(PLAN);
  const { issue } = issuing(envoy);
  const { call } = envoy.admitted(CHAT_HEAD, chat("renamed"));
  envoy.pass(3_600_000);
  assert.equal(call.told.at(-1)?.status, 504);
  const told = call.told.length;
  issue();
  await new Promise((resolve) => setImmediate(resolve));
  assert.equal(call.told.length, told);
  assert.equal(envoy.record.errorType, "upstream_timeout");
});

test("what is learned of a credential from the answer's head is told to who signed", () => {
  const seen: unknown[] = [];
  const envoy = new ScriptedEnvoy(PLAN);
  envoy.authenticator = {
    pending: () => undefined,
    sign: () => (status, headers) => seen.push([status, headers.flat]),
  };
  const { call } = envoy.admitted(CHAT_HEAD, chat("renamed"));
  call.responseHead(429, { "retry-after": "7" });
  assert.deepEqual(seen, [[429, ["retry-after", "7"]]]);
});

/** Signs with what is in the metadata. */
const FROM_METADATA: Authenticator = {
  pending: () => undefined,
  sign: ({ headers }, { metadata }) => {
    headers.set("authorization", `Bearer ${metadata?.at("callers", "key")}`);
    return undefined;
  },
};
const FORWARDED = { callers: { key: "own" } };

test("a caller's own credential is read from the metadata that Envoy forwards", () => {
  const envoy = new ScriptedEnvoy(PLAN);
  envoy.authenticator = FROM_METADATA;
  const call = envoy.router();
  call.requestHead(CHAT_HEAD);
  const [told] = call.requestBody(JSON.stringify(chat("renamed")), FORWARDED);
  assert.equal(told?.set?.["authorization"], "Bearer own");
});

test("also when Envoy has chosen the backend", () => {
  const envoy = new ScriptedEnvoy(PLAN);
  envoy.authenticator = FROM_METADATA;
  const { call, told = { phase: undefined } } = envoy.admitted(CHAT_HEAD, chat("two"));
  const [attempt] = envoy.upstream().attemptHead(edited(CHAT_HEAD, told), call.id, OPENAI, FORWARDED);
  assert.equal(attempt?.set?.["authorization"], "Bearer own");
});
