/**
 * The expressions that costs are nearly always made of (token counts, numbers, `+ - * /`, comparisons and a choice), as
 * JavaScript: the evaluator computes them in big integers, at ten times the price.
 */
import type { ParsedCel } from "./cel-check.ts";

type Expr = ParsedCel["expr"];

/** Values of the variables. */
export interface ArithmeticInput {
  readonly counts: Readonly<Record<string, number>>;
  readonly texts: Readonly<Record<string, string>>;
}

/** Gives the value, or undefined where only the evaluator can say it: an overflow, a division by zero. */
export type Arithmetic = (input: ArithmeticInput) => number | undefined;

type Of<Value> = (input: ArithmeticInput) => Value;

/** Thrown where a value leaves the whole numbers that JavaScript has exactly. */
const BEYOND = new Error("beyond exact whole numbers");

/**
 * Compiles an expression that was checked and gives an unsigned integer; undefined when it has more in it than this knows.
 *
 * @param counts Names of the variables of type uint.
 * @param texts Names of those of type string.
 */
export function compileArithmetic(
  expr: Expr,
  counts: ReadonlySet<string>,
  texts: ReadonlySet<string>,
): Arithmetic | undefined {
  const value = new Compiler(counts, texts).count(expr);
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
class Compiler {
  readonly #counts: ReadonlySet<string>;
  readonly #texts: ReadonlySet<string>;

  constructor(counts: ReadonlySet<string>, texts: ReadonlySet<string>) {
    this.#counts = counts;
    this.#texts = texts;
  }

  count({ exprKind }: Expr): Of<number> | undefined {
    if (exprKind.case === "constExpr") {
      const { constantKind } = exprKind.value;
      const constant = constantKind.case === "uint64Value" ? Number(constantKind.value) : Number.NaN;
      return Number.isSafeInteger(constant) ? () => constant : undefined;
    }
    if (exprKind.case === "identExpr") {
      const { name } = exprKind.value;
      return this.#counts.has(name) ? ({ counts }) => counts[name] ?? 0 : undefined;
    }
    if (exprKind.case !== "callExpr" || exprKind.value.target !== undefined) return undefined;
    const { function: name, args } = exprKind.value;
    if (name === "_?_:_") return this.#choice(args);
    const operation = OPERATIONS[name];
    const [a, b] = this.#counted(args);
    return operation && a && b && ((input) => operation(a(input), b(input)));
  }

  #choice([condition, then, otherwise]: readonly Expr[]): Of<number> | undefined {
    const test = condition && this.#truth(condition);
    const yes = then && this.count(then);
    const no = otherwise && this.count(otherwise);
    return test && yes && no && ((input) => (test(input) ? yes(input) : no(input)));
  }

  #truth({ exprKind }: Expr): Of<boolean> | undefined {
    if (exprKind.case !== "callExpr" || exprKind.value.target !== undefined) return undefined;
    const { function: name, args } = exprKind.value;
    const compare = COMPARISONS[name];
    const [a, b] = this.#counted(args);
    if (compare && a && b) return (input) => compare(a(input), b(input));
    if (name !== "_==_" && name !== "_!=_") return undefined;
    const [left, right] = args.map((arg) => this.#text(arg));
    return left && right && ((input) => (left(input) === right(input)) === (name === "_==_"));
  }

  #counted(args: readonly Expr[]): (Of<number> | undefined)[] {
    return args.length === 2 ? args.map((arg) => this.count(arg)) : [];
  }

  #text({ exprKind }: Expr): Of<string> | undefined {
    if (exprKind.case === "identExpr") {
      const { name } = exprKind.value;
      return this.#texts.has(name) ? ({ texts }) => texts[name] ?? "" : undefined;
    }
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
