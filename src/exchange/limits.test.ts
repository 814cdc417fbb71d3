import assert from "node:assert/strict";
import { test } from "node:test";
import { compileValid } from "../config/test-configuration.ts";
import { formatFault } from "../errors/config-error.ts";
import type { Decision, Demand, Reservation } from "../ratelimit/admission.ts";
import { price } from "../telemetry/price.ts";
import { preparePlan } from "./plan.ts";
import { backendYaml, planOf, TestGateway, UPSTREAM_YAML } from "./test-exchange.ts";

function configuration(limits: string, refs = "[{ name: a }]"): string {
  return `apiVersion: aigateway.envoyproxy.io/v1beta1
kind: AIGatewayRoute
metadata: { name: main }
spec:
  llmRequestCosts: [{ metadataKey: total, type: TotalToken }]
  rules: [{ backendRefs: ${refs} }]
${backendYaml("a")}${backendYaml("b")}${UPSTREAM_YAML}---
${limits}`;
}

function budget(limit: string, more = ""): string {
  return `apiVersion: aigw.dev/v1alpha1
kind: BudgetPolicy
metadata: { name: p }
spec:
  budgets: [{ name: b, limit: { ${limit} }, window: { type: Fixed, duration: 1h }${more} }]
`;
}

function traffic(rule: string): string {
  return `apiVersion: gateway.envoyproxy.io/v1alpha1
kind: BackendTrafficPolicy
metadata: { name: t }
spec:
  targetRefs: [{ group: aigateway.envoyproxy.io, kind: AIGatewayRoute, name: main }]
  rateLimit: { type: Global, global: { rules: [{ ${rule} }] } }
`;
}

function quota(target: string, limit: number): string {
  return `apiVersion: aigateway.envoyproxy.io/v1alpha1
kind: QuotaPolicy
metadata: { name: q-${target} }
spec:
  targetRefs: [{ group: aigateway.envoyproxy.io, kind: AIServiceBackend, name: ${target} }]
  perModelQuotas: [{ modelName: gpt-4o, quota: { defaultBucket: { limit: ${limit}, duration: 1h } } }]
`;
}

async function gatewayOf(limits: string, refs?: string): Promise<TestGateway> {
  return new TestGateway(await planOf(configuration(limits, refs)));
}

/** 84 bytes with the cap: 21 tokens. */
function chat(more: object = {}): { body: object } {
  return { body: { model: "gpt-4o", messages: [{ role: "user", content: "hello" }], ...more } };
}

/** A provider's answer. */
function answer(total: number | undefined): object {
  const usage =
    total === undefined ? {} : { usage: { prompt_tokens: 10, completion_tokens: total - 10, total_tokens: total } };
  return { id: "c", object: "chat.completion", model: "gpt-4o", choices: [], ...usage };
}

/** What is used of the only limit. */
function used(gateway: TestGateway): number {
  const [known, ...others] = gateway.limiter.known(10);
  assert.deepEqual(others, []);
  return known?.state.used ?? 0;
}

const CAP = { max_tokens: 30 };
const ESTIMATE = Math.ceil(JSON.stringify(chat(CAP).body).length / 4) + 30;

test("a limit of requests admits that many, and tells of itself on every answer", async () => {
  const gateway = await gatewayOf(traffic("limit: { requests: 2, unit: Minute }"));
  const first = await gateway.ask(chat(), answer(20));
  assert.equal(first.headers.get("x-ratelimit-limit"), "2, 2;w=60");
  assert.equal(first.headers.get("x-ratelimit-remaining"), "1");
  assert.equal(first.headers.get("x-ratelimit-reset"), "60");
  gateway.pass(20_500);
  const failed = await gateway.ask(chat(), { error: { message: "no" } }, 500);
  assert.deepEqual([failed.status, failed.headers.get("x-ratelimit-remaining")], [500, "0"]);
  const third = await gateway.ask(chat(), answer(20));
  assert.equal(third.status, 429);
  assert.equal(third.headers.get("retry-after"), "40");
  assert.equal(third.headers.get("x-ratelimit-remaining"), "0");
  assert.deepEqual(JSON.parse(third.body), {
    type: "error",
    error: {
      type: "TooManyRequests",
      code: "429",
      message:
        "limit reached: BackendTrafficPolicy default/t, global rule 0: 2 of 2 requests are used; it resets at 2026-01-05T00:01:00Z",
    },
  });
  gateway.pass(39_499);
  assert.equal((await gateway.ask(chat(), answer(20))).status, 429);
  gateway.pass(1);
  assert.equal((await gateway.ask(chat(), answer(20))).status, 200);
});

test("who is refused is in the record, with how the limits stood", async () => {
  const gateway = await gatewayOf(budget("requests: 1", ", per: [{ from: Header, name: x-api-token }]"));
  const request = { ...chat(), headers: { "x-api-token": "hidden" } };
  await gateway.ask(request, answer(20));
  const { body } = await gateway.ask(request, answer(20));
  assert.match(body, /\(header x-api-token: sha256:[0-9a-f]{32}\)/);
  const { refusedBy, limitStates, errorType, attempts } = gateway.records[1] ?? assert.fail();
  assert.equal(refusedBy?.id, "BudgetPolicy/default/p/b");
  assert.equal(limitStates, "BudgetPolicy/default/p/b 1/1");
  assert.deepEqual([errorType, attempts], ["rate_limited", 0]);
});

test("input and the caller's cap are reserved, and what the answer cost is charged", async () => {
  const gateway = await gatewayOf(budget("tokens: 1000"));
  const call = await gateway.begin(chat(CAP));
  assert.equal(used(gateway), ESTIMATE);
  call.answer(answer(25));
  assert.equal(call.got?.headers.get("x-ratelimit-remaining"), "975", "known before the answer goes out");
  call.end();
  assert.equal(used(gateway), 25);
});

test("a limit in shadow mode does not hide what is left of the others", async () => {
  const shadow = traffic("limit: { requests: 9, unit: Hour }, shadowMode: true");
  const gateway = await gatewayOf(`${shadow}---\n${budget("tokens: 1000")}`);
  const { headers } = await gateway.ask(chat(CAP), answer(25));
  assert.equal(headers.get("x-ratelimit-remaining"), "975");
});

test("exactly as many requests at once are admitted as fit", async () => {
  const gateway = await gatewayOf(budget(`tokens: ${5 * ESTIMATE + 7}`));
  const calls = await Promise.all(Array.from({ length: 50 }, () => gateway.begin(chat(CAP))));
  assert.equal(calls.filter(({ got }) => got === undefined).length, 5);
  assert.match(calls[5]?.got?.body ?? "", /and this request may need \d+; it resets/);
});

test("what the caller does not limit is assumed, and no reason to refuse", async () => {
  const gateway = await gatewayOf(budget("tokens: 100"));
  const call = await gateway.begin(chat());
  assert.equal(call.got, undefined);
  assert.equal(used(gateway), 100);
});

const ENDS: readonly {
  name: string;
  end: (call: Awaited<ReturnType<TestGateway["begin"]>>) => void;
  stream?: true;
  want: number;
}[] = [
  { name: "a refusal of the provider costs nothing", end: (call) => call.answer({ error: {} }, 429), want: 0 },
  { name: "a provider that cannot be reached", end: (call) => call.responder.onError(new Error("no")), want: 0 },
  { name: "a caller who leaves before the answer begins", end: (call) => call.end(false), want: 0 },
  {
    name: "an answer without usage is charged the estimate",
    end: (call) => call.answer(answer(undefined)),
    want: ESTIMATE,
  },
  { name: "an answer that is none is not charged", end: (call) => call.answer([]), want: 0 },
  {
    name: "a caller who leaves in a stream is charged what came",
    stream: true,
    end: (call) => {
      call.stream({ choices: [] }, { choices: [] });
      call.end(false);
    },
    want: Math.ceil(JSON.stringify(chat({ ...CAP, stream: true }).body).length / 4) + 2,
  },
];

for (const { name, end, stream, want } of ENDS) {
  test(name, async () => {
    const gateway = await gatewayOf(budget("tokens: 1000"));
    const call = await gateway.begin(chat({ ...CAP, ...(stream && { stream }) }));
    end(call);
    call.end();
    assert.equal(used(gateway), want);
  });
}

test("money is reserved and charged by the price of the model", async () => {
  const gateway = await gatewayOf(budget('dollars: "0.01"'));
  const usage = { prompt_tokens: 1000, completion_tokens: 100, total_tokens: 1100 };
  // $2.50 and $10 for a million tokens.
  const got = await gateway.ask(chat(CAP), { ...answer(20), usage });
  assert.equal(used(gateway), 3_500_000);
  assert.equal(got.headers.get("x-ratelimit-limit"), "0.01, 0.01;w=3600");
  assert.equal(got.headers.get("x-ratelimit-remaining"), "0.0065");
  const refused = await gateway.ask(chat({ max_tokens: 700 }), answer(20));
  assert.match(refused.body, /0\.0035 of 0\.01 dollars are used, and this request may need 0\.0070\d+;/);
});

test("a cap beyond the whole limit is no reason to refuse while anything is left", async () => {
  const gateway = await gatewayOf(budget("tokens: 60"));
  const statuses: (number | undefined)[] = [];
  for (let i = 0; i < 4; i++) statuses.push((await gateway.ask(chat({ max_tokens: 32_000 }), answer(30))).status);
  assert.deepEqual(statuses, [200, 200, 429, 429]);
});

const UNMETERED: readonly { name: string; limit: string; in: { path?: string; body: object }; want: string }[] = [
  {
    name: "a model without price",
    limit: budget('dollars: "1"'),
    in: { body: { model: "nobody-knows" } },
    want: 'cannot be counted by BudgetPolicy default/p, budget \\"b\\": no price is known of the model \\"nobody-knows\\"',
  },
  {
    name: "an endpoint that tells no usage",
    limit: budget("tokens: 5"),
    in: { path: "/v1/audio/speech", body: { model: "tts-1", input: "x", voice: "alloy" } },
    want: "answers of /v1/audio/speech do not tell what they used",
  },
];

for (const { name, limit, in: request, want } of UNMETERED) {
  test(`${name} is refused where it would have to be counted`, async () => {
    const { status, body } = await (await gatewayOf(limit)).ask(request, answer(20));
    assert.equal(status, 403);
    assert.ok(body.includes(want), body);
  });

  test(`${name} is served where the limit allows it`, async () => {
    const allowing = limit.replace(" }]", ", unmetered: Allow }]");
    const gateway = await gatewayOf(allowing);
    const call = await gateway.begin(request);
    assert.equal(call.got, undefined);
  });
}

test("what costs nothing is served when nothing is left", async () => {
  const gateway = await gatewayOf(budget("tokens: 10"));
  await gateway.ask(chat(), answer(50));
  assert.equal((await gateway.ask(chat(), answer(50))).status, 429);
  const counting = { path: "/v1/responses/input_tokens", body: { model: "gpt-4o", input: "x" } };
  assert.equal((await gateway.ask(counting, { input_tokens: 5 })).status, 200);
});

test("a limit is charged the cost of the route that the log tells", async () => {
  const response = "response: { from: Metadata, metadata: { namespace: io.envoy.ai_gateway, key: total } }";
  const gateway = await gatewayOf(
    traffic(`limit: { requests: 100, unit: Hour }, cost: { request: { from: Number, number: 0 }, ${response} }`),
  );
  await gateway.ask(chat(CAP), answer(33));
  assert.equal(used(gateway), 33);
  const [record] = gateway.records;
  assert.ok(record);
  price(record);
  assert.deepEqual(record.costs, ["total", 33]);
});

test("a limit in shadow mode refuses nobody and tells callers nothing, but is counted", async () => {
  const gateway = await gatewayOf(traffic("limit: { requests: 1, unit: Hour }, shadowMode: true"));
  for (let i = 0; i < 3; i++) {
    const { status, headers } = await gateway.ask(chat(), answer(20));
    assert.deepEqual([status, headers.has("x-ratelimit-limit")], [200, false]);
  }
  assert.deepEqual(
    gateway.records.map(({ shadowRefusals }) => shadowRefusals.length),
    [0, 1, 1],
  );
});

test("a backend whose quota is exhausted is left out, until none is left", async () => {
  const gateway = await gatewayOf(
    `${quota("a", 100)}---\n${quota("b", 60)}`,
    "[{ name: a }, { name: b, priority: 1 }]",
  );
  const backends: string[] = [];
  for (const total of [100, 60]) {
    const call = await gateway.begin(chat(CAP));
    backends.push(call.backend);
    call.answer(answer(total));
    call.end();
  }
  assert.deepEqual(backends, ["default/a", "default/b"]);
  const { status, body } = await gateway.ask(chat(CAP), answer(20));
  assert.equal(status, 429);
  assert.match(body, /QuotaPolicy default\/q-b, model gpt-4o default, backend default\/b: 60 of 60 tokens are used/);
  const other = await gateway.begin({ body: { ...chat().body, model: "gpt-4o-mini" } });
  assert.equal(other.backend, "default/a", "the quota is of another model");
  assert.deepEqual(
    gateway.records.map(({ refusedBy }) => refusedBy?.kind),
    [undefined, undefined, "QuotaPolicy"],
  );
});

/** A limiter whose decision comes when a test says so. */
class LateLimiter {
  readonly ended: string[] = [];
  #resolve: (decision: Decision) => void = () => undefined;

  admit(_demands: readonly Demand[]): Promise<Decision> {
    return new Promise((resolve) => {
      this.#resolve = resolve;
    });
  }

  decide(): void {
    const reservation: Reservation = {
      shares: [],
      tightest: () => undefined,
      settle: () => this.ended.push("settled"),
      release: () => this.ended.push("released"),
    };
    this.#resolve({ admitted: true, reservation });
  }

  state(): never {
    assert.fail("nobody asks");
  }
}

test("who leaves while it waits for its limits holds nothing afterwards", async () => {
  const limiter = new LateLimiter();
  const gateway = new TestGateway(await planOf(configuration(budget("tokens: 5"))), { limiter });
  const begun = gateway.begin(chat());
  await Promise.resolve();
  const [record] = gateway.records;
  assert.equal(record, undefined);
  limiter.decide();
  const call = await begun;
  call.end(false);
  assert.deepEqual(limiter.ended, ["released"]);
});

test("a decision that comes after the caller has left is given back", async () => {
  const limiter = new LateLimiter();
  const gateway = new TestGateway(await planOf(configuration(budget("tokens: 5"))), { limiter });
  const { TestCall } = await import("./test-exchange.ts");
  const call = new TestCall(gateway, chat());
  const begun = call.begin();
  call.end(false);
  limiter.decide();
  await begun;
  assert.deepEqual(limiter.ended, ["released"]);
  assert.equal(call.exchange.attempt, undefined, "and no provider is asked");
});

test("what cannot be decided is refused for now", async () => {
  const limiter = {
    admit: () => ({ admitted: false, refusal: { why: "unavailable" } }) as const,
  };
  const gateway = new TestGateway(await planOf(configuration(budget("tokens: 5"))), { limiter });
  const { status, headers, body } = await gateway.ask(chat(), answer(20));
  assert.deepEqual([status, headers.get("retry-after")], [503, "1"]);
  assert.match(body, /limits cannot be checked at the moment/);
  assert.equal(gateway.records[0]?.errorType, "limits_unavailable");
});

test("limits that Envoy's filter counts are left to it", async () => {
  const plan = await planOf(
    configuration(`${traffic("limit: { requests: 0, unit: Hour }")}---\n${budget("requests: 1")}`),
  );
  const gateway = new TestGateway(plan, { limitsInEnvoy: true });
  assert.equal((await gateway.ask(chat(), answer(20))).status, 200);
  assert.match((await gateway.ask(chat(), answer(20))).body, /BudgetPolicy/);
});

test("an alert is given once for each window and part of the limit", async () => {
  const gateway = await gatewayOf(
    budget("requests: 4", ", alertPercent: [50, 100], per: [{ from: Header, name: x-team }]"),
  );
  const ask = async () => {
    await gateway.ask({ ...chat(), headers: { "x-team": "red" } }, answer(20));
    await new Promise(setImmediate);
  };
  for (let i = 0; i < 6; i++) await ask();
  const alerts = () =>
    gateway.lines.map((line) => JSON.parse(line) as { msg: string; threshold: number; counter: string; used: string });
  assert.deepEqual(
    alerts().map(({ threshold, counter, used: at }) => [threshold, counter, at]),
    [
      [50, "red", "2"],
      [100, "red", "4"],
    ],
  );
  gateway.pass(3_600_000);
  for (let i = 0; i < 2; i++) await ask();
  assert.equal(alerts().length, 3);
});

test("a quota whose expression is wrong is a fault at its place", async () => {
  const wrong = quota("a", 5).replace("defaultBucket", "costExpression: input_tokns, defaultBucket");
  const prepared = await preparePlan(compileValid(configuration(wrong)).config);
  assert.ok("faults" in prepared);
  assert.match(
    prepared.faults.map(formatFault).join("\n"),
    /QuotaPolicy default\/q-a: .*costExpression: .*input_tokns/,
  );
});
