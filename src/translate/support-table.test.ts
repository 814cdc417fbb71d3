/**
 * Prints what docs/providers.md says of schemas and endpoints from the registry, between its two markers, and fails when
 * it says something else. UPDATE_GOLDEN=1 (`npm run golden`) writes it anew.
 */
import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import type { Endpoint } from "../endpoints/endpoint.ts";
import { ENDPOINTS } from "../endpoints/registry.ts";
import { HeaderMap } from "../wire/headers.ts";
import type { ApiSchema } from "./api-schema.ts";
import { Passthrough } from "./passthrough.ts";
import { API_SCHEMAS } from "./registry.ts";
import type { TranslatorContext } from "./translator.ts";

const PAGE = join(import.meta.dirname, "../../docs/providers.md");
const BEGIN = "<!-- printed from the registry: npm run golden -->\n";
const END = "<!-- end of what is printed -->\n";
const CONTEXT: TranslatorContext = {
  prefix: undefined,
  version: undefined,
  modelOverride: undefined,
  requestHeaders: new HeaderMap(),
  requestId: "r-1",
  newId: () => "id",
  now: () => 0,
};

function cell({ endpoints }: ApiSchema, { name }: Endpoint): string {
  const create = endpoints[name];
  if (create === undefined) return "";
  return create(CONTEXT) instanceof Passthrough ? "pass" : "translated";
}

/** A table as the formatter of Markdown writes it: columns of equal width. */
function table(rows: readonly (readonly string[])[]): string {
  const widths = rows[0]?.map((_, column) => Math.max(3, ...rows.map((row) => row[column]?.length ?? 0))) ?? [];
  const line = (row: readonly string[]): string =>
    `| ${row.map((text, column) => text.padEnd(widths[column] ?? 0)).join(" | ")} |`;
  const [head = [], ...body] = rows;
  return `${[line(head), line(widths.map((width) => "-".repeat(width))), ...body.map(line)].join("\n")}\n`;
}

function print(): string {
  const translated = ENDPOINTS.filter(({ parse }) => parse !== undefined);
  const support = translated.map((endpoint) => [
    endpoint.paths.map((path) => `\`${path}\``).join("<br>"),
    ...API_SCHEMAS.map((schema) => cell(schema, endpoint)),
  ]);
  const schemas = API_SCHEMAS.map(({ name, prefix, version, otelProvider }) => [
    `\`${name}\``,
    `\`${otelProvider}\``,
    prefix ?? "not read",
    version ?? "not read",
  ]);
  return `${table([["Path", ...API_SCHEMAS.map(({ name }) => name)], ...support])}
## What a schema's fields mean

${table([["Schema", "Provider in metrics", "`prefix`", "`version`"], ...schemas])}`;
}

test("docs/providers.md says what the registry can do", () => {
  const page = readFileSync(PAGE, "utf8");
  const [before, rest] = page.split(BEGIN);
  const after = rest?.split(END)[1];
  assert.ok(before !== undefined && after !== undefined, "the page has both markers");
  const printed = `${before}${BEGIN}\n${print()}\n${END}${after}`;
  if (process.env["UPDATE_GOLDEN"] === "1") writeFileSync(PAGE, printed);
  assert.equal(readFileSync(PAGE, "utf8"), printed);
});
