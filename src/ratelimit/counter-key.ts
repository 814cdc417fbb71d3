/** Names of counters, the same in every process and host, so that all count in the same place. */
import { createHash } from "node:crypto";
import type { Limit, LimitAttribute } from "../config/limits.ts";
import type { Demand } from "./admission.ts";

/** Values that stand in a key as they are; everything else is too long, or could be mistaken for something else. */
const PLAIN = /^[\w.@-]{1,64}$/;
/** Headers and parameters that hold what must not be read in a store. */
const SECRET_NAME = /auth|key|token|secret|cookie|credential|password/i;
const DIGEST = /^sha256:[0-9a-f]{32}$/;
/** Half of SHA-256: enough that no two values of one limit meet. */
const DIGEST_LENGTH = 32;

/**
 * Key of the counter of a limit for the values of its `per`, in their order. What is secret, long or not plain stands as a digest.
 * Without braces: in a Redis Cluster the counters of a limit may be on different nodes, as each is asked about by itself.
 */
export function counterKey(limit: Pick<Limit, "id" | "per">, values: readonly string[], areShown = false): string {
  let key = `aigw:${limit.id}`;
  for (const [i, value] of values.entries()) key += `|${areShown ? value : shownValue(limit.per[i], value)}`;
  return key;
}

/** Values of a demand as they may be shown. */
export function shownValues({ limit, values, areShown }: Pick<Demand, "limit" | "values" | "areShown">): string[] {
  return values.map((value, i) => (areShown ? value : shownValue(limit.per[i], value)));
}

/** A value as it stands in a key and may be shown. */
export function shownValue(attribute: LimitAttribute | undefined, value: string): string {
  if (!isSecret(attribute) && PLAIN.test(value)) return value;
  return `sha256:${createHash("sha256").update(value).digest("hex").slice(0, DIGEST_LENGTH)}`;
}

/** Whether a text can be what is shown of a value: nobody gets at the counter of a secret by the secret itself. */
export function isShown(attribute: LimitAttribute | undefined, text: string): boolean {
  return DIGEST.test(text) || (!isSecret(attribute) && PLAIN.test(text));
}

function isSecret(attribute: LimitAttribute | undefined): boolean {
  return attribute !== undefined && "name" in attribute && SECRET_NAME.test(attribute.name);
}
