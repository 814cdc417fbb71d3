import assert from "node:assert/strict";
import { test } from "node:test";
import type { Limit, LimitAttribute } from "../config/limits.ts";
import { counterKey } from "./counter-key.ts";
import { clientOf, demandOf } from "./descriptor.ts";
import { testLimit } from "./test-limit.ts";

const tenant: LimitAttribute = { from: "header", name: "x-tenant" };
const user: LimitAttribute = { from: "header", name: "x-user" };
const apiKey: LimitAttribute = { from: "header", name: "x-api-key" };
const onModel = { attribute: { from: "model" }, test: { type: "exact", values: ["m"] }, invert: false } as const;

const ROUND_TRIPS: readonly { name: string; in: Partial<Limit>; values: readonly string[] }[] = [
  { name: "a plain value", in: { per: [tenant] }, values: ["acme"] },
  { name: "two values", in: { per: [tenant, user] }, values: ["acme", "ann@acme.example"] },
  { name: "a value with what divides values", in: { per: [tenant, user] }, values: ["a,b|c", "d"] },
  { name: "a credential", in: { per: [apiKey] }, values: ["sk-1234"] },
  { name: "a value that looks like a digest", in: { per: [tenant] }, values: [`sha256:${"0".repeat(32)}`] },
  { name: "a long value", in: { per: [tenant] }, values: ["x".repeat(100)] },
  { name: "conditions only", in: { conditions: [onModel] }, values: [] },
];

for (const { name, in: parts, values } of ROUND_TRIPS) {
  test(`${name}: what Envoy is told leads to the counter that the gateway itself takes`, () => {
    const limit = testLimit(parts);
    const demand = demandOf(limit, clientOf(limit, values));
    assert.ok(demand);
    assert.equal(counterKey(limit, demand.values, demand.areShown), counterKey(limit, values));
  });
}

test("a limit for everything has no client", () => {
  assert.deepEqual(demandOf(testLimit(), undefined)?.values, []);
  assert.equal(demandOf(testLimit(), "all"), undefined);
});

const REFUSED: readonly { name: string; in: Partial<Limit>; client: string | undefined }[] = [
  { name: "no client", in: { per: [tenant] }, client: undefined },
  { name: "nobody", in: { per: [tenant] }, client: "" },
  { name: "too few values", in: { per: [tenant, user] }, client: "acme" },
  { name: "too many values", in: { per: [tenant] }, client: "acme,ann" },
  { name: "a value that is not plain", in: { per: [tenant] }, client: "acme|x" },
  { name: "a credential as it is", in: { per: [apiKey] }, client: "sk-1234" },
  { name: "a client where none is told apart", in: { conditions: [onModel] }, client: "acme" },
];

for (const { name, in: parts, client } of REFUSED) {
  test(`${name}: not a descriptor of the limit`, () => assert.equal(demandOf(testLimit(parts), client), undefined));
}
