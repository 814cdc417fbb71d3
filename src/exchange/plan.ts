/**
 * What is prepared once per configuration so that a request only looks things up: route table, model lists, cost
 * programs, and per backend and endpoint everything an attempt needs.
 */
import { overrideHeaders } from "../backend-auth/override.ts";
import { credentialNames, PreparedCallers } from "../caller-auth/prepare.ts";
import type { BackendAuth } from "../config/backend-auth.ts";
import type { CallerAuth, TokenAuth } from "../config/callers.ts";
import type { BackendRef, Route, Rule, RuntimeConfig, Upstream } from "../config/runtime-config.ts";
import type { EndpointName } from "../endpoints/endpoint.ts";
import { ENDPOINTS } from "../endpoints/registry.ts";
import type { Fault } from "../errors/config-error.ts";
import { invariant } from "../errors/invariant.ts";
import { type PreparedBodyMutation, prepareBodyMutation } from "../mutation/body.ts";
import { type OutputCapChange, outputCapChange } from "../mutation/output-cap.ts";
import { LimitIndex } from "../ratelimit/match.ts";
import { buildModelLists, type ModelLists } from "../routing/model-list.ts";
import { buildRouteTable, type RouteTable } from "../routing/route-table.ts";
import { findSchema } from "../translate/registry.ts";
import type { TranslatorFactory } from "../translate/translator.ts";
import { type CostProgram, needsCel, prepareCosts } from "../usage/cost.ts";
import { loadCel } from "../usage/load-cel.ts";
import { PriceCatalogue } from "../usage/prices.ts";
import { type LimitCosts, prepareLimitCosts } from "./limit-costs.ts";

/** Everything an attempt at one backend for one endpoint needs. */
export interface PreparedAttempt {
  /** `gen_ai.provider.name`. */
  readonly provider: string;
  /** Undefined when the backend's schema has no such endpoint. */
  readonly createTranslator: TranslatorFactory | undefined;
  readonly bodyMutation: PreparedBodyMutation;
  /** What that makes of the caller's cap on output; undefined = nothing. */
  readonly outputCap: OutputCapChange | undefined;
  /** Header in which the provider wants an API key; undefined = as a bearer token. */
  readonly apiKeyHeader: string | undefined;
  /** Headers that carry callers' credentials, for the gateway or for a backend of the rule: they go no further. */
  readonly withheld: readonly string[];
}

/** What is looked up of the port that a request came in on. */
export interface PreparedPort {
  readonly routes: RouteTable;
  readonly models: ModelLists;
  /** Undefined where everybody may call everything. */
  readonly callers: PreparedCallers | undefined;
}

/** A port that the configuration does not have (any more): it routes nothing. */
const UNKNOWN_PORT = preparePort([]);

/** A configuration ready to serve; immutable. */
export class Plan {
  readonly config: RuntimeConfig;
  readonly limits: LimitIndex;
  readonly limitCosts: LimitCosts;
  /** Query parameters in which callers show credentials. */
  readonly credentialParams: ReadonlySet<string>;
  readonly #ports: ReadonlyMap<string, PreparedPort>;
  /** By the id of the route: the route of each port is an object of its own. */
  readonly #costs: ReadonlyMap<string, CostProgram>;
  readonly #attempts: ReadonlyMap<BackendRef, ReadonlyMap<EndpointName, PreparedAttempt>>;

  constructor(config: RuntimeConfig, costs: ReadonlyMap<string, CostProgram>, limitCosts: LimitCosts) {
    this.config = config;
    this.limits = new LimitIndex(
      config.limits,
      config.routes.map(({ id }) => id),
    );
    this.#ports = new Map(config.listeners.map(({ name, routes }) => [name, preparePort(routes)]));
    this.limitCosts = limitCosts;
    this.#costs = costs;
    const { headers, queryParams } = credentialNames(callersOf(config));
    this.credentialParams = queryParams;
    this.#attempts = new Map(
      rulesOf(config).flatMap((rule) => rule.backends.map((ref) => [ref, prepareAttempts(ref, rule, headers)])),
    );
  }

  /** Every upstream a request of this plan may go to. */
  get upstreams(): Upstream[] {
    return refsOf(this.config).map((ref) => ref.backend.upstream);
  }

  /** Credentials of every backend. */
  get auths(): BackendAuth[] {
    return refsOf(this.config).map((ref) => ref.backend.auth);
  }

  /** Every issuer whose tokens callers may show. */
  get tokenAuths(): TokenAuth[] {
    return callersOf(this.config).flatMap(({ tokens }) => tokens);
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
 * @param prices Those that budgets of money count by.
 * @returns The plan, or the faults that only preparing it shows (cost expressions).
 */
export async function preparePlan(
  config: RuntimeConfig,
  prices: PriceCatalogue = PriceCatalogue.builtIn(),
): Promise<{ plan: Plan } | { faults: readonly Fault[] }> {
  const rules = [
    ...config.globalCosts,
    ...config.routes.flatMap((route) => route.costs),
    ...config.limits.flatMap(({ answerCost }) => (answerCost?.from === "rule" ? [answerCost.rule] : [])),
  ];
  const cel = needsCel(rules) ? await loadCel() : undefined;
  const defaults = prepareCosts(config.globalCosts, cel);
  const costs = new Map<string, CostProgram>();
  const faults: Fault[] = [...defaults.faults];
  for (const route of config.routes) {
    const own = prepareCosts(route.costs, cel);
    costs.set(route.id, own.program.withDefaults(defaults.program));
    faults.push(...own.faults);
  }
  const ofLimits = prepareLimitCosts(config.limits, cel, prices);
  faults.push(...ofLimits.faults);
  return faults.length > 0 ? { faults } : { plan: new Plan(config, costs, ofLimits.costs) };
}

function preparePort(routes: readonly Route[]): PreparedPort {
  const auths = routes.map(({ callers }) => callers);
  const callers = auths.some((auth) => auth !== undefined) ? new PreparedCallers(auths) : undefined;
  return { routes: buildRouteTable(routes), models: buildModelLists(routes), callers };
}

function callersOf({ routes }: RuntimeConfig): CallerAuth[] {
  return [...new Set(routes.flatMap(({ callers }) => callers ?? []))];
}

function rulesOf(config: RuntimeConfig): Rule[] {
  return config.routes.flatMap((route) => route.rules);
}

function refsOf(config: RuntimeConfig): BackendRef[] {
  return rulesOf(config).flatMap((rule) => rule.backends);
}

function prepareAttempts(
  ref: BackendRef,
  { backends }: Rule,
  credentialHeaders: ReadonlySet<string>,
): ReadonlyMap<EndpointName, PreparedAttempt> {
  const bodyMutation = prepareBodyMutation(ref.bodyMutation);
  const schema = findSchema(ref.backend.schema.name);
  const overrides = backends.flatMap(({ backend }) => overrideHeaders(backend.auth));
  const withheld = [...new Set([...credentialHeaders, ...overrides])];
  return new Map(
    ENDPOINTS.map((endpoint) => [
      endpoint.name,
      {
        // A schema without translators is still named by the configuration's own word for it.
        provider: schema?.otelProvider ?? ref.backend.schema.name,
        createTranslator: schema?.endpoints[endpoint.name],
        bodyMutation,
        outputCap: outputCapChange(bodyMutation, schema?.outputCaps[endpoint.name] ?? []),
        apiKeyHeader: schema?.apiKeyHeader,
        withheld,
      },
    ]),
  );
}
