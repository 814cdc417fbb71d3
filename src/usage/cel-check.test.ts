import assert from "node:assert/strict";
import { test } from "node:test";
import { parse } from "@bufbuild/cel";
import { tests as checking } from "@bufbuild/cel-spec/testdata/checking.js";
import { tests as conformance } from "@bufbuild/cel-spec/testdata/conformance.js";
import { checkCel } from "./cel-check.ts";
import {
  BOOL,
  BYTES,
  type CelType,
  DOUBLE,
  DURATION,
  DYN,
  formatType,
  INT,
  listOf,
  mapOf,
  NULL,
  STRING,
  TIMESTAMP,
  UINT,
} from "./cel-types.ts";

const VARIABLES = new Map<string, CelType>([
  ["model", STRING],
  ["tokens", UINT],
  ["other", UINT],
  ["count", INT],
  ["claims", mapOf(STRING, DYN)],
  ["tags", listOf(STRING)],
  ["anything", DYN],
  ["jwt.issuer", STRING],
]);

/** The type, or every fault as `offset: reason`. */
function verdict(expression: string): string | string[] {
  const { type, faults } = checkCel(parse(expression), VARIABLES);
  return faults.length === 0 ? formatType(type) : faults.map(({ offset, reason }) => `${offset}: ${reason}`);
}

const accepted: readonly { in: string; want: string }[] = [
  { in: "tokens * 2u", want: "uint" },
  { in: "tokens + other / 10u", want: "uint" },
  { in: "int(tokens) * 2", want: "int" },
  { in: "uint(double(tokens) * 0.1)", want: "uint" },
  { in: "model.startsWith('gpt-') ? tokens : other * 2u", want: "uint" },
  { in: "model in ['a', 'b'] && !(tokens > 5u)", want: "bool" },
  { in: "matches(model, 'a.*') || model.matches('b')", want: "bool" },
  { in: "size(model) + tags.size()", want: "int" },
  { in: "claims.team.name", want: "dyn" },
  { in: "claims['team'] == 'x'", want: "bool" },
  { in: "has(claims.team)", want: "bool" },
  { in: "jwt.issuer", want: "string" },
  { in: "tags.map(t, size(t)).filter(n, n > 2)", want: "list(int)" },
  { in: "tags.exists_one(t, t == model) || tags.all(t, t != '')", want: "bool" },
  { in: "[1, 2u, 'x']", want: "list(dyn)" },
  { in: "{'a': 1, 'b': 2}", want: "map(string, int)" },
  { in: "[]", want: "list(dyn)" },
  { in: "[[], [1]]", want: "list(list(int))" },
  { in: "anything + 1", want: "int" },
  { in: "anything + anything", want: "dyn" },
  { in: "timestamp('2026-01-01T00:00:00Z') - timestamp(0)", want: "duration" },
  { in: "type(1) == int", want: "bool" },
  { in: "tags.map(tags, tags)", want: "list(string)" },
];

for (const { in: expression, want } of accepted) {
  test(`accepts ${expression}`, () => assert.equal(verdict(expression), want));
}

const there = "there are anything, claims, count, jwt.issuer, model, other, tags, tokens";

const refused: readonly { in: string; want: string[] }[] = [
  { in: "tokens * 2", want: ["6: operator * does not take (uint, int); write 2u"] },
  { in: "false ? 2 + tokens : 1u", want: ["9: operator + does not take (int, uint); write 2u"] },
  { in: "tokens > 0 ? 1 : 0", want: ["6: operator > does not take (uint, int); write 0u"] },
  { in: "tokens == 0", want: ["6: operator == does not take (uint, int); write 0u"] },
  { in: "true ? tokens : 0", want: ["0: operator ? : does not take (bool, uint, int); write 0u"] },
  {
    in: "tokens * count",
    want: ["6: operator * does not take (uint, int); convert one side with uint(…) or int(…)"],
  },
  {
    in: "tokens * -2",
    want: ["6: operator * does not take (uint, int); convert one side with uint(…) or int(…)"],
  },
  {
    in: "tokens * 0.1",
    want: ["6: operator * does not take (uint, double); convert with double(…), and the whole back with uint(…)"],
  },
  { in: "-tokens", want: ["0: operator - does not take (uint)"] },
  { in: "tokenz", want: [`0: unknown variable tokenz; ${there}`] },
  { in: "constructor", want: [`0: unknown variable constructor; ${there}`] },
  { in: "tags.all(t, t == 'x') && t == 'y'", want: [`25: unknown variable t; ${there}`] },
  { in: "toString(1)", want: ["0: unknown function toString"] },
  { in: "contains(model, 'x')", want: ["0: function contains does not take (string, string)"] },
  { in: "model.contains(1)", want: ["5: function contains does not take (string, int)"] },
  { in: "model.length", want: ["5: a value of type string has no fields"] },
  { in: "model.all(c, c == 'x')", want: ["0: a value of type string has no elements; a list or a map is needed"] },
  { in: "tags.all(t, 1)", want: ["4: operator && does not take (bool, int)"] },
  { in: "tags[0u]", want: ["4: operator [ ] does not take (list(string), uint)"] },
  { in: "1 in tags", want: ["1: operator in does not take (int, list(string))"] },
  { in: "9223372036854775808", want: ["0: 9223372036854775808 does not fit an int (64 bits)"] },
  { in: "18446744073709551616u", want: ["0: 18446744073709551616u does not fit a uint (64 bits)"] },
  { in: "a.B{c: 1}", want: ["0: messages such as a.B cannot be made here"] },
  { in: "x + y", want: [`0: unknown variable x; ${there}`, `4: unknown variable y; ${there}`] },
];

for (const { in: expression, want } of refused) {
  test(`refuses ${expression}`, () => assert.deepEqual(verdict(expression), want));
}

test("without variables an unknown one is told so", () => {
  assert.deepEqual(checkCel(parse("x"), new Map()).faults, [
    { offset: 0, reason: "unknown variable x; there are none" },
  ]);
});

/** A suite of the specification, with the verdict of cel-go for each case. */
interface Suite {
  readonly name: string;
  readonly suites?: readonly Suite[];
  readonly tests?: readonly Case[];
}

interface Case {
  readonly original: { readonly expr: string; readonly container?: unknown; readonly typeEnv?: unknown };
  readonly type?: string;
  readonly error?: string;
}

/** Type of a declaration in the form of cel.expr.Type as JSON. */
interface DeclaredType {
  readonly primitive?: string;
  readonly wellKnown?: string;
  readonly dyn?: object;
  readonly null?: null;
  readonly listType?: { readonly elemType: DeclaredType };
  readonly mapType?: { readonly keyType: DeclaredType; readonly valueType: DeclaredType };
}

const DECLARED: Readonly<Record<string, CelType>> = {
  INT64: INT,
  UINT64: UINT,
  DOUBLE,
  STRING,
  BOOL,
  BYTES,
  TIMESTAMP,
  DURATION,
};

/** Variables that cel-go's own tests of the checker have without declaring them in the case. */
const CHECKING_VARIABLES: readonly [string, CelType][] = [
  ["is", STRING],
  ["ii", INT],
  ["iu", UINT],
  ["iz", BOOL],
  ["ib", BYTES],
  ["id", DOUBLE],
  ["ix", NULL],
];

/** Suites about what is outside the subset. */
const OUTSIDE_SUITES = /^(proto\d|\w+_ext|optionals|enums|wrappers|dynamic)/;
/** Messages, optionals, functions only cel-go's tests have, and a nesting limit that was set for the run. */
const OUTSIDE_EXPRESSIONS = /TestAllTypes|google\.protobuf\.\w*Value|optional\.|\bf[gi]_s|^\({32}/;

function casesOf(suite: Suite): Case[] {
  if (OUTSIDE_SUITES.test(suite.name)) return [];
  return [...(suite.tests ?? []), ...(suite.suites ?? []).flatMap(casesOf)];
}

function declaredType(declared: DeclaredType | undefined): CelType | undefined {
  if (declared === undefined) return undefined;
  const { primitive, wellKnown, listType, mapType } = declared;
  if (declared.dyn !== undefined) return DYN;
  if (declared.null !== undefined) return NULL;
  const element = declaredType(listType?.elemType);
  if (element !== undefined) return listOf(element);
  const [key, value] = [declaredType(mapType?.keyType), declaredType(mapType?.valueType)];
  if (key !== undefined && value !== undefined) return mapOf(key, value);
  return DECLARED[primitive ?? wellKnown ?? ""];
}

/** The variables of a case, or undefined when some have types outside the subset. */
function declaredVariables({ original }: Case): Map<string, CelType> | undefined {
  const variables = new Map(CHECKING_VARIABLES);
  const declarations = (original.typeEnv ?? []) as { name: string; ident?: { type: DeclaredType } }[];
  for (const { name, ident } of declarations) {
    const type = declaredType(ident?.type);
    if (type === undefined) return undefined;
    variables.set(name, type);
  }
  return variables;
}

function ourType(expression: string, variables: Map<string, CelType>): string {
  try {
    const { type, faults } = checkCel(parse(expression), variables);
    return faults.length === 0 ? formatType(type) : "error";
  } catch {
    // What does not parse is refused as well.
    return "error";
  }
}

for (const { suite, floor } of [
  { suite: checking, floor: 75 },
  { suite: conformance, floor: 1130 },
]) {
  test(`cel-go agrees on every case of the suite ${suite.name} that is inside the subset`, () => {
    const disagreements: string[] = [];
    let count = 0;
    for (const each of casesOf(suite)) {
      const { original, type, error } = each;
      const variables = declaredVariables(each);
      const outside = original.container !== undefined || OUTSIDE_EXPRESSIONS.test(original.expr);
      if (variables === undefined || outside) continue;
      count += 1;
      const want = error === undefined ? type : "error";
      const got = ourType(original.expr, variables);
      if (got !== want) disagreements.push(`${original.expr}: ${got}, not ${want}`);
    }
    assert.deepEqual(disagreements, []);
    assert.ok(count >= floor, `only ${count} cases are inside the subset`);
  });
}
