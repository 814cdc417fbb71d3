import assert from "node:assert/strict";
import { test } from "node:test";
import type { RateLimitHeader, RateLimitRule, RateLimitSelector } from "../config/traffic-policy.ts";
import { HeaderMap } from "../wire/headers.ts";
import { rateLimitMetadata } from "./rate-limit-metadata.ts";

const REQUEST = {
  headers: new HeaderMap(
    [
      ["x-tenant", "acme"],
      ["x-user", "ann@acme.example"],
      ["x-long", "a".repeat(65)],
      ["x-empty", ""],
      ["x-odd", "a,b"],
      ["x-api-key", "sk-1234"],
      ["x-ai-eg-model", "spoofed"],
    ].flat(),
  ),
  model: "gpt-4o",
  method: "POST",
  path: "/v1/chat/completions",
};

function selector(parts: Partial<RateLimitSelector>): RateLimitSelector {
  return { headers: [], source: undefined, methods: [], path: undefined, ...parts };
}

function header(name: string, type: RateLimitHeader["type"], value?: string, invert = false): RateLimitSelector {
  return selector({ headers: [{ name, type, value, invert }] });
}

function ruleOf(selectors: readonly RateLimitSelector[]): RateLimitRule {
  return {
    selectors,
    requests: 10,
    unit: "Hour",
    requestCost: { from: "Number", number: 1 },
    responseCost: undefined,
    shadowMode: false,
  };
}

const CASES: readonly { name: string; in: readonly RateLimitSelector[]; want: string | undefined }[] = [
  { name: "an exact header", in: [header("x-tenant", "Exact", "acme")], want: "all" },
  { name: "an exact header of another value", in: [header("x-tenant", "Exact", "umbrella")], want: undefined },
  { name: "an exact header is not a prefix", in: [header("x-tenant", "Exact", "acm")], want: undefined },
  { name: "an absent header", in: [header("x-none", "Exact", "acme")], want: undefined },
  { name: "an inverted match", in: [header("x-tenant", "Exact", "acme", true)], want: undefined },
  { name: "an inverted mismatch", in: [header("x-tenant", "Exact", "umbrella", true)], want: "all" },
  { name: "an inverted absent header", in: [header("x-none", "Exact", "acme", true)], want: "all" },
  {
    name: "an expression covers the whole value",
    in: [header("x-tenant", "RegularExpression", "ac")],
    want: undefined,
  },
  { name: "an expression", in: [header("x-tenant", "RegularExpression", "a[cm]+e")], want: "all" },
  { name: "a distinct header", in: [header("x-tenant", "Distinct")], want: "acme" },
  { name: "an absent distinct header", in: [header("x-none", "Distinct")], want: undefined },
  { name: "an empty distinct header", in: [header("x-empty", "Distinct")], want: undefined },
  {
    name: "two distinct headers",
    in: [header("x-tenant", "Distinct"), header("x-user", "Distinct")],
    want: "acme,ann@acme.example",
  },
  {
    name: "a value that reads like two is hashed",
    in: [header("x-odd", "Distinct")],
    want: "sha256:1eb7c54d52831bbfe8942af0b1c56b74",
  },
  {
    name: "a credential is hashed",
    in: [header("x-api-key", "Distinct")],
    want: "sha256:88dc28d0f030c55ed4ab77ed8faf0981",
  },
  {
    name: "a long value is hashed",
    in: [header("x-long", "Distinct")],
    want: "sha256:635361c48bb9eab14198e76ea8ab7f1a",
  },
  {
    name: "the model is the body's, not the caller's header",
    in: [header("x-ai-eg-model", "Distinct")],
    want: "gpt-4o",
  },
  { name: "a spoofed model", in: [header("x-ai-eg-model", "Exact", "spoofed")], want: undefined },
  { name: "one of the methods", in: [selector({ methods: ["GET", "POST"] })], want: "all" },
  { name: "none of the methods", in: [selector({ methods: ["GET"] })], want: undefined },
  {
    name: "an exact path",
    in: [selector({ path: { type: "Exact", value: "/v1/chat/completions" } })],
    want: "all",
  },
  { name: "a path prefix", in: [selector({ path: { type: "PathPrefix", value: "/v1/chat/" } })], want: "all" },
  { name: "a prefix of every path", in: [selector({ path: { type: "PathPrefix", value: "/" } })], want: "all" },
  {
    name: "a path prefix ends with an element",
    in: [selector({ path: { type: "PathPrefix", value: "/v1/ch" } })],
    want: undefined,
  },
  {
    name: "a path expression",
    in: [selector({ path: { type: "RegularExpression", value: "/v1/(chat/)?completions" } })],
    want: "all",
  },
  {
    name: "all selectors must hold",
    in: [header("x-tenant", "Distinct"), selector({ methods: ["GET"] })],
    want: undefined,
  },
  {
    name: "an address is Envoy's to look at",
    in: [selector({ source: { type: "Distinct", cidr: "10.0.0.0/8" } })],
    want: undefined,
  },
  { name: "no selector needs no key", in: [], want: undefined },
];

for (const { name, in: selectors, want } of CASES) {
  test(`${name}: ${want ?? "no key"}`, () => {
    const keys = rateLimitMetadata({ policy: "default/p", rules: [ruleOf(selectors)] }, REQUEST);
    assert.deepEqual(keys, want === undefined ? {} : { "rate_limit.0": want });
  });
}

test("each rule has the key of its place", () => {
  const rules = [ruleOf([]), ruleOf([header("x-tenant", "Distinct")]), ruleOf([header("x-none", "Distinct")])];
  const limit = { policy: "default/p", rules };
  assert.deepEqual(rateLimitMetadata(limit, REQUEST), { "rate_limit.1": "acme" });
});

test("costs of answers are nothing at first, where they are the gateway's to tell", () => {
  const cost = (namespace: string, key: string) => ({ from: "Metadata" as const, namespace, key });
  const ours = { ...ruleOf([]), responseCost: cost("io.envoy.ai_gateway", "total_tokens") };
  const others = { ...ruleOf([]), responseCost: cost("envoy.lua", "cost") };
  const limit = { policy: "default/p", rules: [ours, others, ruleOf([]), ours] };
  assert.deepEqual(rateLimitMetadata(limit, REQUEST), { total_tokens: 0 });
});
