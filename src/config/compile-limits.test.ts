import assert from "node:assert/strict";
import { test } from "node:test";
import type { Limit } from "./limits.ts";
import { compileText, withoutPlaces } from "./test-configuration.ts";

const BASE = `apiVersion: aigateway.envoyproxy.io/v1beta1
kind: AIGatewayRoute
metadata: {name: r}
spec: {rules: []}
---
apiVersion: aigateway.envoyproxy.io/v1beta1
kind: AIGatewayRoute
metadata: {name: s}
spec: {rules: []}
---
apiVersion: aigateway.envoyproxy.io/v1beta1
kind: AIServiceBackend
metadata: {name: b}
spec: {schema: {name: OpenAI}, backendRef: {group: gateway.envoyproxy.io, kind: Backend, name: b}}
---
apiVersion: gateway.envoyproxy.io/v1alpha1
kind: Backend
metadata: {name: b}
spec: {endpoints: [{ip: {address: 127.0.0.1, port: 80}}]}
`;

function limitsOf(text: string) {
  const { config, notices, faults } = compileText(`${BASE}---\n${text}`);
  // The text before is that of every case.
  return { limits: config.limits, faults: withoutPlaces(faults), notices: withoutPlaces(notices) };
}

/** What a limit says, without what faults in it would be told as. */
function plain(limit: Limit | undefined): unknown {
  return JSON.parse(JSON.stringify(limit));
}

function traffic(rules: string, kind = "Global", head = ""): string {
  const field = kind === "Global" ? "global" : "local";
  return `apiVersion: gateway.envoyproxy.io/v1alpha1
kind: BackendTrafficPolicy
metadata: {name: p${head}}
spec:
  targetRefs:
    - {group: aigateway.envoyproxy.io, kind: AIGatewayRoute, name: r}
    - {group: aigateway.envoyproxy.io, kind: AIGatewayRoute, name: s}
  rateLimit: {type: ${kind}, ${field}: {rules: [${rules}]}}
`;
}

const HOURLY = "limit: {requests: 9, unit: Hour}";

test("a rate limit is compiled with all it says", () => {
  const selectors = `{headers: [{name: X-AI-EG-Model, value: gpt-4o}, {name: X-Tenant, type: Distinct},
      {name: x-plan, type: RegularExpression, value: "free|trial", invert: true}],
      queryParams: [{name: v, value: "1"}], sourceCIDR: {type: Distinct, value: 10.0.0.0/8},
      methods: [{value: POST}, {value: PUT}, {value: GET, invert: true}], path: {type: Exact, value: /v1/chat}}`;
  const cost = `request: {from: Number, number: 2},
      response: {from: Metadata, metadata: {namespace: io.envoy.ai_gateway, key: total}}`;
  const { limits, faults, notices } = limitsOf(
    traffic(`{clientSelectors: [${selectors}], limit: {requests: 1000, unit: Day}, cost: {${cost}}, shadowMode: true}`),
  );
  assert.deepEqual([faults, notices], [[], []]);
  assert.deepEqual(plain(limits[0]), {
    id: "BackendTrafficPolicy/default/p/route/default/r/rule/0",
    name: "BackendTrafficPolicy default/p, global rule 0",
    kind: "BackendTrafficPolicy",
    applies: { routes: ["default/r"] },
    conditions: [
      { attribute: { from: "model" }, test: { type: "exact", values: ["gpt-4o"] }, invert: false },
      { attribute: { from: "header", name: "x-plan" }, test: { type: "regex", value: "free|trial" }, invert: true },
      { attribute: { from: "query", name: "v" }, test: { type: "exact", values: ["1"] }, invert: false },
      { attribute: { from: "method" }, test: { type: "exact", values: ["POST", "PUT"] }, invert: false },
      { attribute: { from: "method" }, test: { type: "exact", values: ["GET"] }, invert: true },
      { attribute: { from: "path" }, test: { type: "exact", values: ["/v1/chat"] }, invert: false },
      { attribute: { from: "address" }, test: { type: "cidr", value: "10.0.0.0/8" }, invert: false },
    ],
    per: [{ from: "header", name: "x-tenant" }, { from: "address" }],
    requestCost: 2,
    answerCost: { from: "metadata", key: "total" },
    amount: 1000,
    extra: [],
    unit: "cost",
    window: { type: "fixed", durationMs: 86_400_000 },
    shadow: true,
    admission: "reserve",
    assumedOutputTokens: 1024,
    counted: "shared",
    alerts: [],
    unmetered: "allow",
  });
});

const COUNTED: readonly { name: string; in: string; want: object }[] = [
  { name: "each route has counters of its own", in: traffic(`{${HOURLY}}`), want: { amount: 9, requestCost: 1 } },
  { name: "each gateway counts for itself", in: traffic(`{${HOURLY}}`, "Local"), want: { counted: "gateway" } },
  {
    name: "a limit may be asked to admit while anything is left",
    in: traffic(`{${HOURLY}}`, "Global", ", annotations: {aigw.dev/admission: Check}"),
    want: { admission: "check" },
  },
  {
    name: "a number may be charged at the end",
    in: traffic(`{${HOURLY}, cost: {response: {from: Number, number: 3}}}`),
    want: { answerCost: { from: "number", number: 3 }, unit: "requests" },
  },
];

for (const { name, in: text, want } of COUNTED) {
  test(name, () => {
    const { limits, faults } = limitsOf(text);
    assert.deepEqual(faults, []);
    assert.deepEqual(
      limits.map(({ applies }) => applies.routes),
      [["default/r"], ["default/s"]],
    );
    assert.partialDeepStrictEqual(limits[0], want);
  });
}

test("a counter that routes share is one limit", () => {
  const { limits } = limitsOf(traffic(`{shared: true, ${HOURLY}}`));
  assert.deepEqual(
    limits.map(({ id, applies }) => [id, applies.routes]),
    [["BackendTrafficPolicy/default/p/rule/0", ["default/r", "default/s"]]],
  );
});

test("a cost that this gateway does not know is told", () => {
  const { notices } = limitsOf(
    traffic(`{${HOURLY}, cost: {response: {from: Metadata, metadata: {namespace: envoy.lua, key: k}}}}`),
  );
  assert.deepEqual(notices, [
    "BackendTrafficPolicy default/p: spec.rateLimit.global.rules[0].cost.response.metadata: is not counted by this gateway: it knows the costs in io.envoy.ai_gateway",
  ]);
});

function quota(spec: string): string {
  return `apiVersion: aigateway.envoyproxy.io/v1alpha1
kind: QuotaPolicy
metadata: {name: q}
spec:
  targetRefs: [{group: aigateway.envoyproxy.io, kind: AIServiceBackend, name: b}]
  ${spec}
`;
}

test("a quota is for a backend, its model and the callers of each bucket, of which any may have room", () => {
  const rule = "{clientSelectors: [{headers: [{name: x-tenant, type: Distinct}]}], quota: {limit: 5, duration: 1m}}";
  const shadow = "{quota: {limit: 1, duration: 1s}, shadowMode: true}";
  const { limits, faults } = limitsOf(
    quota(`serviceQuota: {quota: {limit: 100, duration: 1d}}
  perModelQuotas:
    - {modelName: m, quota: {costExpression: input_tokens, defaultBucket: {limit: 9, duration: 1h}, bucketRules: [${rule}, ${shadow}]}}
    - {modelName: n, quota: {defaultBucket: {limit: 7, duration: 1h}}}`),
  );
  assert.deepEqual(faults, []);
  const group = "QuotaPolicy/default/q/backend/default/b/model/m";
  assert.deepEqual(
    limits.map((limit) => [limit.id, limit.applies.requestModels, limit.amount, limit.group, limit.per.length]),
    [
      ["QuotaPolicy/default/q/backend/default/b/service", undefined, 100, undefined, 0],
      [`${group}/rule/0`, ["m"], 5, group, 1],
      [`${group}/rule/1`, ["m"], 1, undefined, 0],
      [`${group}/default`, ["m"], 9, group, 0],
      ["QuotaPolicy/default/q/backend/default/b/model/n/default", ["n"], 7, undefined, 0],
    ],
  );
  assert.partialDeepStrictEqual(plain(limits[1]), {
    applies: { backends: ["default/b"] },
    answerCost: { from: "rule", rule: { type: "CEL", cel: "input_tokens" } },
    requestCost: 0,
    window: { type: "fixed", durationMs: 60_000 },
  });
  assert.partialDeepStrictEqual(plain(limits[4]), { answerCost: { from: "rule", rule: { type: "TotalToken" } } });
});

test("a quota for what is not there is a fault", () => {
  const { faults } = limitsOf(quota("perModelQuotas: []").replace("name: b}", "name: c}"));
  assert.deepEqual(faults, [
    'QuotaPolicy default/q: spec.targetRefs[0].name: there is no AIServiceBackend default/c; did you mean "b"?',
  ]);
});

function budget(fields: string, head = ""): string {
  return `apiVersion: aigw.dev/v1alpha1
kind: BudgetPolicy
metadata: {name: money}
spec:
  ${head}
  budgets: [{name: monthly, ${fields}}]
`;
}

test("a budget of money is counted in billionths of a dollar, in the months of its time zone", () => {
  const { limits, faults } = limitsOf(
    budget(`limit: {dollars: "250.1"}, window: {type: Calendar, unit: Month, timeZone: Europe/Berlin},
      match: [{from: Caller, name: team, values: [a, b]}, {from: Address, type: CIDR, value: 10.0.0.0/8, invert: true}],
      per: [{from: Caller, name: user}], alertPercent: [100, 80],
      extra: [{amount: "50", until: "2027-01-01T00:00:00Z"}]`),
  );
  assert.deepEqual(faults, []);
  assert.deepEqual(plain(limits[0]), {
    id: "BudgetPolicy/default/money/monthly",
    name: 'BudgetPolicy default/money, budget "monthly"',
    kind: "BudgetPolicy",
    applies: { routes: ["default/r", "default/s"] },
    conditions: [
      { attribute: { from: "caller", name: "team" }, test: { type: "exact", values: ["a", "b"] }, invert: false },
      { attribute: { from: "address" }, test: { type: "cidr", value: "10.0.0.0/8" }, invert: true },
    ],
    per: [{ from: "caller", name: "user" }],
    requestCost: 0,
    answerCost: { from: "price" },
    amount: 250_100_000_000,
    extra: [{ amount: 50_000_000_000, untilMs: Date.parse("2027-01-01T00:00:00Z") }],
    unit: "nanodollars",
    window: { type: "calendar", unit: "month", timeZone: "Europe/Berlin" },
    shadow: false,
    admission: "reserve",
    assumedOutputTokens: 1024,
    counted: "shared",
    alerts: [80, 100],
    unmetered: "refuse",
  });
});

const MEASURES: readonly { name: string; in: string; want: object }[] = [
  { name: "requests", in: "limit: {requests: 3}, window: {type: Never}", want: { unit: "requests", requestCost: 1 } },
  {
    name: "tokens in the last hour",
    in: "limit: {tokens: 3}, window: {type: Rolling, duration: 1h}",
    want: { unit: "tokens", window: { type: "rolling", durationMs: 3_600_000 } },
  },
  {
    name: "a cost of the route",
    in: "limit: {cost: {metadataKey: k, amount: 4}}, window: {type: Fixed, duration: 1m}",
    want: { unit: "cost", amount: 4, answerCost: { from: "metadata", key: "k" } },
  },
];

for (const { name, in: fields, want } of MEASURES) {
  test(`a budget may be of ${name}`, () => {
    const { limits, faults } = limitsOf(budget(fields));
    assert.deepEqual(faults, []);
    assert.partialDeepStrictEqual(plain(limits[0]), want);
  });
}

test("a budget is for the routes that it names", () => {
  const target = "targetRefs: [{group: aigateway.envoyproxy.io, kind: AIGatewayRoute, name: s}]";
  const { limits } = limitsOf(budget("limit: {requests: 3}, window: {type: Never}", target));
  assert.deepEqual(limits[0]?.applies.routes, ["default/s"]);
});

const WRONG: readonly { name: string; in: string; want: readonly string[] }[] = [
  {
    name: "two limits and no duration",
    in: "limit: {dollars: 1, tokens: 1}, window: {type: Rolling}",
    want: [
      "limit: needs exactly one of dollars, tokens, requests and cost",
      "window.duration: is required with type Rolling",
    ],
  },
  {
    name: "a calendar without unit, in no time zone",
    in: "limit: {tokens: 1}, window: {type: Calendar, timeZone: Mars/Olympus}",
    want: [
      "window.unit: is required with type Calendar",
      "window.timeZone: is no time zone; write one such as Europe/Berlin or UTC",
    ],
  },
  {
    name: "conditions that miss something",
    in: "limit: {tokens: 1}, window: {type: Never}, match: [{from: Caller, value: a}, {from: Model, type: CIDR, value: x}, {from: Route}], per: [{from: Path, name: p}]",
    want: [
      "match[0].name: is required with from: Caller",
      "match[1].type: CIDR is for from: Address",
      "match[1].value: must be a range such as 10.0.0.0/8 or 2001:db8::/32",
      "match[2]: needs exactly one of value and values",
      "per[0].name: must not be given with from: Path",
    ],
  },
  {
    name: "money that is none and a time that is none",
    in: 'limit: {tokens: 1}, window: {type: Never}, extra: [{amount: 5, until: "tomorrow"}]',
    want: ["extra[0].until: must be a time such as 2027-01-31T00:00:00Z"],
  },
];

for (const { name, in: fields, want } of WRONG) {
  test(`what is wrong in a budget is reported at its place: ${name}`, () => {
    assert.deepEqual(
      limitsOf(budget(fields)).faults,
      want.map((fault) => `BudgetPolicy default/money: spec.budgets[0].${fault}`),
    );
  });
}

test("an expression that is no RE2 is a fault at its place", () => {
  const selectors = `clientSelectors: [{headers: [{name: a, type: RegularExpression, value: "("}]}]`;
  assert.deepEqual(limitsOf(traffic(`{${selectors}, ${HOURLY}}`)).faults, [
    "BackendTrafficPolicy default/p: spec.rateLimit.global.rules[0].clientSelectors[0].headers[0].value: is no RE2 regular expression: error parsing regexp: missing closing ): `(`",
  ]);
});
