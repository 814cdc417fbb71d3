/** Compares what was seen with what a case wants. */
import assert from "node:assert/strict";
import type { WantFields, WantText } from "./case.ts";

/** Checks named values: RegExp = matches, undefined = absent, object = contains, anything else = equal. */
export function checkFields(what: string, seen: Readonly<Record<string, unknown>>, want: WantFields): void {
  for (const [name, value] of Object.entries(want)) {
    const context = `${what} "${name}" of ${JSON.stringify(seen)}`;
    if (value instanceof RegExp) assert.match(String(seen[name]), value, context);
    else if (typeof value === "object") assert.partialDeepStrictEqual(seen[name], value, context);
    else assert.equal(seen[name], value, context);
  }
}

/** Checks a text. */
export function checkText(what: string, seen: string, want: WantText): void {
  if (typeof want === "string") assert.equal(seen, want, what);
  else if (want instanceof RegExp) assert.match(seen, want, what);
  else assert.partialDeepStrictEqual(parse(what, seen), want.json, what);
}

function parse(what: string, text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new assert.AssertionError({ message: `${what} is not JSON: ${text}` });
  }
}

/** Sums the series of a Prometheus text that have a name and at least the labels asked for. */
export function sumSeries(exposition: string, selector: string): number {
  const wanted = splitSeries(selector);
  let sum = 0;
  for (const line of exposition.split("\n")) {
    const end = line.lastIndexOf(" ");
    if (line.startsWith("#") || end < 0) continue;
    const series = splitSeries(line.slice(0, end));
    const matches = series.name === wanted.name && wanted.labels.every((label) => series.labels.includes(label));
    if (matches) sum += Number(line.slice(end + 1));
  }
  return sum;
}

function splitSeries(text: string): { name: string; labels: string[] } {
  const brace = text.indexOf("{");
  if (brace < 0) return { name: text, labels: [] };
  return { name: text.slice(0, brace), labels: text.slice(brace + 1, -1).match(/\w+="(?:[^"\\]|\\.)*"/g) ?? [] };
}
