/**
 * The expressions that costs are nearly always made of (token counts, numbers, `+ - * /`, comparisons and a choice), as
 * JavaScript: the evaluator computes them in big integers, at ten times the price.
 */
import type { ParsedCel } from "./cel-check.ts";

type Expr = ParsedCel["expr"];

type Read<Input, Value> = (input: Input) => Value;

/** How the variables are read, by name. */
export interface ArithmeticVariables<Input> {
  /** Of type uint. */
  readonly counts: ReadonlyMap<string, Read<Input, number>>;
  /** Of type string. */
  readonly texts: ReadonlyMap<string, Read<Input, string>>;
}

/** Gives the value, or undefined where only the evaluator can say it: an overflow, a division by zero. */
export type Arithmetic<Input> = Read<Input, number | undefined>;

/** Thrown where a value leaves the whole numbers that JavaScript has exactly. */
const BEYOND = new Error("beyond exact whole numbers");

/** Compiles an expression that was checked and gives an unsigned integer; undefined when it has more in it than this knows. */
export function compileArithmetic<Input>(
  expr: Expr,
  variables: ArithmeticVariables<Input>,
): Arithmetic<Input> | undefined {
  const value = new Compiler(variables).count(expr);
  if (value === undefined) return undefined;
  return (input) => {
    try {
      return value(input);
    } catch (thrown) {
      if (thrown === BEYOND) return undefined;
      throw thrown;
    }
  };
}

const OPERATIONS: Readonly<Record<string, (a: number, b: number) => number>> = {
  "_+_": (a, b) => exact(a + b),
  "_-_": (a, b) => exact(a - b),
  "_*_": (a, b) => exact(a * b),
  "_/_": (a, b) => (b === 0 ? beyond() : (a - (a % b)) / b),
  "_%_": (a, b) => (b === 0 ? beyond() : a % b),
};

const COMPARISONS: Readonly<Record<string, (a: number, b: number) => boolean>> = {
  "_==_": (a, b) => a === b,
  "_!=_": (a, b) => a !== b,
  "_<_": (a, b) => a < b,
  "_<=_": (a, b) => a <= b,
  "_>_": (a, b) => a > b,
  "_>=_": (a, b) => a >= b,
};

/** Each method gives undefined for what it does not know. */
class Compiler<Input> {
  readonly #variables: ArithmeticVariables<Input>;

  constructor(variables: ArithmeticVariables<Input>) {
    this.#variables = variables;
  }

  count({ exprKind }: Expr): Read<Input, number> | undefined {
    if (exprKind.case === "constExpr") {
      const { constantKind } = exprKind.value;
      const constant = constantKind.case === "uint64Value" ? Number(constantKind.value) : Number.NaN;
      return Number.isSafeInteger(constant) ? () => constant : undefined;
    }
    if (exprKind.case === "identExpr") return this.#variables.counts.get(exprKind.value.name);
    if (exprKind.case !== "callExpr" || exprKind.value.target !== undefined) return undefined;
    const { function: name, args } = exprKind.value;
    if (name === "_?_:_") return this.#choice(args);
    const operation = OPERATIONS[name];
    const [a, b] = this.#counted(args);
    return operation && a && b && ((input) => operation(a(input), b(input)));
  }

  #choice([condition, then, otherwise]: readonly Expr[]): Read<Input, number> | undefined {
    const test = condition && this.#truth(condition);
    const yes = then && this.count(then);
    const no = otherwise && this.count(otherwise);
    return test && yes && no && ((input) => (test(input) ? yes(input) : no(input)));
  }

  #truth({ exprKind }: Expr): Read<Input, boolean> | undefined {
    if (exprKind.case !== "callExpr" || exprKind.value.target !== undefined) return undefined;
    const { function: name, args } = exprKind.value;
    const compare = COMPARISONS[name];
    const [a, b] = this.#counted(args);
    if (compare && a && b) return (input) => compare(a(input), b(input));
    if (name !== "_==_" && name !== "_!=_") return undefined;
    const [left, right] = args.map((arg) => this.#text(arg));
    return left && right && ((input) => (left(input) === right(input)) === (name === "_==_"));
  }

  #counted(args: readonly Expr[]): (Read<Input, number> | undefined)[] {
    return args.length === 2 ? args.map((arg) => this.count(arg)) : [];
  }

  #text({ exprKind }: Expr): Read<Input, string> | undefined {
    if (exprKind.case === "identExpr") return this.#variables.texts.get(exprKind.value.name);
    if (exprKind.case !== "constExpr" || exprKind.value.constantKind.case !== "stringValue") return undefined;
    const { value } = exprKind.value.constantKind;
    return () => value;
  }
}

/** An unsigned integer that is exact, and not below 0. */
function exact(value: number): number {
  return value >= 0 && value <= Number.MAX_SAFE_INTEGER ? value : beyond();
}

function beyond(): never {
  throw BEYOND;
}
