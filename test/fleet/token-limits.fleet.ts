/** Token limits of real users of a fleet: Envoy, the rate limit service and Redis are the real ones, only the provider is not. */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { UPSTREAM_PORT } from "../conformance/case.ts";
import { backend, CHAT, chat, route, upstream } from "../conformance/configs.ts";
import { eventually } from "../programs/service.ts";
import { type Fleet, startFleet } from "./gateway.ts";

const RULES = `
    - matches: [{ headers: [{ name: x-ai-eg-model, value: gpt-twice }] }]
      backendRefs: [{ name: openai }, { name: openai-too }]
    - matches: [{ headers: [{ name: x-ai-eg-model, type: RegularExpression, value: "claude.*" }] }]
      backendRefs: [{ name: anthropic }]
    - matches: [{ headers: [{ name: x-ai-eg-model, type: RegularExpression, value: "gpt-.*" }] }]
      backendRefs: [{ name: openai }]`;

const COSTS = `
  llmRequestCosts:
    - { metadataKey: total_tokens, type: TotalToken }`;

/** The first rule is the one that operators write; the others are there for one test each. */
function config(tokens: number): string {
  return `${route("main", RULES, COSTS)}
${backend("openai", "{ name: OpenAI }")}
${backend("openai-too", "{ name: OpenAI }")}
${backend("anthropic", "{ name: Anthropic }")}
${upstream(UPSTREAM_PORT)}
---
apiVersion: gateway.envoyproxy.io/v1alpha1
kind: BackendTrafficPolicy
metadata: { name: budget, namespace: default }
spec:
  targetRefs: [{ group: aigateway.envoyproxy.io, kind: AIGatewayRoute, name: main }]
  rateLimit:
    type: Global
    global:
      rules:
        - clientSelectors:
            - headers: [{ type: Distinct, name: x-tenant }]
          limit: { requests: ${tokens}, unit: Year }
          cost:
            request: { from: Number, number: 0 }
            response: { from: Metadata, metadata: { namespace: io.envoy.ai_gateway, key: total_tokens } }
        - clientSelectors:
            - headers:
                - { name: x-plan, value: trial }
                - { type: Distinct, name: authorization }
          limit: { requests: 2, unit: Year }
        - clientSelectors:
            - headers: [{ type: Distinct, name: x-shadowed }]
          limit: { requests: 1, unit: Year }
          shadowMode: true
        - clientSelectors:
            - headers: [{ name: x-ai-eg-model, value: gpt-scarce }]
          limit: { requests: 1, unit: Year }
        - clientSelectors:
            - headers: [{ name: x-from, value: here }]
              sourceCIDR: { type: Distinct, value: 127.0.0.0/8 }
              path: { type: Exact, value: ${CHAT} }
          limit: { requests: 1, unit: Year }
        - clientSelectors:
            - headers: [{ name: x-from, value: elsewhere }]
              sourceCIDR: { value: 10.0.0.0/8 }
          limit: { requests: 0, unit: Year }
        - clientSelectors:
            - headers: [{ name: x-plan, value: suspended }]
          limit: { requests: 0, unit: Year }
          cost: { request: { from: Number, number: 0 } }
`;
}

let fleet: Fleet;
before(async () => {
  fleet = await startFleet(config(1000));
});
after(() => fleet.stop());

interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
}

async function ask(
  headers: Record<string, string>,
  more: object = {},
  url = fleet.gateway.url + CHAT,
): Promise<Answer> {
  const body = JSON.stringify({ ...chat("gpt-4o"), ...more });
  const response = await fetch(url, { method: "POST", headers, body });
  return { status: response.status, headers: response.headers, text: await response.text() };
}

/** What a tenant has been charged, as soon as it is at least so much. */
function charged(tenant: string, least: number): Promise<number> {
  return eventually(`a charge of ${least} to ${tenant}`, async () => {
    const [count = 0] = (await fleet.redis.counters(`client_${tenant}_`)).values();
    return count >= least ? count : undefined;
  });
}

function totalTokens(text: string): number {
  const usage = /"total_tokens":\s*(\d+)/.exec(text);
  assert.ok(usage, text);
  return Number(usage[1]);
}

test("an answer's tokens are charged to its tenant", async () => {
  const answer = await ask({ "x-tenant": "unary" });
  assert.equal(answer.status, 200);
  assert.equal(answer.headers.get("x-ratelimit-limit"), "1000, 1000;w=31536000");
  assert.equal(answer.headers.get("x-ratelimit-remaining"), "1000");
  assert.equal(await charged("unary", 1), totalTokens(answer.text));
});

test("a stream is charged at its end, and then its tenant has to wait while others are served", async () => {
  const include = { stream: true, stream_options: { include_usage: true } };
  const stream = await ask({ "x-tenant": "acme", "x-simulate": "tokens=1500,chunks=40" }, include);
  assert.equal(stream.status, 200);
  assert.equal(await charged("acme", 1000), totalTokens(stream.text));

  const refused = await ask({ "x-tenant": "acme" });
  assert.equal(refused.status, 429);
  const body = { type: "error", error: { type: "TooManyRequests", code: "429", message: "the rate limit is reached" } };
  assert.deepEqual(JSON.parse(refused.text), body);
  assert.match(refused.headers.get("content-type") ?? "", /^application\/json/);
  assert.match(refused.headers.get("retry-after") ?? "", /^\d+$/);
  assert.equal(refused.headers.get("x-ratelimit-remaining"), "0");
  assert.deepEqual(
    [...refused.headers.keys()].filter((name) => name.startsWith("x-envoy-")),
    [],
  );

  assert.equal((await ask({ "x-tenant": "umbrella" })).status, 200);
  assert.equal((await ask({})).status, 200);
});

test("a refusal is told in the dialect of its caller, and costs nothing", async () => {
  await ask({ "x-tenant": "claude", "x-simulate": "tokens=1500" });
  const before = await charged("claude", 1000);
  const refused = await ask(
    { "x-tenant": "claude" },
    { model: "claude-sonnet", max_tokens: 10 },
    `${fleet.gateway.url}/v1/messages`,
  );
  assert.equal(refused.status, 429);
  assert.partialDeepStrictEqual(JSON.parse(refused.text), {
    type: "error",
    error: { type: "rate_limit_error", message: "the rate limit is reached" },
  });
  assert.equal(await charged("claude", 1), before);
});

test("a rule with several backends is charged once", async () => {
  const answer = await ask({ "x-tenant": "twice" }, { model: "gpt-twice" });
  assert.equal(answer.status, 200);
  assert.equal(await charged("twice", 1), totalTokens(answer.text));
});

const LEAVERS: readonly { in: number; atLeast: number; atMost: number }[] = [
  { in: 1, atLeast: 1, atMost: 500 },
  { in: 100, atLeast: 50, atMost: 1500 },
];

for (const { in: events, atLeast, atMost } of LEAVERS) {
  test(`a stream that its caller leaves after ${events} events is charged for what had come`, async () => {
    const tenant = `leaver-${events}`;
    const controller = new AbortController();
    const response = await fetch(fleet.gateway.url + CHAT, {
      method: "POST",
      headers: { "x-tenant": tenant, "x-simulate": "chunks=2000,tokens=2000,chunk-delay-ms=5" },
      body: JSON.stringify(chat("gpt-4o", { stream: true })),
      signal: controller.signal,
    });
    const reader = response.body?.getReader();
    for (let seen = 0; seen < events; ) {
      const { value } = (await reader?.read()) ?? {};
      assert.ok(value, "the stream ended before its caller left");
      seen += Buffer.from(value).toString().split("\n\n").length - 1;
    }
    controller.abort();
    const count = await charged(tenant, atLeast);
    assert.ok(count <= atMost, `charged ${count}`);
  });
}

test("an answer whose caller left before it began costs nothing", async () => {
  const headers = { "x-tenant": "early", "x-request-id": "early", "x-simulate": "delay-ms=1000" };
  const controller = new AbortController();
  const body = JSON.stringify(chat("gpt-4o"));
  const left = assert.rejects(
    fetch(fleet.gateway.url + CHAT, { method: "POST", headers, body, signal: controller.signal }),
  );
  const asked = await eventually("the provider's request", async () =>
    fleet.gateway.simulator.requests.find((request) => request.headers["x-request-id"] === "early"),
  );
  controller.abort();
  await left;
  await asked.ended;
  assert.deepEqual([...(await fleet.redis.counters("client_early_")).values()], [0]);
});

test("a failed request costs nothing", async () => {
  const answer = await ask({ "x-tenant": "unlucky", "x-simulate": "status=500" });
  assert.equal(answer.status, 500);
  await ask({ "x-tenant": "marker" });
  await charged("marker", 1);
  assert.deepEqual([...(await fleet.redis.counters("client_unlucky_")).values()], [0]);
});

test("requests are counted by a credential that neither the provider nor Redis sees", async () => {
  const trial = { "x-plan": "trial", authorization: "Bearer sk-of-the-caller" };
  assert.deepEqual([(await ask(trial)).status, (await ask(trial)).status, (await ask(trial)).status], [200, 200, 429]);
  assert.equal((await ask({ ...trial, authorization: "Bearer sk-of-another" })).status, 200);
  assert.equal((await ask({ ...trial, "x-plan": "paid" })).status, 200);
  const keys = [...(await fleet.redis.counters("rule/1")).keys()];
  assert.equal(keys.length, 2);
  assert.deepEqual(
    keys.filter((key) => key.includes("sk-of")),
    [],
  );
});

test("a limit in shadow mode counts and refuses nothing", async () => {
  for (const _ of [1, 2, 3]) assert.equal((await ask({ "x-shadowed": "someone" })).status, 200);
  assert.deepEqual([...(await fleet.redis.counters("client_someone_")).values()], [3]);
});

test("a limit of nothing refuses at once", async () => {
  assert.equal((await ask({ "x-plan": "suspended" })).status, 429);
});

test("a stream whose provider does not tell its usage is charged an estimate", async () => {
  const stream = await ask({ "x-tenant": "guessed", "x-simulate": "fault=no-usage,tokens=30" }, { stream: true });
  assert.equal(stream.status, 200);
  assert.ok((await charged("guessed", 30)) < 100);
});

test("a limit on a model goes by the model that is asked for, whatever header the caller sends", async () => {
  const scarce = { model: "gpt-scarce" };
  assert.equal((await ask({ "x-ai-eg-model": "gpt-scarce" })).status, 200);
  assert.equal((await ask({ "x-ai-eg-model": "gpt-4o" }, scarce)).status, 200);
  assert.equal((await ask({ "x-ai-eg-model": "gpt-4o" }, scarce)).status, 429);
  assert.equal((await ask({})).status, 200);
});

test("an unknown model is refused before anything is counted", async () => {
  const answer = await ask({ "x-tenant": "lost" }, { model: "nobody-has-it" });
  assert.equal(answer.status, 404);
  assert.deepEqual([...(await fleet.redis.counters("client_lost_"))], []);
});

test("a limit by address and path, and one for addresses elsewhere", async () => {
  assert.deepEqual([(await ask({ "x-from": "here" })).status, (await ask({ "x-from": "here" })).status], [200, 429]);
  assert.equal((await ask({ "x-from": "elsewhere" })).status, 200);
});

test("a limit that is raised holds at once and keeps what was counted", async () => {
  await ask({ "x-tenant": "grown", "x-simulate": "tokens=1200" });
  const before = await charged("grown", 1000);
  assert.equal((await ask({ "x-tenant": "grown" })).status, 429);
  await fleet.configure(config(2000));
  const answer = await eventually("the new limit", async () => {
    const answer = await ask({ "x-tenant": "grown" });
    return answer.status === 200 ? answer : undefined;
  });
  assert.equal(answer.headers.get("x-ratelimit-remaining"), String(2000 - before));
});

test("without the rate limit service requests are served, and with it they are counted again", async () => {
  await fleet.limits.stop();
  assert.equal((await ask({ "x-tenant": "open" })).status, 200);
  await fleet.limits.start();
  await eventually("a counted request", async () => {
    await ask({ "x-tenant": "open" });
    return (await fleet.redis.counters("client_open_")).size > 0 ? true : undefined;
  });
});

test("a rate limit service that hangs holds requests up for a tenth of a second", async () => {
  fleet.limits.pause(true);
  try {
    const start = performance.now();
    assert.equal((await ask({ "x-tenant": "patient" })).status, 200);
    const tookMs = performance.now() - start;
    assert.ok(tookMs > 90 && tookMs < 1000, `took ${tookMs} ms`);
  } finally {
    fleet.limits.pause(false);
  }
});

test("a gateway that is told to fail closed refuses what it cannot count", async () => {
  const closed = await startFleet(config(1000), ["--rate-limit-deny"]);
  try {
    const url = closed.gateway.url + CHAT;
    assert.equal((await ask({ "x-tenant": "careful" }, {}, url)).status, 200);
    await closed.limits.stop();
    const refused = await ask({ "x-tenant": "careful" }, {}, url);
    assert.equal(refused.status, 503);
    assert.partialDeepStrictEqual(JSON.parse(refused.text), { error: { type: "ServiceUnavailable", code: "503" } });
    assert.equal(closed.gateway.simulator.requests.length, 1);
  } finally {
    await closed.stop();
  }
});
