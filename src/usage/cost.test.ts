import assert from "node:assert/strict";
import { test } from "node:test";
import type { CostRule, CostType } from "../config/runtime-config.ts";
import { formatFault } from "../errors/config-error.ts";
import { type CostInput, type CostProgram, type CostResult, needsCel, prepareCosts } from "./cost.ts";
import { loadCel } from "./load-cel.ts";
import { emptyUsage, type TokenUsage } from "./token-usage.ts";

const cel = await loadCel();

function rule(metadataKey: string, type: CostType, expression?: string): CostRule {
  const fault = (reason: string) => ({ source: { file: "f.yaml", line: 3, column: 5 }, path: metadataKey, reason });
  return { metadataKey, type, cel: expression, fault };
}

function prepared(...rules: CostRule[]): CostProgram {
  const { program, faults } = prepareCosts(rules, cel);
  assert.deepEqual(faults.map(formatFault), []);
  return program;
}

function faults(...rules: CostRule[]): string[] {
  return prepareCosts(rules, cel).faults.map(formatFault);
}

function request(usage: Partial<TokenUsage> = {}): CostInput {
  return {
    usage: { ...emptyUsage(), ...usage },
    model: "gpt-5",
    backend: "default/a/route/r/rule/0/ref/1",
    routeName: "default/r",
  };
}

const usage: Partial<TokenUsage> = {
  inputTokens: 100,
  cachedInputTokens: 20,
  cacheCreationInputTokens: 3,
  outputTokens: 50,
  reasoningTokens: 7,
  totalTokens: 151,
};

function value(costRule: CostRule, of: Partial<TokenUsage>): CostResult["costs"][number] | undefined {
  return prepared(costRule).evaluate(request(of)).costs[1];
}

const counts: readonly { type: CostType; want: number }[] = [
  { type: "InputToken", want: 100 },
  { type: "CachedInputToken", want: 20 },
  { type: "CacheCreationInputToken", want: 3 },
  { type: "OutputToken", want: 50 },
  { type: "ReasoningToken", want: 7 },
  { type: "TotalToken", want: 151 },
];

for (const { type, want } of counts) {
  test(`${type} is what the provider reported, 0 where it said nothing`, () => {
    assert.equal(value(rule("k", type), usage), want);
    assert.equal(value(rule("k", type), {}), 0);
  });
}

test("a sum beyond 32 bits stops at the largest count", () => {
  assert.equal(value(rule("k", "InputToken"), { inputTokens: 2 ** 33 }), 0xffff_ffff);
  assert.equal(value(rule("k", "CEL", "input_tokens"), { inputTokens: 2 ** 33 }), 0xffff_ffff);
});

const expressions: readonly { in: string; want: number }[] = [
  { in: "input_tokens", want: 100 },
  { in: "cached_input_tokens", want: 20 },
  { in: "cache_creation_input_tokens", want: 3 },
  { in: "output_tokens", want: 50 },
  { in: "reasoning_tokens", want: 7 },
  { in: "total_tokens", want: 151 },
  { in: "42", want: 42 },
  { in: "input_tokens - cached_input_tokens + cached_input_tokens / 10u + output_tokens * 4u", want: 282 },
  { in: "uint(double(input_tokens) * 0.1 + double(output_tokens) * 0.4)", want: 30 },
  { in: "int(output_tokens) * 2", want: 100 },
  { in: "model == 'gpt-5' ? 1 : 2", want: 1 },
  { in: "backend.startsWith('default/a/') ? 1 : 2", want: 1 },
  { in: "route_name == 'default/r' ? 1 : 2", want: 1 },
  { in: "model.matches('^gpt-[0-9]$') ? 1 : 2", want: 1 },
  { in: "output_tokens == 0u ? 0u : input_tokens / output_tokens", want: 2 },
  { in: "dyn(3)", want: 3 },
];

for (const { in: expression, want } of expressions) {
  test(`the cost of ${expression}`, () => assert.equal(value(rule("k", "CEL", expression), usage), want));
}

const refused: readonly { in: string; want: string }[] = [
  { in: "input_tokens * 2", want: "column 14: operator * does not take (uint, int); write 2u" },
  {
    in: "model == 'x' ? input_tokens * 2 : output_tokens",
    want: "column 29: operator * does not take (uint, int); write 2u",
  },
  {
    in: "1u +\n  input_token",
    want: "line 2, column 3: unknown variable input_token; there are backend, cache_creation_input_tokens, cached_input_tokens, input_tokens, model, output_tokens, reasoning_tokens, route_name, total_tokens",
  },
  { in: "foo(1) + bar(2)", want: "column 1: unknown function foo; column 10: unknown function bar" },
  { in: "1 +", want: "column 3: syntax error: unexpected +" },
  { in: "'a'", want: "the expression gives string; a cost is a whole number: write uint(…) around it" },
  {
    in: "double(input_tokens)",
    want: "the expression gives double; a cost is a whole number: write uint(…) around it",
  },
  {
    in: "input_tokens / output_tokens",
    want: 'the expression fails: uint divide by zero (tried with all token counts 0 and all names "dummy"); guard it: output_tokens == 0u ? 0u : input_tokens / output_tokens',
  },
  {
    in: "int(input_tokens) - 1",
    want: 'the expression gives -1, below 0 (tried with all token counts 0 and all names "dummy")',
  },
  {
    in: "dyn('x')",
    want: 'the expression gives no whole number (tried with all token counts 0 and all names "dummy")',
  },
  {
    in: "model.matches('[') ? 1 : 2",
    want: 'the expression fails: error parsing regexp: missing closing ]: `[` (tried with all token counts 0 and all names "dummy")',
  },
];

for (const { in: expression, want } of refused) {
  test(`refused when loaded: ${expression}`, () => {
    assert.deepEqual(faults(rule("k", "CEL", expression)), [`f.yaml:3:5: k: ${want}`]);
  });
}

test("type CEL without an expression is refused", () => {
  assert.deepEqual(faults(rule("k", "CEL")), ["f.yaml:3:5: k: type CEL needs an expression in the field cel"]);
});

test("every rule at fault is reported, the others run", () => {
  const rules = [rule("a", "CEL", "nope"), rule("b", "TotalToken"), rule("c", "CEL", "'x'")];
  const { program, faults: found } = prepareCosts(rules, cel);
  assert.deepEqual(
    found.map(({ path }) => path),
    ["a", "c"],
  );
  assert.deepEqual(program.evaluate(request(usage)).costs, ["b", 151]);
});

test("costs come in rule order as key and value", () => {
  const program = prepared(rule("in", "InputToken"), rule("sum", "CEL", "input_tokens + output_tokens"));
  assert.deepEqual(program.evaluate(request(usage)), { costs: ["in", 100, "sum", 150], errors: [] });
});

test("of rules under the same key the last wins", () => {
  const program = prepared(rule("k", "InputToken"), rule("other", "TotalToken"), rule("k", "OutputToken"));
  assert.deepEqual(program.evaluate(request(usage)).costs, ["k", 50, "other", 151]);
});

test("a global rule counts only for keys the route has no rule for", () => {
  const route = prepared(rule("k", "InputToken"));
  const global = prepared(rule("k", "OutputToken"), rule("g", "TotalToken"));
  assert.deepEqual(route.withDefaults(global).evaluate(request(usage)).costs, ["k", 100, "g", 151]);
});

test("no rules, no costs", () => {
  assert.deepEqual(prepared().evaluate(request(usage)), { costs: [], errors: [] });
});

const failing: readonly { in: string; of: Partial<TokenUsage>; want: RegExp }[] = [
  { in: "10u / (5u - input_tokens)", of: { inputTokens: 5 }, want: /^bad: the expression fails: .*divide by zero/ },
  { in: "input_tokens - output_tokens", of: { outputTokens: 1 }, want: /^bad: the expression fails: .*overflow/ },
  { in: "5 - int(input_tokens)", of: { inputTokens: 7 }, want: /^bad: the expression gives -2, below 0$/ },
  {
    in: "input_tokens > 0u ? dyn('x') : dyn(1)",
    of: { inputTokens: 1 },
    want: /^bad: the expression gives no whole number$/,
  },
];

for (const { in: expression, of, want } of failing) {
  test(`a failure at the end of a request costs its own key only: ${expression}`, () => {
    const program = prepared(rule("bad", "CEL", expression), rule("good", "InputToken"));
    const { costs, errors } = program.evaluate(request(of));
    assert.deepEqual(costs, ["good", of.inputTokens ?? 0]);
    assert.equal(errors.length, 1);
    assert.match(errors[0] ?? "", want);
  });
}

test("CEL is needed only where a rule has an expression", () => {
  assert.equal(needsCel([rule("a", "InputToken")]), false);
  assert.equal(needsCel([rule("a", "InputToken"), rule("b", "CEL", "1")]), true);
  assert.deepEqual(prepareCosts([rule("a", "InputToken")], undefined).faults, []);
});
