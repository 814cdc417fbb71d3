import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { compileArithmetic } from "./cel-arithmetic.ts";
import { type CelType, STRING, UINT } from "./cel-types.ts";
import { loadCel } from "./load-cel.ts";

const cel = await loadCel();
const VARIABLES = new Map<string, CelType>([
  ["a", UINT],
  ["b", UINT],
  ["model", STRING],
]);

interface Input {
  readonly a: number;
  readonly b: number;
  readonly model: string;
}
const COUNTS = new Map([
  ["a", ({ a }: Input) => a],
  ["b", ({ b }: Input) => b],
]);
const TEXTS = new Map([["model", ({ model }: Input) => model]]);

function compiled(expression: string) {
  const checked = cel.compile(expression, VARIABLES);
  assert.ok("evaluate" in checked, `${expression} is refused`);
  return { checked, arithmetic: compileArithmetic(checked.expr, { counts: COUNTS, texts: TEXTS }) };
}

/** What the evaluator makes of it; undefined for an error. */
function oracle(expression: string, a: number, b: number, model: string): bigint | undefined {
  const result = compiled(expression).checked.evaluate({ a: cel.uint(BigInt(a)), b: cel.uint(BigInt(b)), model });
  return cel.isUint(result) ? result.value : undefined;
}

const { expression } = fc.letrec<{ expression: string; condition: string }>((tie) => ({
  expression: fc.oneof(
    { maxDepth: 4, withCrossShrink: true },
    fc.constantFrom("a", "b"),
    fc.nat({ max: 1000 }).map((n) => `${n}u`),
    fc
      .tuple(tie("expression"), fc.constantFrom("+", "-", "*", "/", "%"), tie("expression"))
      .map(([x, op, y]) => `(${x} ${op} ${y})`),
    fc.tuple(tie("condition"), tie("expression"), tie("expression")).map(([c, x, y]) => `(${c} ? ${x} : ${y})`),
  ),
  condition: fc.oneof(
    fc
      .tuple(tie("expression"), fc.constantFrom("==", "!=", "<", "<=", ">", ">="), tie("expression"))
      .map(([x, op, y]) => `${x} ${op} ${y}`),
    fc.constantFrom('model == "m"', 'model != "m"'),
  ),
}));

test("what is compiled gives the evaluator's value, or leaves it to the evaluator", () => {
  const counts = fc.oneof(fc.nat({ max: 5 }), fc.nat({ max: 0xffff_ffff }));
  fc.assert(
    fc.property(expression, counts, counts, fc.constantFrom("m", "n"), (text, a, b, model) => {
      const { arithmetic } = compiled(text);
      assert.ok(arithmetic, `${text} is not compiled`);
      const value = arithmetic({ a, b, model });
      const wanted = oracle(text, a, b, model);
      assert.ok(value === undefined || BigInt(value) === wanted, `${text}: ${value}, not ${wanted}`);
    }),
  );
});

const left: readonly { name: string; in: string; a: number; b: number }[] = [
  { name: "a difference below 0", in: "a - b", a: 1, b: 2 },
  { name: "a division by 0", in: "a / b", a: 1, b: 0 },
  { name: "a remainder of 0", in: "a % b", a: 1, b: 0 },
  { name: "a product beyond exact numbers", in: "a * a", a: 0xffff_ffff, b: 0 },
];

for (const { name, in: text, a, b } of left) {
  test(`${name} is left to the evaluator`, () => {
    assert.equal(compiled(text).arithmetic?.({ a, b, model: "" }), undefined);
  });
}

for (const text of ["uint(double(a) * 0.1)", 'model.startsWith("m") ? a : b', 'model == "m" && a > b ? a : b']) {
  test(`${text} is the evaluator's alone`, () => assert.equal(compiled(text).arithmetic, undefined));
}
