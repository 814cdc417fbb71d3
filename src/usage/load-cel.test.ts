import assert from "node:assert/strict";
import { test } from "node:test";
import type { CelFault } from "./cel-check.ts";
import { CEL_FUNCTIONS } from "./cel-functions.ts";
import { type CelType, DYN, STRING } from "./cel-types.ts";
import { type CelExpression, loadCel } from "./load-cel.ts";

const cel = await loadCel();

function compiled(expression: string, variables = new Map<string, CelType>()): CelExpression {
  const result = cel.compile(expression, variables);
  assert.ok("evaluate" in result, `${expression} is refused`);
  return result;
}

function faults(expression: string): readonly CelFault[] {
  const result = cel.compile(expression, new Map());
  assert.ok(!("evaluate" in result), `${expression} is accepted`);
  return result;
}

test("an expression is computed from its variables", () => {
  const greeting = compiled("'hello ' + name", new Map([["name", STRING]]));
  assert.equal(greeting.evaluate({ name: "world" }), "hello world");
});

test("a missing variable is an error, not an exception", () => {
  const result = compiled("name", new Map([["name", STRING]])).evaluate({});
  assert.ok(cel.isError(result));
});

test("unsigned integers go in and out", () => {
  const doubled = compiled("n * 2u", new Map<string, CelType>([["n", DYN]])).evaluate({ n: cel.uint(21n) });
  assert.ok(cel.isUint(doubled));
  assert.equal(doubled.value, 42n);
});

const patterns: readonly { in: string; want: boolean }[] = [
  { in: "'gpt-4o'.matches('^gpt')", want: true },
  { in: "'gpt-4o'.matches('4')", want: true },
  { in: "matches('gpt-4o', '^4')", want: false },
  { in: "matches('gpt-4o', 'o$')", want: true },
];

for (const { in: expression, want } of patterns) {
  test(`a pattern is searched for: ${expression}`, () => assert.equal(compiled(expression).evaluate({}), want));
}

test("computed patterns beyond number are still right", () => {
  const matches = compiled(
    "text.matches(pattern)",
    new Map([
      ["text", STRING],
      ["pattern", STRING],
    ]),
  );
  for (let i = 0; i < 600; i++) assert.equal(matches.evaluate({ text: `a${i}`, pattern: `^a${i}$` }), true);
  assert.equal(matches.evaluate({ text: "a1", pattern: "^a0$" }), false);
});

const broken: readonly { in: string; want: CelFault[] }[] = [
  { in: "1 +", want: [{ offset: 2, reason: "syntax error: unexpected +" }] },
  { in: "", want: [{ offset: 0, reason: "syntax error: unexpected end" }] },
  { in: "'open", want: [{ offset: 0, reason: "syntax error: unexpected '" }] },
  { in: "1u   *  2", want: [{ offset: 5, reason: "operator * does not take (uint, int); write 2u" }] },
  { in: "1u\n\t* 2", want: [{ offset: 4, reason: "operator * does not take (uint, int); write 2u" }] },
];

for (const { in: expression, want } of broken) {
  test(`faults of ${JSON.stringify(expression)} have their place`, () => assert.deepEqual(faults(expression), want));
}

test("an expression nested too deep is a fault", () => {
  assert.match(faults(`${"(".repeat(100_000)}1${")".repeat(100_000)}`)[0]?.reason ?? "", /^syntax error/);
});

const SAMPLES: Readonly<Record<CelType["kind"], string>> = {
  bool: "true",
  int: "1",
  uint: "1u",
  double: "1.0",
  string: "'1'",
  bytes: "b'1'",
  null: "null",
  duration: "duration('1s')",
  timestamp: "timestamp('2026-01-02T03:04:05Z')",
  dyn: "dyn(1)",
  error: "",
  variable: "1",
  list: "[1, 1]",
  map: "{1: 1}",
  type: "int",
};

function call(name: string, method: boolean, parameters: readonly CelType[]): string {
  const values = parameters.map(({ kind }) => SAMPLES[kind]);
  if (name === "@in") return values.join(" in ");
  if (name.includes("_")) {
    let next = 0;
    return name.replaceAll("_", () => values[next++] ?? "");
  }
  const [target, ...rest] = values;
  return method ? `${target}.${name}(${rest.join(", ")})` : `${name}(${values.join(", ")})`;
}

test("every function the check knows can be run", () => {
  const missing: string[] = [];
  for (const [name, overloads] of CEL_FUNCTIONS) {
    if (name === "@not_strictly_false") continue;
    for (const { method, parameters } of overloads) {
      const expression = call(name, method, parameters);
      const result = compiled(expression).evaluate({});
      if (cel.isError(result) && result.message.includes("overload")) missing.push(expression);
    }
  }
  assert.deepEqual(missing, []);
});
