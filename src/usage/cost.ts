import type { CelInput, CelUint } from "@bufbuild/cel";
import type { CostRule, CostType } from "../config/runtime-config.ts";
import type { Fault } from "../errors/config-error.ts";
import { invariant } from "../errors/invariant.ts";
import { compileArithmetic } from "./cel-arithmetic.ts";
import type { CelFault, CelVariables } from "./cel-check.ts";
import { type CelType, formatType, STRING, UINT } from "./cel-types.ts";
import type { Cel, CelExpression } from "./load-cel.ts";
import { emptyUsage, TOKENS_MAX, type TokenUsage } from "./token-usage.ts";

/** What a cost is computed from. */
export interface CostInput {
  readonly usage: TokenUsage;
  /** The model override of the backend, or else the original model. */
  readonly model: string;
  /** BackendRef id. */
  readonly backend: string;
  /** `namespace/name` of the route. */
  readonly routeName: string;
}

/** What the rules of a route make of one request. */
export interface CostResult {
  /** Alternating key and value, in rule order. */
  readonly costs: readonly (string | number)[];
  /** One sentence for each rule that yielded no value. */
  readonly errors: readonly string[];
}

/** The value of one rule, or a sentence that says why there is none. */
type CostFunction = (input: CostInput) => number | string;

/** The cost rules of a route, ready to run. */
export class CostProgram {
  readonly #rules: ReadonlyMap<string, CostFunction>;

  constructor(rules: ReadonlyMap<string, CostFunction>) {
    this.#rules = rules;
  }

  /**
   * Computes the costs of a request that has ended. Never throws: a rule that fails at this point (an overflow, a division
   * by zero) costs its own key only, where the reference implementation breaks off the answer of the caller.
   */
  evaluate(input: CostInput): CostResult {
    const costs: (string | number)[] = [];
    let errors = NO_ERRORS;
    for (const [key, compute] of this.#rules) {
      const value = compute(input);
      if (typeof value === "number") costs.push(key, value);
      else errors = [...errors, `${key}: ${value}`];
    }
    return { costs, errors };
  }

  /** The cost under one key: 0 where there is no rule, undefined where the rule yields no value. */
  cost(key: string, input: CostInput): number | undefined {
    const compute = this.#rules.get(key);
    if (compute === undefined) return 0;
    const value = compute(input);
    return typeof value === "number" ? value : undefined;
  }

  /** This program with the rules of another for the keys it has no rule for. */
  withDefaults(defaults: CostProgram): CostProgram {
    const merged = new Map(this.#rules);
    for (const [key, compute] of defaults.#rules) if (!merged.has(key)) merged.set(key, compute);
    return new CostProgram(merged);
  }
}

const NO_ERRORS: readonly string[] = [];

/** Says whether {@link prepareCosts} needs CEL for these rules; it is loaded only then, as it takes its time. */
export function needsCel(rules: readonly CostRule[]): boolean {
  return rules.some((rule) => rule.type === "CEL");
}

/**
 * Prepares cost rules; of rules under the same key the last wins. A rule at fault is left out and reported.
 *
 * @param cel What `loadCel()` gave; undefined only where {@link needsCel} says no.
 */
export function prepareCosts(
  rules: readonly CostRule[],
  cel: Cel | undefined,
): { readonly program: CostProgram; readonly faults: readonly Fault[] } {
  const prepared = new Map<string, CostFunction>();
  const faults: Fault[] = [];
  for (const rule of rules) {
    const compute = rule.type === "CEL" ? prepareCel(rule, cel) : COUNTS[rule.type];
    if (typeof compute === "string") faults.push(rule.fault(compute));
    else prepared.set(rule.metadataKey, compute);
  }
  return { program: new CostProgram(prepared), faults };
}

/** What a provider did not say counts as 0. Sums may pass the largest count, costs do not. */
function tokens(count: number | undefined): number {
  return Math.min(count ?? 0, TOKENS_MAX);
}

const COUNTS: Readonly<Record<Exclude<CostType, "CEL">, (input: CostInput) => number>> = {
  InputToken: ({ usage }) => tokens(usage.inputTokens),
  CachedInputToken: ({ usage }) => tokens(usage.cachedInputTokens),
  CacheCreationInputToken: ({ usage }) => tokens(usage.cacheCreationInputTokens),
  OutputToken: ({ usage }) => tokens(usage.outputTokens),
  TotalToken: ({ usage }) => tokens(usage.totalTokens),
  ReasoningToken: ({ usage }) => tokens(usage.reasoningTokens),
};

/** What an expression can use, and how it is read. */
const COUNTED = new Map<string, (input: CostInput) => number>([
  ["input_tokens", COUNTS.InputToken],
  ["cached_input_tokens", COUNTS.CachedInputToken],
  ["cache_creation_input_tokens", COUNTS.CacheCreationInputToken],
  ["output_tokens", COUNTS.OutputToken],
  ["total_tokens", COUNTS.TotalToken],
  ["reasoning_tokens", COUNTS.ReasoningToken],
]);
const NAMED = new Map<string, (input: CostInput) => string>([
  ["model", ({ model }) => model],
  ["backend", ({ backend }) => backend],
  ["route_name", ({ routeName }) => routeName],
]);
const COST_VARIABLES: CelVariables = new Map<string, CelType>([
  ...[...NAMED.keys()].map((name) => [name, STRING] as const),
  ...[...COUNTED.keys()].map((name) => [name, UINT] as const),
]);

/** Values of the variables; a number is converted only if the expression reads it. */
class CostBindings {
  readonly #cel: Cel;
  readonly #usage: TokenUsage;
  readonly model: string;
  readonly backend: string;
  readonly route_name: string;

  constructor(cel: Cel, input: CostInput) {
    this.#cel = cel;
    this.#usage = input.usage;
    this.model = input.model;
    this.backend = input.backend;
    this.route_name = input.routeName;
  }

  get input_tokens(): CelUint {
    return this.#uint(this.#usage.inputTokens);
  }

  get cached_input_tokens(): CelUint {
    return this.#uint(this.#usage.cachedInputTokens);
  }

  get cache_creation_input_tokens(): CelUint {
    return this.#uint(this.#usage.cacheCreationInputTokens);
  }

  get output_tokens(): CelUint {
    return this.#uint(this.#usage.outputTokens);
  }

  get total_tokens(): CelUint {
    return this.#uint(this.#usage.totalTokens);
  }

  get reasoning_tokens(): CelUint {
    return this.#uint(this.#usage.reasoningTokens);
  }

  #uint(count: number | undefined): CelUint {
    return this.#cel.uint(BigInt(tokens(count)));
  }
}

/** The request every expression is tried on when it is loaded, the same as in the reference implementation. */
const TRIAL: CostInput = { usage: emptyUsage(), model: "dummy", backend: "dummy", routeName: "dummy" };

/** Prepares a rule of type CEL, or says why it cannot be used. */
function prepareCel(rule: CostRule, cel: Cel | undefined): CostFunction | string {
  invariant(cel, "CEL is loaded where a rule needs it");
  const { cel: source } = rule;
  if (source === undefined) return "type CEL needs an expression in the field cel";
  const compiled = cel.compile(source, COST_VARIABLES);
  if (!("evaluate" in compiled)) return compiled.map((fault) => describeFault(source, fault)).join("; ");
  const { kind } = compiled.type;
  if (kind !== "int" && kind !== "uint" && kind !== "dyn") {
    return `the expression gives ${formatType(compiled.type)}; a cost is a whole number: write uint(…) around it`;
  }
  const arithmetic = kind === "uint" ? compileArithmetic(compiled.expr, { counts: COUNTED, texts: NAMED }) : undefined;
  const compute = (input: CostInput) => arithmetic?.(input) ?? evaluateCost(cel, compiled, input);
  const trial = compute(TRIAL);
  if (typeof trial === "number") return compute;
  const guard = trial.includes("by zero") ? "; guard it: output_tokens == 0u ? 0u : input_tokens / output_tokens" : "";
  return `${trial} (tried with all token counts 0 and all names "dummy")${guard}`;
}

function describeFault(source: string, { offset, reason }: CelFault): string {
  const before = source.slice(0, offset).split("\n");
  const column = (before.at(-1)?.length ?? 0) + 1;
  return before.length === 1 ? `column ${column}: ${reason}` : `line ${before.length}, column ${column}: ${reason}`;
}

function evaluateCost(cel: Cel, expression: CelExpression, input: CostInput): number | string {
  // A class has no index signature; the evaluator reads only the names it was compiled with.
  const bindings = new CostBindings(cel, input) as unknown as Readonly<Record<string, CelInput>>;
  const result = expression.evaluate(bindings);
  if (cel.isUint(result)) return Number(result.value);
  if (typeof result === "bigint") return result >= 0n ? Number(result) : `the expression gives ${result}, below 0`;
  return cel.isError(result) ? `the expression fails: ${result.message}` : "the expression gives no whole number";
}
