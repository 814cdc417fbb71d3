import type { Fault, Position } from "../errors/config-error.ts";
import type { FieldPath, Resource } from "./resource.ts";

/** Names that need no quotes within a path. */
const PLAIN_NAME = /^[A-Za-z_$][\w$-]*$/;

/** `["spec", "rules", 0, "name"]` as `spec.rules[0].name`; names with other characters as `["a.b"]`. */
export function formatPath(path: FieldPath): string {
  let text = "";
  for (const step of path) {
    if (typeof step === "number") text += `[${step}]`;
    else if (!PLAIN_NAME.test(step)) text += `[${JSON.stringify(step)}]`;
    else text += text === "" ? step : `.${step}`;
  }
  return text;
}

/** `namespace/name`, the name by which people know an object. */
export function idOf(resource: Pick<Resource<unknown>, "metadata">): string {
  return `${resource.metadata.namespace}/${resource.metadata.name}`;
}

/** A fault, or a notice, at a field of an object. */
export function faultAt(resource: Resource<unknown>, path: FieldPath, reason: string): Fault {
  return {
    source: resource.origin.at(path),
    path: `${resource.kind} ${idOf(resource)}: ${formatPath(path)}`,
    reason,
  };
}

/** Findings in the order of the text: by file as they first come, then by line and column. */
export function inOrder<Finding extends { readonly source: Position }>(findings: readonly Finding[]): Finding[] {
  const files = [...new Set(findings.map(({ source }) => source.file))];
  return findings.toSorted(
    ({ source: a }, { source: b }) =>
      files.indexOf(a.file) - files.indexOf(b.file) || a.line - b.line || a.column - b.column,
  );
}
