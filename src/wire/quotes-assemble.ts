/** Assembles quotes.wat into quotes-wasm.ts, so that neither a build nor a start needs an assembler: `npm run wasm`. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import loadWabt from "wabt";

/** The file that holds the assembled bytes. */
export const TARGET = join(import.meta.dirname, "quotes-wasm.ts");

/** What must stand in {@link TARGET}. */
export async function assembleQuotes(): Promise<string> {
  const wabt = await loadWabt();
  const wat = readFileSync(join(import.meta.dirname, "quotes.wat"), "utf8");
  const module = wabt.parseWat("quotes.wat", wat, { simd: true });
  module.validate();
  const base64 = Buffer.from(module.toBinary({}).buffer).toString("base64");
  const lines = (base64.match(/.{1,100}/g) ?? []).map((line) => `  "${line}"`);
  return `// Made from quotes.wat by \`npm run wasm\`.

/** The module of quotes.wat in base64. */
export const QUOTES_WASM =
${lines.join(" +\n")};
`;
}

if (import.meta.main) writeFileSync(TARGET, await assembleQuotes());
