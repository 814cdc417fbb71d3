import assert from "node:assert/strict";
import { test } from "node:test";
import { parse } from "yaml";
import type { Limit } from "../config/limits.ts";
import { testLimit } from "../ratelimit/test-limit.ts";
import { routeRateLimits } from "./rate-limit.ts";
import { rateLimitServiceConfig } from "./rate-limit-service.ts";
import { testConfig } from "./test-config.ts";

const ROUTE = "default/main";
const REQUESTS = testLimit({
  id: "BackendTrafficPolicy/default/p/route/default/main/rule/0",
  kind: "BackendTrafficPolicy",
  applies: { routes: [ROUTE], backends: undefined, requestModels: undefined },
  amount: 1000,
  window: { type: "fixed", durationMs: 3_600_000 },
});
const TOKENS: Limit = {
  ...REQUESTS,
  per: [{ from: "header", name: "x-tenant" }],
  requestCost: 0,
  answerCost: { from: "metadata", key: "total_tokens" },
};

test("a token limit is looked at when the request comes and charged when its answer has ended, under one key", () => {
  const actions = [
    { genericKey: { descriptorKey: "limit", descriptorValue: REQUESTS.id } },
    {
      metadata: {
        descriptorKey: "client",
        source: "DYNAMIC",
        metadataKey: { key: "io.envoy.ai_gateway", path: [{ key: "rate_limit.0" }] },
      },
    },
  ];
  assert.deepEqual(routeRateLimits([TOKENS], ROUTE)?.["rateLimits"], [
    { actions, hitsAddend: { number: "0" } },
    {
      actions,
      hitsAddend: { format: "%DYNAMIC_METADATA(io.envoy.ai_gateway:total_tokens)%" },
      applyOnStreamDone: true,
    },
    {
      actions: [{ genericKey: { descriptorKey: "at", descriptorValue: "end" } }],
      hitsAddend: { number: "0" },
      applyOnStreamDone: true,
    },
  ]);
});

const REQUEST_TIME: readonly { name: string; in: Limit; want: object }[] = [
  { name: "a limit of requests", in: REQUESTS, want: { hitsAddend: { number: "1" } } },
  {
    name: "a limit of no tokens takes a hit to refuse",
    in: { ...TOKENS, amount: 0 },
    want: { hitsAddend: { number: "1" } },
  },
  {
    name: "a limit that is tried out is not told to callers",
    in: { ...REQUESTS, shadow: true },
    want: { xRatelimitOption: "OFF" },
  },
];

for (const { name, in: limit, want } of REQUEST_TIME) {
  test(name, () => {
    const [atRequest] = (routeRateLimits([limit], ROUTE)?.["rateLimits"] ?? []) as object[];
    assert.partialDeepStrictEqual(atRequest, want);
  });
}

test("a fixed number is charged when the answer has ended", () => {
  const limit: Limit = { ...REQUESTS, answerCost: { from: "number", number: 5 } };
  const [, atEnd] = (routeRateLimits([limit], ROUTE)?.["rateLimits"] ?? []) as object[];
  assert.partialDeepStrictEqual(atEnd, { hitsAddend: { number: "5" }, applyOnStreamDone: true });
});

test("Envoy counts only what its service knows, each limit under its place among those", () => {
  const own = [testLimit({ applies: REQUESTS.applies }), { ...REQUESTS, counted: "gateway" as const }];
  const elsewhere: Limit = { ...TOKENS, applies: { ...TOKENS.applies, routes: ["default/other"] } };
  const text = JSON.stringify(routeRateLimits([...own, elsewhere, REQUESTS, TOKENS], ROUTE));
  assert.deepEqual(text.match(/rate_limit\.\d/g), ["rate_limit.1", "rate_limit.1"]);
  assert.equal(routeRateLimits(own, ROUTE), undefined);
});

test("the service knows the limit under the descriptor that Envoy sends", () => {
  const shadow: Limit = { ...REQUESTS, id: "two", shadow: true, window: { type: "fixed", durationMs: 86_400_000 } };
  const config = { ...testConfig([]), limits: [TOKENS, shadow, testLimit()] };
  assert.deepEqual(parse(rateLimitServiceConfig(config)), {
    domain: "aigw",
    descriptors: [
      {
        key: "limit",
        value: REQUESTS.id,
        descriptors: [{ key: "client", rate_limit: { unit: "hour", requests_per_unit: 1000 } }],
      },
      { key: "limit", value: "two", shadow_mode: true, rate_limit: { unit: "day", requests_per_unit: 1000 } },
    ],
  });
});
