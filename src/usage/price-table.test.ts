/**
 * Prints the tables of docs/prices.md from the catalogue, between its two markers, and fails when the page says something
 * else. UPDATE_GOLDEN=1 writes it anew.
 */
import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import type { PriceEntry, Prices } from "./price-file.ts";
import { PriceCatalogue } from "./prices.ts";

const PAGE = join(import.meta.dirname, "../../docs/prices.md");
const BEGIN = "<!-- printed from the catalogue: UPDATE_GOLDEN=1 node --test src/usage/price-table.test.ts -->\n";
const END = "<!-- end of what is printed -->\n";
const HEAD = ["Models", "Input", "Cached", "Written, 5 min", "Written, 1 h", "Output", "More"];

/** Prices that few rows have, told in the last column. */
const RARE = [
  ["inputAudio", "audio in"],
  ["inputImage", "image in"],
  ["outputAudio", "audio out"],
  ["reasoning", "reasoning"],
] as const;

function row(models: string, prices: Prices, holds: readonly string[]): string {
  const rare = RARE.flatMap(([field, words]) => (prices[field] === undefined ? [] : [`${words} ${prices[field]}`]));
  const figures = [
    prices.input,
    prices.cachedInput ?? "",
    prices.cacheCreation5mInput ?? "",
    prices.cacheCreation1hInput ?? "",
    prices.output,
  ];
  return `| ${[models, ...figures, [...holds, ...rare].join(", ")].join(" | ")} |`;
}

function rows({ models, prices, longPrompt, from, until }: PriceEntry): string[] {
  const names = models.map((model) => `\`${model}\``).join("<br>");
  const days = [...(from === undefined ? [] : [`from ${from}`]), ...(until === undefined ? [] : [`until ${until}`])];
  const long =
    longPrompt === undefined
      ? []
      : [row("", longPrompt.prices, [...days, `prompts above ${longPrompt.above.toLocaleString("en-US")} tokens`])];
  return [row(names, prices, days), ...long];
}

function section(vendor: string, entries: readonly PriceEntry[]): string {
  const sources = [...new Set(entries.map(({ source = "" }) => source))].map((source) => {
    const days = entries.filter((entry) => entry.source === source).map(({ asOf = "" }) => asOf);
    const [first, last] = [days.toSorted()[0], days.toSorted().at(-1)];
    return `<${source}>, ${first === last ? first : `${first} to ${last}`}`;
  });
  const line = (cells: readonly string[]) => `| ${cells.join(" | ")} |`;
  const table = [line(HEAD), line(HEAD.map(() => "---")), ...entries.flatMap(rows)].join("\n");
  return `### ${vendor}\n\n${sources.map((source) => `- ${source}\n`).join("")}\n${table}\n`;
}

function print(): string {
  const { entries } = PriceCatalogue.builtIn();
  const vendors = [...new Set(entries.map(({ vendor = "" }) => vendor))];
  return vendors
    .map((vendor) =>
      section(
        vendor,
        entries.filter((entry) => entry.vendor === vendor),
      ),
    )
    .join("\n");
}

test("docs/prices.md says what the catalogue has", () => {
  const page = readFileSync(PAGE, "utf8");
  const [before, rest] = page.split(BEGIN);
  const after = rest?.split(END)[1];
  assert.ok(before !== undefined && after !== undefined, "the page has both markers");
  const printed = `${before}${BEGIN}\n${print()}\n${END}${after}`;
  if (process.env["UPDATE_GOLDEN"] === "1") writeFileSync(PAGE, printed);
  assert.equal(readFileSync(PAGE, "utf8"), printed);
});
