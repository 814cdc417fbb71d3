/**
 * Variables in configuration files: `${NAME}` and `${NAME:-default}` (the default also stands in for an empty value),
 * `$${` for a literal `${`. They are replaced within values after the YAML is read, so that no value of a variable can
 * change the structure of a file.
 */
import { isPair, isScalar, isSeq, type Node, type Scalar, visit } from "yaml";
import type { FieldPath } from "./resource.ts";

/** Environment variables by name. */
export type Environment = Readonly<Record<string, string | undefined>>;

/** A scalar whose variables could not be replaced. */
export interface SubstitutionFault {
  readonly path: FieldPath;
  readonly reason: string;
}

const REFERENCE = /\$\$\{|\$\{([^{}]*)\}|\$\{/g;
const EXPRESSION = /^([A-Za-z_][A-Za-z0-9_]*)(?::-(.*))?$/s;

/**
 * Replaces the variables in every value of a node, in place.
 *
 * @param originals Receives the text as written of every scalar that changed.
 */
export function substituteNode(node: Node, env: Environment, originals: WeakMap<Scalar, string>): SubstitutionFault[] {
  const faults: SubstitutionFault[] = [];
  visit(node, {
    Scalar(key, scalar, ancestors) {
      if (key === "key" || !isScalar(scalar) || typeof scalar.value !== "string") return;
      if (originals.has(scalar) || !scalar.value.includes("${")) return;
      const result = substituteText(scalar.value, env);
      if ("reason" in result) faults.push({ path: pathOf(ancestors, scalar), reason: result.reason });
      originals.set(scalar, scalar.value);
      scalar.value = result.text;
    },
  });
  return faults;
}

/** The way from the visited node to a scalar, from the nodes it leads through. */
function pathOf(ancestors: readonly unknown[], scalar: Scalar): FieldPath {
  return ancestors.flatMap((ancestor, index): (string | number)[] => {
    if (isPair(ancestor)) return [isScalar(ancestor.key) ? String(ancestor.key.value) : ""];
    if (!isSeq(ancestor)) return [];
    return [ancestor.items.indexOf(ancestors[index + 1] ?? scalar)];
  });
}

/** Replaces the variables in a text; where one is at fault, `text` is as given. */
export function substituteText(text: string, env: Environment): { text: string } | { text: string; reason: string } {
  let reason: string | undefined;
  const replaced = text.replace(REFERENCE, (reference: string, expression: string | undefined) => {
    if (reference === "$${") return "${";
    const match = expression === undefined ? null : EXPRESSION.exec(expression);
    if (match === null) {
      reason ??= `${JSON.stringify(reference)} is no variable: write \${NAME} or \${NAME:-default}, or $\${ for a literal \${`;
      return reference;
    }
    const [, name = "", byDefault] = match;
    const value = env[name];
    if (value !== undefined && (value !== "" || byDefault === undefined)) return value;
    if (byDefault !== undefined) return byDefault;
    reason ??= `the environment variable ${name} is not set: set it, or give a default with \${${name}:-default}`;
    return reference;
  });
  return reason === undefined ? { text: replaced } : { text, reason };
}
