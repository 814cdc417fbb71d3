/** From the headers Envoy has to those it should have. */
import { unitAt } from "../wire/unit-at.ts";

/** Edits to a list of headers, as alternating names and values. */
export interface HeaderEdits {
  readonly set: string[];
  readonly remove: string[];
}

const CONTENT_LENGTH = "content-length";

/** Never removed here: without the last Envoy finds no route. Its routes remove it. */
const ENVOYS: ReadonlySet<string> = new Set(["host", CONTENT_LENGTH, "x-forwarded-proto"]);

/**
 * The edits that make `seen` into `wanted`. Pseudo headers and the length of the body are Envoy's business and stay.
 *
 * @param seen Alternating lower-case names and values.
 * @param wanted The same.
 */
export function headerEdits(seen: readonly string[], wanted: readonly string[]): HeaderEdits {
  const edits: HeaderEdits = { set: [], remove: [] };
  for (let i = 0; i < wanted.length; i += 2) {
    const name = wanted[i] as string;
    // A name with several values is looked at once, at its first.
    if (name !== CONTENT_LENGTH && indexOfName(wanted, name, 0) === i) compare(name, seen, wanted, edits);
  }
  for (let i = 0; i < seen.length; i += 2) {
    const name = seen[i] as string;
    if (unitAt(name, 0) === COLON || ENVOYS.has(name)) continue;
    if (indexOfName(wanted, name, 0) === -1 && indexOfName(seen, name, 0) === i) edits.remove.push(name);
  }
  return edits;
}

const COLON = 0x3a;

function compare(name: string, seen: readonly string[], wanted: readonly string[], edits: HeaderEdits): void {
  let have = indexOfName(seen, name, 0);
  let want = indexOfName(wanted, name, 0);
  while (have !== -1 && want !== -1 && seen[have + 1] === wanted[want + 1]) {
    have = indexOfName(seen, name, have + 2);
    want = indexOfName(wanted, name, want + 2);
  }
  if (have === -1 && want === -1) return;
  // Several values of a header are as good as one with commas (RFC 9110 section 5.3), and Envoy takes one.
  const values: string[] = [];
  for (let i = 0; i < wanted.length; i += 2) if (wanted[i] === name) values.push(wanted[i + 1] as string);
  edits.set.push(name, values.join(", "));
}

function indexOfName(flat: readonly string[], name: string, start: number): number {
  for (let i = start; i < flat.length; i += 2) if (flat[i] === name) return i;
  return -1;
}
