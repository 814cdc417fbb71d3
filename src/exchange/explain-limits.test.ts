import assert from "node:assert/strict";
import { test } from "node:test";
import { counterKey } from "../ratelimit/counter-key.ts";
import { explainLimits, listLimits } from "./explain-limits.ts";
import { backendYaml, planOf, TestGateway, UPSTREAM_YAML } from "./test-exchange.ts";

const GATEWAY = new TestGateway(
  await planOf(`apiVersion: aigateway.envoyproxy.io/v1beta1
kind: AIGatewayRoute
metadata: { name: main }
spec:
  rules:
    - name: only
      matches: [{ headers: [{ name: x-ai-eg-model, value: m }] }]
      backendRefs: [{ name: a, modelNameOverride: other }]
${backendYaml("a")}${UPSTREAM_YAML}---
apiVersion: aigateway.envoyproxy.io/v1alpha1
kind: QuotaPolicy
metadata: { name: q }
spec:
  targetRefs: [{ group: aigateway.envoyproxy.io, kind: AIServiceBackend, name: a }]
  perModelQuotas:
    - { modelName: other, quota: { defaultBucket: { limit: 5, duration: 1h } } }
    - { modelName: m, quota: { defaultBucket: { limit: 5, duration: 1h } } }
---
apiVersion: aigw.dev/v1alpha1
kind: BudgetPolicy
metadata: { name: p }
spec:
  budgets:
    - name: team
      limit: { dollars: "1.5" }
      window: { type: Never }
      match: [{ from: Caller, name: team, values: [red, blue] }]
      per: [{ from: Caller, name: user }]
    - name: near
      limit: { requests: 3 }
      window: { type: Rolling, duration: 60s }
      match:
        - { from: Address, type: CIDR, value: 10.0.0.0/8 }
        - { from: Header, name: x-api-key, value: secret, invert: true }
        - { from: Path, type: Prefix, value: /v1 }
        - { from: Header, name: x-plan, type: RegularExpression, value: "free|trial" }
`),
);

async function explain(query: string): Promise<{ limits: readonly Record<string, unknown>[] }> {
  const read = GATEWAY.limiter.read.bind(GATEWAY.limiter);
  const document = await explainLimits(GATEWAY.plan, new URLSearchParams(query), read);
  assert.notEqual(typeof document, "string", String(document));
  return document as { limits: readonly Record<string, unknown>[] };
}

test("a request's route and its limits are told, with the counters of those that are for it", async () => {
  const { limits, ...rest } = await explain(
    "model=m&team=red&user=ann@example.com&address=10.1.2.3&header=x-plan:free",
  );
  assert.deepEqual(rest, { route: "default/main", rule: "only" });
  assert.deepEqual(
    limits.map(({ limit, matched }) => [limit, matched]),
    [
      ["BudgetPolicy/default/p/team", true],
      ["BudgetPolicy/default/p/near", true],
      ["QuotaPolicy/default/q/backend/default/a/model/other/default", true],
      ["QuotaPolicy/default/q/backend/default/a/model/m/default", false],
    ],
  );
  assert.partialDeepStrictEqual(limits[0], {
    counter: { user: "ann@example.com" },
    key: counterKey({ id: "BudgetPolicy/default/p/team", per: [] }, ["ann@example.com"]),
    ...{ unit: "dollars", window: "never reset", amount: 1.5, used: 0, reserved: 0, remaining: 1.5, reset: null },
  });
  assert.equal(limits[3]?.["why"], 'the model asked of default/a is "other"');
});

const WHY: readonly { name: string; in: string; want: readonly [string, string] }[] = [
  {
    name: "an attribute is missing",
    in: "team=red",
    want: ["the request has no user", "address is not in 10.0.0.0/8"],
  },
  { name: "a value is another", in: "team=green", want: ["team is not red or blue", "address is not in 10.0.0.0/8"] },
  {
    name: "a secret is not shown",
    in: "address=10.0.0.1&header=x-api-key:secret",
    want: ["team is not red or blue", "header x-api-key is sha256:2bb80d537b1da3e38bd30361aa855686"],
  },
  {
    name: "a path begins otherwise",
    in: "address=10.0.0.1&path=/v2/x",
    want: ["team is not red or blue", "path does not begin with /v1"],
  },
  {
    name: "a pattern does not match",
    in: "address=10.0.0.1&header=x-plan:paid",
    want: ["team is not red or blue", "header x-plan does not match free|trial"],
  },
];

for (const { name, in: query, want } of WHY) {
  test(`it is told why a limit is not for a request: ${name}`, async () => {
    const { limits } = await explain(`model=m&${query}`);
    assert.deepEqual([limits[0]?.["why"], limits[1]?.["why"]], want);
  });
}

test("a request without route has no limits", async () => {
  assert.deepEqual(await explain("model=unknown"), { route: null, limits: [] });
});

for (const [query, want] of [
  ["modle=m", /unknown parameter "modle"; there are listener, host,/],
  ["header=x-plan", /header=x-plan: must be name:value/],
  ["attribute=:v", /attribute=:v: must be name:value/],
] as const) {
  test(`a wrong question is told: ${query}`, async () => {
    const told = await explainLimits(GATEWAY.plan, new URLSearchParams(query), async () => []);
    assert.match(String(told), want);
  });
}

test("all limits are listed with the counters that are used most, as they were told last", () => {
  const limit = GATEWAY.plan.config.limits.find(({ id }) => id.endsWith("/team")) ?? assert.fail();
  const counter = (key: string, used: number, toldMs: number) => {
    const state = {
      limit,
      amount: limit.amount,
      used,
      remaining: limit.amount - used,
      resetAtMs: Number.POSITIVE_INFINITY,
    };
    return { key, state, toldMs };
  };
  const known = [
    counter("a", 5e8, 1),
    counter("a", 4e8, 2),
    ...Array.from({ length: 20 }, (_, i) => counter(`b${i}`, i, 1)),
  ];
  const { limits } = listLimits(GATEWAY.plan, known) as { limits: readonly { counters: readonly object[] }[] };
  assert.deepEqual(
    limits.map(({ counters }) => counters.length),
    [0, 0, 10, 0],
  );
  assert.deepEqual(limits[2]?.counters[0], { key: "a", used: 0.4, amount: 1.5, remaining: 1.1, reset: null });
});
