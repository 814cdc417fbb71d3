import assert from "node:assert/strict";
import { test } from "node:test";
import type { LimitAttribute } from "../config/limits.ts";
import { counterKey } from "./counter-key.ts";

const user: LimitAttribute = { from: "header", name: "x-user-id" };
const apiKey: LimitAttribute = { from: "header", name: "x-api-key" };
const model: LimitAttribute = { from: "model" };

const CASES: readonly { name: string; per: readonly LimitAttribute[]; values: readonly string[]; want: string }[] = [
  { name: "nothing is told apart", per: [], values: [], want: "aigw:BudgetPolicy/default/teams" },
  {
    name: "a plain value",
    per: [user],
    values: ["ann@example.com"],
    want: "aigw:BudgetPolicy/default/teams|ann@example.com",
  },
  {
    name: "a value with the separator in it",
    per: [user, model],
    values: ["a|b", "gpt-5"],
    want: "aigw:BudgetPolicy/default/teams|sha256:0eab8a0a3380abf4c7d1fb0b43b66aaf|gpt-5",
  },
  {
    name: "a value of a header that holds secrets",
    per: [apiKey],
    values: ["sk-1"],
    want: "aigw:BudgetPolicy/default/teams|sha256:0f2c10bf3d128c719c6bfa4ecbae94b7",
  },
];

for (const { name, per, values, want } of CASES) {
  test(`key of a counter: ${name}`, () => {
    assert.equal(counterKey({ id: "BudgetPolicy/default/teams", per }, values), want);
  });
}

test("a long value does not make a long key", () => {
  const key = counterKey({ id: "BudgetPolicy/default/teams", per: [user] }, ["x".repeat(10_000)]);
  assert.ok(key.length < 100, key);
});
