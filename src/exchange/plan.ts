/**
 * What is prepared once per configuration so that a request only looks things up: route table, model lists, cost
 * programs, and per backend and endpoint everything an attempt needs.
 */
import type { BackendRef, Route, RuntimeConfig, Upstream } from "../config/runtime-config.ts";
import type { EndpointName } from "../endpoints/endpoint.ts";
import { ENDPOINTS } from "../endpoints/registry.ts";
import type { Fault } from "../errors/config-error.ts";
import { invariant } from "../errors/invariant.ts";
import { type PreparedBodyMutation, prepareBodyMutation } from "../mutation/body.ts";
import { buildModelLists, type ModelLists } from "../routing/model-list.ts";
import { buildRouteTable, type RouteTable } from "../routing/route-table.ts";
import { findSchema } from "../translate/registry.ts";
import type { TranslatorFactory } from "../translate/translator.ts";
import { type CostProgram, needsCel, prepareCosts } from "../usage/cost.ts";
import { loadCel } from "../usage/load-cel.ts";

/** Everything an attempt at one backend for one endpoint needs. */
export interface PreparedAttempt {
  /** `gen_ai.provider.name`. */
  readonly provider: string;
  /** Undefined when the backend's schema has no such endpoint. */
  readonly createTranslator: TranslatorFactory | undefined;
  readonly bodyMutation: PreparedBodyMutation;
}

/** What is looked up of the port that a request came in on. */
export interface PreparedPort {
  readonly routes: RouteTable;
  readonly models: ModelLists;
}

/** A port that the configuration does not have (any more): it routes nothing. */
const UNKNOWN_PORT = preparePort([]);

/** A configuration ready to serve; immutable. */
export class Plan {
  readonly config: RuntimeConfig;
  readonly #ports: ReadonlyMap<string, PreparedPort>;
  /** By the id of the route: the route of each port is an object of its own. */
  readonly #costs: ReadonlyMap<string, CostProgram>;
  readonly #attempts: ReadonlyMap<BackendRef, ReadonlyMap<EndpointName, PreparedAttempt>>;

  constructor(config: RuntimeConfig, costs: ReadonlyMap<string, CostProgram>) {
    this.config = config;
    this.#ports = new Map(config.listeners.map(({ name, routes }) => [name, preparePort(routes)]));
    this.#costs = costs;
    this.#attempts = new Map(refsOf(config).map((ref) => [ref, prepareAttempts(ref)]));
  }

  /** Every upstream a request of this plan may go to. */
  get upstreams(): Upstream[] {
    return refsOf(this.config).map((ref) => ref.backend.upstream);
  }

  /** What is served on a port, by the name of its listener. */
  port(listener: string): PreparedPort {
    return this.#ports.get(listener) ?? UNKNOWN_PORT;
  }

  costs(route: Route): CostProgram {
    const program = this.#costs.get(route.id);
    invariant(program, "every route has its cost program");
    return program;
  }

  attempt(ref: BackendRef, endpoint: EndpointName): PreparedAttempt {
    const prepared = this.#attempts.get(ref)?.get(endpoint);
    invariant(prepared, "every backend is prepared for every endpoint");
    return prepared;
  }
}

/**
 * Prepares a configuration.
 *
 * @returns The plan, or the faults that only preparing it shows (cost expressions).
 */
export async function preparePlan(config: RuntimeConfig): Promise<{ plan: Plan } | { faults: readonly Fault[] }> {
  const rules = [...config.globalCosts, ...config.routes.flatMap((route) => route.costs)];
  const cel = needsCel(rules) ? await loadCel() : undefined;
  const defaults = prepareCosts(config.globalCosts, cel);
  const costs = new Map<string, CostProgram>();
  const faults: Fault[] = [...defaults.faults];
  for (const route of config.routes) {
    const own = prepareCosts(route.costs, cel);
    costs.set(route.id, own.program.withDefaults(defaults.program));
    faults.push(...own.faults);
  }
  return faults.length > 0 ? { faults } : { plan: new Plan(config, costs) };
}

function preparePort(routes: readonly Route[]): PreparedPort {
  return { routes: buildRouteTable(routes), models: buildModelLists(routes) };
}

function refsOf(config: RuntimeConfig): BackendRef[] {
  return config.routes.flatMap((route) => route.rules.flatMap((rule) => rule.backends));
}

function prepareAttempts(ref: BackendRef): ReadonlyMap<EndpointName, PreparedAttempt> {
  const bodyMutation = prepareBodyMutation(ref.bodyMutation);
  const schema = findSchema(ref.backend.schema.name);
  return new Map(
    ENDPOINTS.map((endpoint) => [
      endpoint.name,
      {
        // A schema without translators is still named by the configuration's own word for it.
        provider: schema?.otelProvider ?? ref.backend.schema.name,
        createTranslator: schema?.endpoints[endpoint.name],
        bodyMutation,
      },
    ]),
  );
}
