/**
 * Envoy's rate limit filter with `aigw ratelimit`, beside a gateway that counts for itself: what one of them admits, the other one
 * knows of, and callers cannot tell which of them they asked.
 */
import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { type Simulator, startSimulator } from "../../src/simulate/simulator.ts";
import { UPSTREAM_PORT } from "../conformance/case.ts";
import { backend, CHAT, chat, route, upstream } from "../conformance/configs.ts";
import { installEnvoy } from "../install-envoy.ts";
import { type Redis, startRedis } from "../programs/redis.ts";
import { eventually } from "../programs/service.ts";
import { type RateLimitService, startRateLimitService } from "./rate-limit-service.ts";
import { type Gateway, startGateway } from "./start-gateway.ts";

const RULES = `
    - matches: [{ headers: [{ name: x-ai-eg-model, type: RegularExpression, value: "gpt-.*" }] }]
      backendRefs: [{ name: openai }]`;

const COSTS = `
  llmRequestCosts:
    - { metadataKey: total_tokens, type: TotalToken }`;

const SHARED = 40;

function config(upstreamPort: number, shared = SHARED): string {
  return `${route("main", RULES, COSTS)}
${backend("openai", "{ name: OpenAI }")}
${upstream(UPSTREAM_PORT)}
---
apiVersion: gateway.envoyproxy.io/v1alpha1
kind: BackendTrafficPolicy
metadata: { name: limits, namespace: default }
spec:
  targetRefs: [{ group: aigateway.envoyproxy.io, kind: AIGatewayRoute, name: main }]
  rateLimit:
    type: Global
    global:
      rules:
        - clientSelectors:
            - headers: [{ type: Distinct, name: x-user }]
          limit: { requests: ${shared}, unit: Year }
        - clientSelectors:
            - headers: [{ type: Distinct, name: x-tenant }]
          limit: { requests: 1000, unit: Year }
          cost:
            request: { from: Number, number: 0 }
            response: { from: Metadata, metadata: { namespace: io.envoy.ai_gateway, key: total_tokens } }
        - clientSelectors:
            - headers:
                - { name: x-from, value: here }
                - { type: Distinct, name: authorization }
              sourceCIDR: { type: Distinct, value: 127.0.0.0/8 }
          limit: { requests: 2, unit: Year }
        - clientSelectors:
            - headers: [{ type: Distinct, name: x-tried }]
          limit: { requests: 1, unit: Year }
          shadowMode: true
`.replaceAll(UPSTREAM_PORT, String(upstreamPort));
}

let folder: string;
let simulator: Simulator;
let redis: Redis;
let service: RateLimitService;
let envoy: Gateway;
let embedded: Gateway;
const stops: (() => Promise<unknown>)[] = [];
before(async () => {
  folder = await mkdtemp(join(tmpdir(), "aigw-shared-"));
  stops.push(() => rm(folder, { recursive: true, force: true }));
  simulator = await startSimulator({ port: 0, record: 10_000 });
  stops.push(() => simulator.close());
  redis = await startRedis(folder);
  stops.push(() => redis.stop());
  const store = ["--limit-store", redis.url];
  service = await startRateLimitService(config(simulator.port), { args: store });
  stops.push(() => service.stop());
  envoy = await startEnvoy(service);
  stops.push(() => envoy.stop());
  embedded = await startGateway(config(simulator.port), { args: store });
  stops.push(() => embedded.stop());
});
after(async () => {
  while (stops.length > 0) await stops.pop()?.();
});

async function startEnvoy({ address }: RateLimitService, args: readonly string[] = []): Promise<Gateway> {
  const host = ["--host", "envoy", "--envoy", await installEnvoy()];
  return await startGateway(config(simulator.port), { args: [...host, "--rate-limit-service", address, ...args] });
}

interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
}

async function ask({ url }: Gateway, headers: Record<string, string>, more: object = {}): Promise<Answer> {
  const body = JSON.stringify({ ...chat("gpt-4o"), ...more });
  const response = await fetch(url + CHAT, { method: "POST", headers, body });
  return { status: response.status, headers: response.headers, text: await response.text() };
}

/** Headers about limits; what is left of a year is rounded to minutes. */
function aboutLimits({ headers }: Answer): Record<string, string> {
  const told = [...headers].filter(([name]) => /^(retry-after|x-ratelimit-(limit|remaining|reset))$/.test(name));
  return Object.fromEntries(
    told.map(([name, value]) => [name, /reset|after/.test(name) ? String(Math.round(Number(value) / 60)) : value]),
  );
}

test("of requests to both hosts at once exactly those are admitted that fit", async () => {
  const both = Array.from({ length: 2 * SHARED }, (_, i) => ask(i % 2 === 0 ? envoy : embedded, { "x-user": "ann" }));
  const statuses = (await Promise.all(both)).map(({ status }) => status);
  const counts = [200, 429].map((wanted) => statuses.filter((status) => status === wanted).length);
  assert.deepEqual(counts, [SHARED, SHARED]);
});

test("a refusal is the same from both hosts, with all that it tells", async () => {
  const [one, other] = [await ask(envoy, { "x-user": "ann" }), await ask(embedded, { "x-user": "ann" })];
  assert.equal(one.status, 429);
  assert.equal(one.text, other.text);
  assert.match(
    one.text,
    /BackendTrafficPolicy default\/limits, global rule 0 \(header x-user: ann\): 40 of 40 requests/,
  );
  assert.deepEqual(aboutLimits(one), aboutLimits(other));
  assert.deepEqual(Object.keys(aboutLimits(one)).sort(), [
    "retry-after",
    "x-ratelimit-limit",
    "x-ratelimit-remaining",
    "x-ratelimit-reset",
  ]);
  assert.deepEqual(
    [...one.headers.keys()].filter((name) => /^x-(envoy|aigw)-/.test(name)),
    [],
  );
});

test("what is left is told the same way by both hosts", async () => {
  const answers = [await ask(envoy, { "x-user": "bob" }), await ask(embedded, { "x-user": "bob" })];
  assert.deepEqual(
    answers.map((answer) => aboutLimits(answer)["x-ratelimit-remaining"]),
    ["39", "38"],
  );
  const [one, other] = answers.map((answer) => ({ ...aboutLimits(answer), "x-ratelimit-remaining": "" }));
  assert.deepEqual(one, other);
});

test("tokens that are used through one host are gone at the other", async () => {
  const tokens = { "x-tenant": "acme", "x-simulate": "tokens=700" };
  assert.equal((await ask(envoy, tokens, { max_tokens: 700 })).status, 200);
  // Not more than a few milliseconds after the answer has ended.
  const remaining = await eventually("the charge", async () => {
    const answer = await ask(envoy, { "x-tenant": "acme", "x-simulate": "status=500" });
    const left = Number(answer.headers.get("x-ratelimit-remaining"));
    return left < 1000 ? left : undefined;
  });
  assert.ok(remaining > 250 && remaining < 300, `${remaining} left`);
  assert.equal((await ask(embedded, tokens, { max_tokens: 700 })).status, 429);
  assert.equal((await ask(embedded, tokens, { max_tokens: 10 })).status, 200);
});

test("an answer that overdraws a limit is charged in full, and then both hosts refuse", async () => {
  const tokens = { "x-tenant": "rush", "x-simulate": "tokens=1500,chunks=40" };
  assert.equal((await ask(envoy, tokens, { stream: true })).status, 200);
  const refused = await eventually("a refusal", async () => {
    const free = { "x-tenant": "rush", "x-simulate": "status=500" };
    const answer = await ask(embedded, free, { max_tokens: 1 });
    return answer.status === 429 ? answer : undefined;
  });
  assert.match(refused.text, /: 15\d\d of 1000 units of cost are used/);
  assert.equal((await ask(envoy, { "x-tenant": "rush" })).status, 429);
});

test("credentials and addresses are told apart under the same keys, and are nowhere to be read", async () => {
  const here = { "x-from": "here", authorization: "Bearer sk-of-the-caller" };
  assert.equal((await ask(envoy, here)).status, 200);
  assert.equal((await ask(embedded, here)).status, 200);
  const refused = [await ask(envoy, here), await ask(embedded, here)];
  assert.deepEqual(
    refused.map(({ status }) => status),
    [429, 429],
  );
  assert.match(refused[0]?.text ?? "", /\(header authorization: sha256:[0-9a-f]{32}, address: 127\.0\.0\.1\)/);
  assert.equal(refused[0]?.text, refused[1]?.text);
  assert.equal((await ask(envoy, { ...here, authorization: "Bearer sk-of-another" })).status, 200);
  const keys = await redis.command("KEYS", "*");
  assert.ok(keys.some((key) => key.includes("rule/2")));
  assert.deepEqual(
    keys.filter((key) => key.includes("sk-of")),
    [],
  );
});

test("nobody takes the counter of another by naming its digest", async () => {
  const digest = (await redis.command("KEYS", "*rule/2*")).find((line) => line.startsWith("aigw:"))?.split("|")[1];
  assert.match(digest ?? "", /^sha256:/);
  const answer = await ask(envoy, { "x-from": "here", authorization: digest ?? "" });
  assert.equal(answer.headers.get("x-ratelimit-remaining"), "1");
});

test("a limit in shadow mode refuses nothing and is not told", async () => {
  for (const _ of [1, 2, 3]) {
    const answer = await ask(envoy, { "x-tried": "someone" });
    assert.deepEqual([answer.status, aboutLimits(answer)], [200, {}]);
  }
});

test("a refusal is in metrics and access log with its limit", async () => {
  const limit = "BackendTrafficPolicy/default/limits/route/default/main/rule/0";
  const id = "logged";
  assert.equal((await ask(envoy, { "x-user": "ann", "x-request-id": id })).status, 429);
  const line = await envoy.log((one) => one["request_id"] === id);
  assert.deepEqual([line["error.type"], line["error.limit"], line["attempts"]], ["rate_limited", limit, 0]);
  assert.equal(line["limits"], `${limit} 40/40`);
  const metrics = await (await fetch(`${envoy.adminUrl}/metrics`)).text();
  assert.match(metrics, new RegExp(`aigw_limit_refused_total\\{[^}]*${limit}`));
  const ofService = await (await fetch(`${service.adminUrl}/metrics`)).text();
  assert.match(ofService, /^aigw_limit_decisions_total\{decision="refused"\} [1-9]/m);
  assert.match(ofService, /^aigw_rate_limit_calls_total\{about="end"\} [1-9]/m);
  assert.match(ofService, /^aigw_rate_limit_unknown_total 0$/m);
});

test("a limit that is raised in all files lets callers through again", async () => {
  const raised = config(simulator.port, SHARED + 1);
  await Promise.all([service, envoy, embedded].map((one) => one.configure(raised)));
  const [, served] = await eventually("the new limit", async () => {
    const answer = await ask(envoy, { "x-user": "ann" });
    return answer.status === 200 ? (["served", answer] as const) : undefined;
  });
  assert.equal(served.headers.get("x-ratelimit-limit"), "41, 41;w=31536000");
  assert.equal((await ask(embedded, { "x-user": "ann" })).status, 429);
});

test("without Redis a service that is told to fail closed refuses as the gateway itself does", async () => {
  const own = await startRedis(await mkdtemp(join(folder, "own-")));
  const store = ["--limit-store", own.url, "--limits-without-store", "fail-closed"];
  const closed = await startRateLimitService(config(simulator.port), { args: store });
  const hosts = [await startEnvoy(closed), await startGateway(config(simulator.port), { args: store })];
  try {
    for (const host of hosts) assert.equal((await ask(host, { "x-user": "carl" })).status, 200);
    await own.stop();
    const refused = await Promise.all(
      hosts.map((host) =>
        eventually("a refusal", async () => {
          const answer = await ask(host, { "x-user": "dora" });
          return answer.status === 503 ? answer : undefined;
        }),
      ),
    );
    assert.equal(refused[0]?.text, refused[1]?.text);
    assert.match(refused[0]?.text ?? "", /limits cannot be checked at the moment/);
    assert.deepEqual(
      refused.map((answer) => answer.headers.get("retry-after")),
      ["1", "1"],
    );
  } finally {
    await Promise.all([...hosts, closed].map((one) => one.stop()));
    await own.stop();
  }
});
