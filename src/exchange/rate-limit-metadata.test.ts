import assert from "node:assert/strict";
import { test } from "node:test";
import type { Limit, LimitAttribute } from "../config/limits.ts";
import { type LimitedRequest, PreparedLimit } from "../ratelimit/match.ts";
import { testLimit } from "../ratelimit/test-limit.ts";
import { HeaderMap } from "../wire/headers.ts";
import { rateLimitMetadata } from "./rate-limit-metadata.ts";

const REQUEST: LimitedRequest = {
  headers: new HeaderMap(
    [
      ["x-tenant", "acme"],
      ["x-user", "ann@acme.example"],
      ["x-long", "a".repeat(65)],
      ["x-odd", "a,b"],
      ["x-api-key", "sk-1234"],
    ].flat(),
  ),
  model: "gpt-4o",
  method: "POST",
  target: "/v1/chat/completions",
  route: "default/main",
  address: undefined,
  caller: new Map(),
};

function limitOf(parts: Partial<Limit>): Limit {
  return testLimit({ kind: "BackendTrafficPolicy", ...parts });
}

function header(name: string): LimitAttribute {
  return { from: "header", name };
}

function metadataOf(...limits: Limit[]): Record<string, string | number> {
  return rateLimitMetadata(
    limits.map((limit) => new PreparedLimit(limit)),
    REQUEST,
  );
}

const onModel = { attribute: { from: "model" }, test: { type: "exact", values: ["gpt-4o"] }, invert: false } as const;

const CASES: readonly { name: string; in: Partial<Limit>; want: string | undefined }[] = [
  { name: "a condition that holds", in: { conditions: [onModel] }, want: "all" },
  { name: "a condition that does not hold", in: { conditions: [{ ...onModel, invert: true }] }, want: undefined },
  { name: "a distinct header", in: { per: [header("x-tenant")] }, want: "acme" },
  { name: "an absent distinct header", in: { per: [header("x-none")] }, want: undefined },
  { name: "two headers", in: { per: [header("x-tenant"), header("x-user")] }, want: "acme,ann@acme.example" },
  {
    name: "a value that reads like two is hashed",
    in: { per: [header("x-odd")] },
    want: "sha256:1eb7c54d52831bbfe8942af0b1c56b74",
  },
  {
    name: "a credential is hashed",
    in: { per: [header("x-api-key")] },
    want: "sha256:88dc28d0f030c55ed4ab77ed8faf0981",
  },
  {
    name: "a long value is hashed",
    in: { per: [header("x-long")] },
    want: "sha256:635361c48bb9eab14198e76ea8ab7f1a",
  },
  { name: "a limit for everything needs no key", in: {}, want: undefined },
];

for (const { name, in: parts, want } of CASES) {
  test(`${name}: ${want ?? "no key"}`, () => {
    assert.deepEqual(metadataOf(limitOf(parts)), want === undefined ? {} : { "rate_limit.0": want });
  });
}

test("each limit has the key of its place among those that Envoy counts", () => {
  const own = [testLimit(), limitOf({ counted: "gateway" })];
  const counted = [limitOf({}), limitOf({ per: [header("x-tenant")] }), limitOf({ per: [header("x-none")] })];
  assert.deepEqual(metadataOf(...own, ...counted), { "rate_limit.1": "acme" });
});

test("costs of answers are nothing at first", () => {
  const tokens = limitOf({ answerCost: { from: "metadata", key: "total_tokens" } });
  assert.deepEqual(metadataOf(tokens, limitOf({}), tokens), { total_tokens: 0 });
});
