/** For tests: configurations made of text. */
import assert from "node:assert/strict";
import { formatFault } from "../errors/config-error.ts";
import { type IgnoredResource, parseResources } from "../resources/load.ts";
import type { Environment } from "../resources/substitute.ts";
import { type CompileOptions, compile } from "./compile.ts";
import type { RuntimeConfig } from "./runtime-config.ts";

/** What came of a text, read as the file `f.yaml`. */
export interface TestConfiguration {
  readonly config: RuntimeConfig;
  /** As they are printed: those of reading, then those of compiling. */
  readonly faults: readonly string[];
  readonly notices: readonly string[];
  readonly ignored: readonly IgnoredResource[];
}

/** When configurations of tests are loaded unless they say, in Unix seconds. */
export const LOADED_AT = 1_700_000_000;

/** Reads and compiles a text. */
export function compileText(
  text: string,
  { env = {}, ...options }: Partial<CompileOptions> & { readonly env?: Environment } = {},
): TestConfiguration {
  const { set, faults, notices, ignored } = parseResources([{ name: "f.yaml", text }], env, () => "");
  const compiled = compile(set, { loadedAt: LOADED_AT, ...options });
  return {
    config: compiled.config,
    faults: [...faults, ...compiled.faults].map(formatFault),
    notices: [...notices, ...compiled.notices].map(formatFault),
    ignored,
  };
}

/** The same for a text without faults. */
export function compileValid(...args: Parameters<typeof compileText>): TestConfiguration {
  const compiled = compileText(...args);
  assert.deepEqual(compiled.faults, []);
  return compiled;
}

/** Faults or notices without where they stand. */
export function withoutPlaces(told: readonly string[]): string[] {
  return told.map((line) => line.replace(/^f\.yaml:\d+:\d+: /, ""));
}
