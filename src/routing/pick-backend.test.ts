import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { BackendRef } from "../config/runtime-config.ts";
import { pick, prepareChoice } from "./pick-backend.ts";

function ref(id: string, weight: number, priority = 0): BackendRef {
  return {
    id,
    backend: {
      id: `default/${id}`,
      schema: { name: "OpenAI", prefix: undefined, version: undefined },
      upstream: { endpoints: [], protocol: "http/1.1", tls: undefined, connectTimeoutMs: 1000 },
      auth: { type: "none" },
    },
    weight,
    priority,
    modelNameOverride: undefined,
    headerMutation: { set: [], remove: [] },
    bodyMutation: { set: [], remove: [] },
  };
}

/** Counts the picks over evenly spaced random numbers. */
function shares(refs: readonly BackendRef[], tried: readonly BackendRef[], draws: number): Record<string, number> {
  const choice = prepareChoice(refs);
  const counts: Record<string, number> = {};
  for (let i = 0; i < draws; i++) {
    const id = pick(choice, tried, (i + 0.5) / draws)?.id ?? "none";
    counts[id] = (counts[id] ?? 0) + 1;
  }
  return counts;
}

const a = ref("a", 1);
const b = ref("b", 3);
const none = ref("none-of-it", 0);
const spare = ref("spare", 2, 1);
const spare2 = ref("spare2", 2, 1);
const last = ref("last", 1, 7);

const cases: readonly {
  name: string;
  refs: readonly BackendRef[];
  tried: readonly BackendRef[];
  want: Record<string, number>;
}[] = [
  { name: "one backend takes all", refs: [a], tried: [], want: { a: 100 } },
  { name: "weights divide the requests", refs: [a, b], tried: [], want: { a: 25, b: 75 } },
  { name: "weight 0 takes none", refs: [none, a, b], tried: [], want: { a: 25, b: 75 } },
  { name: "only the highest priority is used", refs: [last, spare, a], tried: [], want: { a: 100 } },
  { name: "a tried backend leaves its share to the others", refs: [a, b], tried: [b], want: { a: 100 } },
  {
    name: "the next priority follows when all are tried",
    refs: [last, spare, a, spare2],
    tried: [a],
    want: { spare: 50, spare2: 50 },
  },
  { name: "priorities may have gaps", refs: [a, last], tried: [a], want: { last: 100 } },
  { name: "nothing is left", refs: [a, b, none], tried: [b, a], want: { none: 100 } },
  { name: "all weights are 0", refs: [none], tried: [], want: { none: 100 } },
  { name: "a priority of weight 0 only is skipped", refs: [none, spare], tried: [], want: { spare: 100 } },
  { name: "no backends", refs: [], tried: [], want: { none: 100 } },
];

for (const { name, refs, tried, want } of cases) {
  test(name, () => assert.deepEqual(shares(refs, tried, 100), want));
}

test("every share is its weight's, whatever the weights", () => {
  fc.assert(
    fc.property(fc.array(fc.nat(9), { minLength: 1, maxLength: 8 }), (weights) => {
      const total = weights.reduce((sum, weight) => sum + weight, 0);
      fc.pre(total > 0);
      const counts = shares(
        weights.map((weight, i) => ref(`r${i}`, weight)),
        [],
        total,
      );
      const want = weights.flatMap((weight, i) => (weight === 0 ? [] : [[`r${i}`, weight]]));
      assert.deepEqual(counts, Object.fromEntries(want));
    }),
  );
});

test("the largest random number stays inside", () => {
  const choice = prepareChoice([a, b, ref("c", 0.1)]);
  assert.equal(pick(choice, [], 1 - Number.EPSILON / 2)?.id, "c");
});

test("retries visit every backend once, then end", () => {
  const choice = prepareChoice([a, b, spare, last]);
  const tried: BackendRef[] = [];
  for (let next = pick(choice, tried, 0.5); next !== undefined; next = pick(choice, tried, 0.5)) tried.push(next);
  assert.deepEqual(tried, [b, a, spare, last]);
});
