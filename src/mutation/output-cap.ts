import { applyBodyMutation, type PreparedBodyMutation, prepareBodyMutation } from "./body.ts";

/** What a body mutation makes of the cap that a caller has set on the output of its answer. */
export interface OutputCapChange {
  /** The cap that is set; undefined = none is. */
  readonly set: number | undefined;
  /** Fields in which the caller's own word stays. */
  readonly kept: readonly string[];
}

/** A value that no mutation sets. */
const KEPT = "\u0000kept";

/**
 * Finds out what a mutation does to caps, by applying it to a body that has all of them.
 *
 * @param paths Of the caps: names between dots.
 * @returns Undefined where it leaves them alone.
 */
export function outputCapChange(mutation: PreparedBodyMutation, paths: readonly string[]): OutputCapChange | undefined {
  if (mutation.length === 0 || paths.length === 0) return undefined;
  const set = paths.map((path) => ({ path, value: JSON.stringify(KEPT) }));
  const before = applyBodyMutation(Buffer.from("{}"), prepareBodyMutation({ set, remove: [] }));
  const after: unknown = JSON.parse(Buffer.from(applyBodyMutation(before, mutation)).toString());
  const values = paths.map((path) => valueAt(after, path.split(".")));
  const kept = paths.filter((_, i) => values[i] === KEPT);
  if (kept.length === paths.length) return undefined;
  const caps = values.filter((value): value is number => typeof value === "number" && value >= 0);
  return { set: caps.length === 0 ? undefined : Math.max(...caps), kept };
}

function valueAt(document: unknown, path: readonly string[]): unknown {
  let value = document;
  for (const name of path) {
    if (typeof value !== "object" || value === null) return undefined;
    value = (value as Readonly<Record<string, unknown>>)[name];
  }
  return value;
}
