import assert from "node:assert/strict";
import { test } from "node:test";
import { parse } from "yaml";
import type { Route, RuntimeConfig } from "../config/runtime-config.ts";
import type { RateLimitRule, RateLimitSelector } from "../config/traffic-policy.ts";
import { routeRateLimits } from "./rate-limit.ts";
import { rateLimitServiceConfig } from "./rate-limit-service.ts";

const TENANT: RateLimitSelector = {
  headers: [{ name: "x-tenant", type: "Distinct", value: undefined, invert: false }],
  source: undefined,
  methods: [],
  path: undefined,
};
const TOKENS: RateLimitRule = {
  selectors: [TENANT],
  requests: 1000,
  unit: "Hour",
  requestCost: { from: "Number", number: 0 },
  responseCost: { from: "Metadata", namespace: "io.envoy.ai_gateway", key: "total_tokens" },
  shadowMode: false,
};
const REQUESTS: RateLimitRule = {
  ...TOKENS,
  selectors: [],
  requestCost: { from: "Number", number: 1 },
  responseCost: undefined,
};

function routeWith(...rules: RateLimitRule[]): Route {
  const timeouts = {
    connectMs: undefined,
    requestMs: undefined,
    connectionIdleMs: undefined,
    maxConnectionDurationMs: undefined,
    streamIdleMs: undefined,
  };
  return {
    id: "default/main",
    hostnames: [],
    rules: [],
    costs: [],
    strictTranslation: false,
    traffic: {
      timeouts,
      retry: undefined,
      healthCheck: undefined,
      circuitBreaker: undefined,
      loadBalancer: undefined,
      rateLimit: { policy: "default/budget", rules },
    },
  };
}

function configWith(...routes: Route[]): RuntimeConfig {
  return { version: "1", listeners: [], routes, globalCosts: [], statuses: [] };
}

const RULE_0 = "policy/default/budget/route/default/main/rule/0";

test("a token limit is looked at when the request comes and charged when its answer has ended, under one key", () => {
  const actions = [
    { genericKey: { descriptorKey: "rule", descriptorValue: RULE_0 } },
    {
      metadata: {
        descriptorKey: "client",
        source: "DYNAMIC",
        metadataKey: { key: "io.envoy.ai_gateway", path: [{ key: "rate_limit.0" }] },
      },
    },
  ];
  assert.deepEqual(routeRateLimits(routeWith(TOKENS))?.["rateLimits"], [
    { actions, hitsAddend: { number: "0" } },
    {
      actions,
      hitsAddend: { format: "%DYNAMIC_METADATA(io.envoy.ai_gateway:total_tokens)%" },
      applyOnStreamDone: true,
    },
  ]);
});

const REQUEST_TIME: readonly { name: string; in: RateLimitRule; want: object }[] = [
  { name: "a limit of requests", in: REQUESTS, want: { hitsAddend: { number: "1" } } },
  {
    name: "a limit of no tokens takes a hit to refuse",
    in: { ...TOKENS, requests: 0 },
    want: { hitsAddend: { number: "1" } },
  },
  {
    name: "a limit that is tried out is not told to callers",
    in: { ...REQUESTS, shadowMode: true },
    want: { xRatelimitOption: "OFF" },
  },
  {
    name: "a cost that another filter has written",
    in: { ...REQUESTS, requestCost: { from: "Metadata", namespace: "a.b", key: "c" } },
    want: { hitsAddend: { format: "%DYNAMIC_METADATA(a.b:c)%" } },
  },
];

for (const { name, in: rule, want } of REQUEST_TIME) {
  test(name, () => {
    const [atRequest] = (routeRateLimits(routeWith(rule))?.["rateLimits"] ?? []) as object[];
    assert.partialDeepStrictEqual(atRequest, want);
  });
}

test("addresses are masked by Envoy to what the service knows, each for itself where the rule says so", () => {
  const source = { type: "Distinct", cidr: "10.1.2.3/8" } as const;
  const exact = { type: "Exact", cidr: "2001:db8::/32" } as const;
  const rule = {
    ...REQUESTS,
    selectors: [
      { ...TENANT, source },
      { ...TENANT, headers: [], source: exact },
    ],
  };
  const [limit] = (routeRateLimits(routeWith(rule))?.["rateLimits"] ?? []) as { actions: object[] }[];
  assert.deepEqual(limit?.actions.slice(2), [
    { maskedRemoteAddress: { v4PrefixMaskLen: 8 } },
    { maskedRemoteAddress: { v6PrefixMaskLen: 32 } },
    { remoteAddress: {} },
  ]);
  const counted = { key: "remote_address", rate_limit: { unit: "hour", requests_per_unit: 1000 } };
  const v6 = { key: "masked_remote_address", value: "2001:db8::/32", descriptors: [counted] };
  const v4 = { key: "masked_remote_address", value: "10.0.0.0/8", descriptors: [v6] };
  assert.deepEqual(parse(rateLimitServiceConfig(configWith(routeWith(rule)))).descriptors, [
    { key: "rule", value: RULE_0, descriptors: [{ key: "client", descriptors: [v4] }] },
  ]);
});

test("a route without limits counts nothing", () => {
  assert.equal(routeRateLimits({ ...routeWith(), traffic: undefined }), undefined);
  assert.equal(routeRateLimits(routeWith()), undefined);
});

test("the service knows the limit under the descriptor that Envoy sends, once for a route under several hostnames", () => {
  const route = routeWith(TOKENS, { ...REQUESTS, shadowMode: true });
  const config = configWith(route, { ...route, hostnames: ["a.example"] }, { ...route, traffic: undefined });
  assert.deepEqual(parse(rateLimitServiceConfig(config)), {
    domain: "aigw",
    descriptors: [
      {
        key: "rule",
        value: RULE_0,
        descriptors: [{ key: "client", rate_limit: { unit: "hour", requests_per_unit: 1000 } }],
      },
      {
        key: "rule",
        value: RULE_0.replace(/0$/, "1"),
        shadow_mode: true,
        rate_limit: { unit: "hour", requests_per_unit: 1000 },
      },
    ],
  });
});
