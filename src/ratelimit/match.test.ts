import assert from "node:assert/strict";
import { test } from "node:test";
import type { Limit, LimitAttribute, LimitCondition } from "../config/limits.ts";
import { HeaderMap } from "../wire/headers.ts";
import { type LimitedRequest, LimitIndex, PreparedLimit } from "./match.ts";
import { testLimit } from "./test-limit.ts";

const REQUEST: LimitedRequest = {
  headers: new HeaderMap(["x-tenant", "acme", "x-empty", "", "x-ai-eg-model", "spoofed"]),
  method: "POST",
  target: "/v1/chat/completions?plan=free&plan=paid",
  model: "gpt-4o",
  route: "default/chat",
  address: "::ffff:10.1.2.3",
  caller: new Map([["team", "research"]]),
};
const TENANT: LimitAttribute = { from: "header", name: "x-tenant" };

function exact(attribute: LimitAttribute, ...values: string[]): LimitCondition {
  return { attribute, test: { type: "exact", values }, invert: false };
}

function not(condition: LimitCondition): LimitCondition {
  return { ...condition, invert: true };
}

function regex(attribute: LimitAttribute, value: string): LimitCondition {
  return { attribute, test: { type: "regex", value }, invert: false };
}

function prefix(value: string): LimitCondition {
  return { attribute: { from: "path" }, test: { type: "prefix", value }, invert: false };
}

function cidr(value: string): LimitCondition {
  return { attribute: { from: "address" }, test: { type: "cidr", value }, invert: false };
}

const CONDITIONS: readonly { name: string; in: LimitCondition[]; want: boolean }[] = [
  { name: "no condition", in: [], want: true },
  { name: "an exact header", in: [exact(TENANT, "acme")], want: true },
  { name: "one of several values", in: [exact(TENANT, "umbrella", "acme")], want: true },
  { name: "an exact header of another value", in: [exact(TENANT, "umbrella")], want: false },
  { name: "an exact header is not a prefix", in: [exact(TENANT, "acm")], want: false },
  { name: "an absent header", in: [exact({ from: "header", name: "x-none" }, "acme")], want: false },
  { name: "an inverted match", in: [not(exact(TENANT, "acme"))], want: false },
  { name: "an inverted mismatch", in: [not(exact(TENANT, "umbrella"))], want: true },
  { name: "an inverted absent header", in: [not(exact({ from: "header", name: "x-none" }, "acme"))], want: true },
  { name: "an expression covers the whole value", in: [regex(TENANT, "ac")], want: false },
  { name: "an expression", in: [regex(TENANT, "a[cm]+e")], want: true },
  { name: "the model of the body", in: [exact({ from: "model" }, "gpt-4o")], want: true },
  { name: "a method", in: [exact({ from: "method" }, "GET", "POST")], want: true },
  { name: "another method", in: [exact({ from: "method" }, "GET")], want: false },
  { name: "the route", in: [exact({ from: "route" }, "default/chat")], want: true },
  { name: "the first parameter of a name", in: [exact({ from: "query", name: "plan" }, "free")], want: true },
  { name: "not the second", in: [exact({ from: "query", name: "plan" }, "paid")], want: false },
  { name: "a path without the query", in: [exact({ from: "path" }, "/v1/chat/completions")], want: true },
  { name: "a path prefix", in: [prefix("/v1/chat/")], want: true },
  { name: "a prefix of every path", in: [prefix("/")], want: true },
  { name: "a path prefix ends with an element", in: [prefix("/v1/ch")], want: false },
  { name: "a path expression", in: [regex({ from: "path" }, "/v1/(chat/)?completions")], want: true },
  { name: "an address in a range", in: [cidr("10.1.0.0/16")], want: true },
  { name: "an address in a range that is not written from its beginning", in: [cidr("10.1.9.9/16")], want: true },
  { name: "an address out of a range", in: [cidr("10.2.0.0/16")], want: false },
  { name: "an address of the other family", in: [cidr("2001:db8::/32")], want: false },
  { name: "what is known of the caller", in: [exact({ from: "caller", name: "team" }, "research")], want: true },
  {
    name: "a header does not say who the caller is",
    in: [exact({ from: "caller", name: "x-tenant" }, "acme")],
    want: false,
  },
  { name: "all conditions must hold", in: [exact(TENANT, "acme"), exact({ from: "method" }, "GET")], want: false },
];

for (const { name, in: conditions, want } of CONDITIONS) {
  test(`${name}: ${want ? "the limit is" : "is not"} for the request`, () => {
    const limit = new PreparedLimit(testLimit({ conditions }));
    assert.equal(limit.valuesOf(REQUEST) !== undefined, want);
    assert.equal(limit.whyNot(REQUEST) === undefined, want);
  });
}

const TOLD_APART: readonly { name: string; in: LimitAttribute[]; want: readonly string[] | undefined }[] = [
  { name: "nothing", in: [], want: [] },
  { name: "a header and the model", in: [TENANT, { from: "model" }], want: ["acme", "gpt-4o"] },
  { name: "an address in its plain form", in: [{ from: "address" }], want: ["10.1.2.3"] },
  { name: "an empty header", in: [{ from: "header", name: "x-empty" }], want: undefined },
  { name: "an absent header", in: [TENANT, { from: "header", name: "x-none" }], want: undefined },
];

for (const { name, in: per, want } of TOLD_APART) {
  test(`counters are told apart by ${name}`, () => {
    const limit = new PreparedLimit(testLimit({ per }));
    assert.deepEqual(limit.valuesOf(REQUEST), want);
  });
}

test("what is missing to be told apart by is told", () => {
  const missing: LimitAttribute = { from: "header", name: "x-none" };
  assert.equal(new PreparedLimit(testLimit({ per: [TENANT, missing] })).whyNot(REQUEST), missing);
});

test("limits are found by what they are for", () => {
  const limit = (id: string, applies: Partial<Limit["applies"]>) =>
    testLimit({ id, applies: { routes: undefined, backends: undefined, requestModels: undefined, ...applies } });
  const index = new LimitIndex(
    [limit("every", {}), limit("one", { routes: ["default/a"] }), limit("backend", { backends: ["default/x"] })],
    ["default/a", "default/b"],
  );
  const ids = (found: readonly PreparedLimit[]) => found.map((prepared) => prepared.limit.id);
  assert.deepEqual(ids(index.ofRoute("default/a")), ["every", "one"]);
  assert.deepEqual(ids(index.ofRoute("default/b")), ["every"]);
  assert.deepEqual(ids(index.ofRoute("default/c")), []);
  assert.deepEqual(ids(index.ofBackend("default/x")), ["backend"]);
});
