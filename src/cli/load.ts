/** From configuration texts to a plan, with everything there is to say about them on the way. */
import { readFileSync } from "node:fs";
import { compile, type HostKind } from "../config/compile.ts";
import type { RuntimeConfig, SchemaName } from "../config/runtime-config.ts";
import type { Fault } from "../errors/config-error.ts";
import { type Plan, preparePlan } from "../exchange/plan.ts";
import { type IgnoredResource, parseResources, type Source } from "../resources/load.ts";
import type { Notice } from "../resources/resource.ts";
import type { Environment } from "../resources/substitute.ts";
import { API_SCHEMAS } from "../translate/registry.ts";
import { withServedEndpoints } from "../translate/served-endpoints.ts";
import { type Overridden, PriceCatalogue } from "../usage/prices.ts";

/** A configuration as it travels between processes: each compiles it for itself. */
export interface Configuration {
  readonly sources: readonly Source[];
  /** What is laid over the built-in prices. */
  readonly prices?: Source | undefined;
  /** Unix seconds; stands in for creation times that files do not have. */
  readonly loadedAt: number;
  /** Whether a route of which nothing says who may call it is for nobody, instead of for everybody. */
  readonly closed?: boolean | undefined;
}

/** What became of a configuration. */
export interface Loaded {
  readonly configuration: Configuration;
  /** Everything wrong with it; a configuration with a fault has no plan. */
  readonly faults: readonly Fault[];
  readonly plan: Plan | undefined;
  readonly config: RuntimeConfig;
  readonly ignored: readonly IgnoredResource[];
  readonly notices: readonly Notice[];
  /** How many objects were read. */
  readonly objects: number;
  /** Further files the configuration reads (Secrets substituted from files), with their contents. */
  readonly files: readonly { readonly path: string; readonly text: string }[];
}

const SERVED_SCHEMAS: ReadonlySet<SchemaName> = new Set(API_SCHEMAS.map(({ name }) => name));

/**
 * Parses, checks, compiles and prepares a configuration.
 *
 * @param host What will serve it: notices tell what that does not apply.
 */
export async function load(
  configuration: Configuration,
  env: Environment,
  host: HostKind = "embedded",
): Promise<Loaded> {
  const files: { path: string; text: string }[] = [];
  const parsed = parseResources(configuration.sources, env, (path) => {
    const text = readFileSync(path, "utf8");
    files.push({ path, text });
    return text;
  });
  const { loadedAt, closed } = configuration;
  const compiled = compile(parsed.set, { loadedAt, servedSchemas: SERVED_SCHEMAS, host, closed });
  const config = { ...compiled.config, statuses: withServedEndpoints(compiled.config) };
  const prices = pricesOf(configuration);
  const prepared = await preparePlan(config, prices.catalogue);
  const unprepared = "faults" in prepared ? prepared.faults : [];
  const faults = [...parsed.faults, ...compiled.faults, ...unprepared, ...prices.faults];
  return {
    configuration,
    faults,
    plan: faults.length === 0 && "plan" in prepared ? prepared.plan : undefined,
    config,
    ignored: parsed.ignored,
    notices: [...parsed.notices, ...compiled.notices, ...prices.notices],
    objects: parsed.set.all.length,
    files,
  };
}

function pricesOf({ prices }: Configuration): Overridden {
  const catalogue = PriceCatalogue.builtIn();
  return prices === undefined
    ? { catalogue, faults: [], notices: [] }
    : catalogue.withOverrides(prices.text, prices.name);
}
