/**
 * Static type check of CEL expressions: accepts what cel-go's `Env.Compile` accepts, refuses what it refuses, so that an
 * expression means the same here as where users have it from. Evaluation alone would find a mistake only in the branch that
 * runs. Messages, optionals and extension functions are outside; they are refused as unknown.
 */
import type { parse } from "@bufbuild/cel";
import { CEL_FUNCTIONS, CEL_TYPE_NAMES, type Overload } from "./cel-functions.ts";
import {
  BOOL,
  BYTES,
  type CelType,
  DOUBLE,
  DYN,
  ERROR,
  formatType,
  INT,
  listOf,
  mapOf,
  moreGeneral,
  NULL,
  replaceVariables,
  STRING,
  sameType,
  TypeInference,
  UINT,
} from "./cel-types.ts";

/** An expression as the parser gives it. */
export type ParsedCel = ReturnType<typeof parse>;

type Expr = ParsedCel["expr"];
type Kind<Case extends Expr["exprKind"]["case"]> = Extract<Expr["exprKind"], { case: Case }>["value"];

/** One thing wrong with an expression. */
export interface CelFault {
  /** Where in the expression, in UTF-16 units from 0. */
  readonly offset: number;
  /** What is wrong and, where it can be told, what to write. */
  readonly reason: string;
}

/** Variables of an expression with their types; names may be dotted. */
export type CelVariables = ReadonlyMap<string, CelType>;

/** Checks an expression; its type means something only if there are no faults. */
export function checkCel(
  parsed: ParsedCel,
  variables: CelVariables,
): { readonly type: CelType; readonly faults: readonly CelFault[] } {
  const checker = new Checker(parsed, variables);
  const type = checker.check(parsed.expr, undefined);
  return { type: checker.final(type), faults: checker.faults };
}

/** Variables that macros declare, innermost first. */
interface Scope {
  readonly name: string;
  readonly type: CelType;
  readonly outer: Scope | undefined;
}

const INT_MIN = -(2n ** 63n);
const INT_MAX = 2n ** 63n - 1n;
const UINT_MAX = 2n ** 64n - 1n;

class Checker {
  readonly faults: CelFault[] = [];
  readonly #positions: Readonly<Record<string, number>>;
  readonly #variables: CelVariables;
  readonly #inference = new TypeInference();

  constructor(parsed: ParsedCel, variables: CelVariables) {
    this.#positions = parsed.sourceInfo?.positions ?? {};
    this.#variables = variables;
  }

  /** A type as the outside sees it: what is still unknown can be anything. */
  final(type: CelType): CelType {
    return replaceVariables(this.#inference.resolve(type), () => DYN);
  }

  check(expr: Expr, scope: Scope | undefined): CelType {
    const { exprKind } = expr;
    switch (exprKind.case) {
      case "constExpr":
        return this.#constant(expr, exprKind.value);
      case "identExpr":
        return this.#identifier(expr, exprKind.value.name, scope);
      case "selectExpr":
        return this.#select(expr, exprKind.value, scope);
      case "callExpr":
        return this.#call(expr, exprKind.value, scope);
      case "listExpr":
        return listOf(this.#join(exprKind.value.elements, scope));
      case "structExpr":
        return this.#map(expr, exprKind.value, scope);
      case "comprehensionExpr":
        return this.#comprehension(exprKind.value, scope);
      case undefined:
        return this.#fault(expr, "an expression is missing");
    }
  }

  #fault(expr: Expr, reason: string): CelType {
    this.faults.push({ offset: this.#positions[String(expr.id)] ?? 0, reason });
    return ERROR;
  }

  #constant(expr: Expr, { constantKind }: Kind<"constExpr">): CelType {
    switch (constantKind.case) {
      case "int64Value":
        if (constantKind.value >= INT_MIN && constantKind.value <= INT_MAX) return INT;
        return this.#fault(expr, `${constantKind.value} does not fit an int (64 bits)`);
      case "uint64Value":
        if (constantKind.value <= UINT_MAX) return UINT;
        return this.#fault(expr, `${constantKind.value}u does not fit a uint (64 bits)`);
      case "doubleValue":
        return DOUBLE;
      case "stringValue":
        return STRING;
      case "bytesValue":
        return BYTES;
      case "boolValue":
        return BOOL;
      case "nullValue":
        return NULL;
      default:
        return this.#fault(expr, "this kind of literal is not supported");
    }
  }

  #identifier(expr: Expr, name: string, scope: Scope | undefined): CelType {
    const type = findLocal(scope, name)?.type ?? this.#declared(name);
    if (type !== undefined) return type;
    const known = [...this.#variables.keys()].sort().join(", ");
    return this.#fault(expr, `unknown variable ${name}; ${known === "" ? "there are none" : `there are ${known}`}`);
  }

  #declared(name: string): CelType | undefined {
    return this.#variables.get(name) ?? CEL_TYPE_NAMES.get(name);
  }

  #select(expr: Expr, select: Kind<"selectExpr">, scope: Scope | undefined): CelType {
    const dotted = select.testOnly ? undefined : dottedName(expr, scope);
    const named = dotted === undefined ? undefined : this.#declared(dotted);
    if (named !== undefined) return named;
    if (select.operand === undefined) return this.#fault(expr, "an expression is missing");
    const selected = this.#field(expr, this.#inference.resolve(this.check(select.operand, scope)));
    return select.testOnly ? BOOL : selected;
  }

  #field(expr: Expr, operand: CelType): CelType {
    switch (operand.kind) {
      case "map":
        return operand.of[1];
      case "variable":
        this.#inference.assign(DYN, operand);
        return DYN;
      case "dyn":
      case "error":
        return DYN;
      default:
        return this.#fault(expr, `a value of type ${formatType(operand)} has no fields`);
    }
  }

  #map(expr: Expr, { messageName, entries }: Kind<"structExpr">, scope: Scope | undefined): CelType {
    if (messageName !== "") return this.#fault(expr, `messages such as ${messageName} cannot be made here`);
    const keys = entries.flatMap(({ keyKind }) => (keyKind.case === "mapKey" ? [keyKind.value] : []));
    const values = entries.flatMap(({ value }) => (value === undefined ? [] : [value]));
    return mapOf(this.#join(keys, scope), this.#join(values, scope));
  }

  /** The type that holds all of some expressions: a mixed list is one of dyn. */
  #join(exprs: readonly Expr[], scope: Scope | undefined): CelType {
    let joined: CelType | undefined;
    for (const expr of exprs) {
      const type = this.check(expr, scope);
      if (joined === undefined) joined = type;
      else joined = this.#inference.assign(joined, type) ? moreGeneral(joined, type) : DYN;
    }
    return joined ?? this.#inference.fresh();
  }

  #call(expr: Expr, { function: name, target, args }: Kind<"callExpr">, scope: Scope | undefined): CelType {
    const operands = target === undefined ? args : [target, ...args];
    const types = operands.map((operand) => this.check(operand, scope));
    const overloads = CEL_FUNCTIONS.get(name);
    if (overloads === undefined) return this.#fault(expr, `unknown function ${name}`);
    const result = this.#resolveOverload(
      overloads.filter((overload) => overload.method === (target !== undefined)),
      types,
    );
    if (result !== undefined) return result;
    const resolved = types.map((type) => this.final(type));
    return this.#fault(expr, mismatch(name, operands, resolved));
  }

  /** Several overloads can fit where a type is dyn; then the result is dyn unless they agree on it. */
  #resolveOverload(overloads: readonly Overload[], types: readonly CelType[]): CelType | undefined {
    let result: CelType | undefined;
    for (const { parameters, result: declared } of overloads) {
      const instances = new Map<string, CelType>();
      const instance = (generic: CelType) =>
        replaceVariables(generic, ({ name }) => {
          const made = instances.get(name) ?? this.#inference.fresh();
          instances.set(name, made);
          return made;
        });
      if (!this.#inference.assignAll(types, parameters.map(instance))) continue;
      const candidate = this.#inference.resolve(instance(declared));
      if (result === undefined) result = candidate;
      else if (!sameType(result, candidate)) result = DYN;
    }
    return result;
  }

  /** What the macros all, exists, exists_one, map and filter become. */
  #comprehension(macro: Kind<"comprehensionExpr">, scope: Scope | undefined): CelType {
    const { iterRange, accuInit, loopCondition, loopStep, result } = macro;
    if (!(iterRange && accuInit && loopCondition && loopStep && result)) return ERROR;
    const range = this.#inference.resolve(this.check(iterRange, scope));
    const accumulated = this.check(accuInit, scope);
    const outer: Scope = { name: macro.accuVar, type: accumulated, outer: scope };
    const inner: Scope = { name: macro.iterVar, type: this.#elementOf(iterRange, range), outer };
    this.#expect(loopCondition, BOOL, inner);
    this.#expect(loopStep, accumulated, inner);
    return this.#inference.resolve(this.check(result, outer));
  }

  #elementOf(expr: Expr, range: CelType): CelType {
    switch (range.kind) {
      case "list":
      case "map":
        return range.of[0];
      case "variable":
        this.#inference.assign(DYN, range);
        return DYN;
      case "dyn":
      case "error":
        return DYN;
      default:
        return this.#fault(expr, `a value of type ${formatType(range)} has no elements; a list or a map is needed`);
    }
  }

  #expect(expr: Expr, wanted: CelType, scope: Scope): void {
    const type = this.check(expr, scope);
    if (this.#inference.assign(type, wanted)) return;
    this.#fault(expr, `needs ${formatType(this.final(wanted))}, but this is ${formatType(this.final(type))}`);
  }
}

function findLocal(scope: Scope | undefined, name: string): Scope | undefined {
  let local = scope;
  while (local !== undefined && local.name !== name) local = local.outer;
  return local;
}

/** `a.b.c` where nothing but names is selected from, and `a` is no variable of a macro. */
function dottedName({ exprKind }: Expr, scope: Scope | undefined): string | undefined {
  if (exprKind.case === "identExpr") {
    return findLocal(scope, exprKind.value.name) === undefined ? exprKind.value.name : undefined;
  }
  if (exprKind.case !== "selectExpr" || exprKind.value.operand === undefined) return undefined;
  const operand = dottedName(exprKind.value.operand, scope);
  return operand === undefined ? undefined : `${operand}.${exprKind.value.field}`;
}

/** Says which call does not exist, and what was probably meant. */
function mismatch(name: string, operands: readonly Expr[], types: readonly CelType[]): string {
  const shown = /^[_!@-]/.test(name)
    ? `operator ${name.replaceAll("_", " ").replace("@", "").trim()}`
    : `function ${name}`;
  return `${shown} does not take (${types.map(formatType).join(", ")})${hint(operands, types)}`;
}

function hint(operands: readonly Expr[], types: readonly CelType[]): string {
  const has = (kind: CelType["kind"]) => types.some((type) => type.kind === kind);
  if (has("double") && (has("uint") || has("int"))) {
    return "; convert with double(…), and the whole back with uint(…)";
  }
  if (!has("uint") || !has("int")) return "";
  const literal = operands.map(literalInt).find((value) => value !== undefined);
  return literal === undefined ? "; convert one side with uint(…) or int(…)" : `; write ${literal}u`;
}

/** The value of an int literal that could be written as a uint. */
function literalInt({ exprKind }: Expr): bigint | undefined {
  if (exprKind.case !== "constExpr" || exprKind.value.constantKind.case !== "int64Value") return undefined;
  const { value } = exprKind.value.constantKind;
  return value >= 0n ? value : undefined;
}
