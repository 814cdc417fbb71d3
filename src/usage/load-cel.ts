import type { CelInput, CelResult, CelUint } from "@bufbuild/cel";
import { type CelFault, type CelVariables, checkCel, type ParsedCel } from "./cel-check.ts";
import type { CelType } from "./cel-types.ts";

/** The expression language; got from {@link loadCel}. */
export interface Cel {
  /** Parses and checks an expression, or says all that is wrong with it. */
  compile(expression: string, variables: CelVariables): CelExpression | readonly CelFault[];
  /** Makes an unsigned integer for a variable. */
  uint(value: bigint): CelUint;
  isUint(value: unknown): value is CelUint;
  isError(result: CelResult): result is Extract<CelResult, Error>;
}

/** An expression without faults. */
export interface CelExpression {
  readonly type: CelType;
  readonly expr: ParsedCel["expr"];
  /** Computes the value, or gives (never throws) the error that prevents it. */
  evaluate(variables: Readonly<Record<string, CelInput>>): CelResult;
}

/**
 * Loads the evaluator. It adds some 18 ms to the start and most configurations have no expression, so it is loaded apart;
 * all that comes after is synchronous.
 */
export async function loadCel(): Promise<Cel> {
  const [library, { RE2JS }] = await Promise.all([import("@bufbuild/cel"), import("@bufbuild/re2")]);
  const { CelScalar, celEnv, celFunc, celMethod, celUint, isCelError, isCelUint, parse, plan } = library;
  const { BOOL, STRING } = CelScalar;
  const patterns = rememberPatterns((pattern) => new RE2JS(pattern));
  // The library has `matches` only as a method, and compiles the pattern at every call.
  const asFunction = celFunc("matches", [STRING, STRING], BOOL, (text, pattern) => patterns(pattern).test(text));
  const asMethod = celMethod("matches", STRING, [STRING], BOOL, function (pattern) {
    return patterns(pattern).test(this);
  });
  const env = celEnv({ funcs: [asFunction, asMethod] });
  return {
    compile(expression, variables) {
      const parsed = parseOr(parse, expression);
      if (!("expr" in parsed)) return [parsed];
      const { type, faults } = checkCel(parsed, variables);
      if (faults.length > 0) return faults.map((fault) => ({ ...fault, offset: skipBlanks(expression, fault.offset) }));
      return { type, expr: parsed.expr, evaluate: plan(env, parsed.expr) };
    },
    uint: celUint,
    isUint: isCelUint,
    isError: isCelError,
  };
}

function parseOr(parse: (expression: string) => ParsedCel, expression: string): ParsedCel | CelFault {
  try {
    return parse(expression);
  } catch (thrown) {
    return syntaxFault(thrown);
  }
}

/** The parser's errors carry a place, and what was found there. */
function syntaxFault(thrown: unknown): CelFault {
  const { location, found } = thrown as { location?: { start?: { offset?: number } }; found?: string | null };
  const what = found === undefined ? String(thrown) : `unexpected ${found || "end"}`;
  return { offset: location?.start?.offset ?? 0, reason: `syntax error: ${what}` };
}

/** The parser counts the blanks before an operator to the operator. */
function skipBlanks(expression: string, offset: number): number {
  const blanks = expression.slice(offset).search(/\S/);
  return blanks === -1 ? offset : offset + blanks;
}

interface Pattern {
  test(text: string): boolean;
}

/** Computed patterns could be without number; those written in the configuration are far fewer than this. */
const PATTERNS_MAX = 256;

/** Compiles a pattern of `matches` once, not for each evaluation: compiling takes a thousand times as long as matching. */
function rememberPatterns(compile: (pattern: string) => Pattern): (pattern: string) => Pattern {
  const compiled = new Map<string, Pattern>();
  return (pattern) => {
    const known = compiled.get(pattern);
    if (known !== undefined) return known;
    const made = compile(pattern);
    if (compiled.size >= PATTERNS_MAX) compiled.clear();
    compiled.set(pattern, made);
    return made;
  };
}
