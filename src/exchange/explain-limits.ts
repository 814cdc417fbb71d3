/** For operators: which limits a request falls under, and how their counters stand. */
import type { Limit, LimitAttribute, LimitCondition, LimitWindow } from "../config/limits.ts";
import type { Demand, LimitState } from "../ratelimit/admission.ts";
import { isAlert } from "../ratelimit/alerts.ts";
import { counterKey, shownValue } from "../ratelimit/counter-key.ts";
import { attributeName, shownAmount } from "../ratelimit/limit-text.ts";
import type { LimitReading } from "../ratelimit/limiter.ts";
import type { LimitedRequest, PreparedLimit } from "../ratelimit/match.ts";
import type { KnownCounter } from "../ratelimit/remembered.ts";
import { match } from "../routing/route-table.ts";
import { HeaderMap } from "../wire/headers.ts";
import type { Plan } from "./plan.ts";

/** Asks the store how counters stand; in the order of the demands. */
export type ReadCounters = (demands: readonly Demand[]) => Promise<readonly LimitReading[]>;

/** What is asked about: a request as a query describes it. */
interface Question {
  readonly listener: string;
  readonly host: string | undefined;
  readonly method: string;
  readonly path: string;
  readonly model: string;
  readonly address: string | undefined;
  readonly headers: HeaderMap;
  /** Id of a GatewayKey. */
  readonly key: string | undefined;
  readonly attributes: ReadonlyMap<string, string>;
}

/** A limit with what it makes of the request. */
interface Considered {
  readonly prepared: PreparedLimit;
  readonly backend: string | undefined;
  readonly values: readonly string[] | undefined;
  readonly why: string;
}

/** Parameters of the query. */
const PARAMETERS = [
  "listener",
  "host",
  "method",
  "path",
  "model",
  "address",
  "header",
  "key",
  "team",
  "user",
  "attribute",
];
/** Most counters that are shown of one limit. */
const COUNTERS_MAX = 10;

/**
 * Says of a request which route it takes, which limits are for it, and how their counters stand.
 *
 * @returns A document, or what is wrong with the query.
 */
export async function explainLimits(plan: Plan, query: URLSearchParams, read: ReadCounters): Promise<object | string> {
  const question = readQuestion(plan, query);
  if (typeof question === "string") return question;
  const { listener, host, headers, model } = question;
  const found = match(plan.port(listener).routes, host, headers, model);
  if (found === undefined) return { route: null, limits: [] };
  const { route, rule, choice } = found;
  const request = requestOf(plan, question, route.id);
  const considered = plan.limits.ofRoute(route.id).map((limit) => consider(limit, request));
  for (const { backend, modelNameOverride } of choice.refs) {
    const asked = modelNameOverride ?? model;
    for (const limit of plan.limits.ofBackend(backend.id)) {
      const isForModel = limit.limit.applies.requestModels?.includes(asked) ?? true;
      const why = `the model asked of ${backend.id} is ${JSON.stringify(asked)}`;
      considered.push({
        ...(isForModel ? consider(limit, request) : { prepared: limit, values: undefined, why }),
        backend: backend.id,
      });
    }
  }
  const readings = await read(considered.flatMap(demandOf));
  let next = 0;
  const limits = considered.map((one) => explain(one, one.values && readings[next++]));
  return { route: route.id, rule: rule.name ?? String(rule.index), limits };
}

/** Every limit with those of its counters that are used most. */
export function listLimits(plan: Plan, known: readonly KnownCounter[]): object {
  const counters = new Map<string, Map<string, KnownCounter>>();
  for (const counter of known) {
    const { key, state, toldMs } = counter;
    if (isAlert(state.limit)) continue;
    const ofLimit = counters.get(state.limit.id) ?? new Map<string, KnownCounter>();
    const other = ofLimit.get(key);
    // What was told last is nearest to the truth.
    if (other === undefined || other.toldMs < toldMs) ofLimit.set(key, counter);
    counters.set(state.limit.id, ofLimit);
  }
  return {
    limits: plan.config.limits.map((limit) => {
      const ofLimit = [...(counters.get(limit.id)?.values() ?? [])].sort((a, b) => b.state.used - a.state.used);
      return {
        ...head(limit),
        counters: ofLimit.slice(0, COUNTERS_MAX).map(({ key, state }) => ({ key, ...figures(state) })),
      };
    }),
  };
}

function readQuestion(plan: Plan, query: URLSearchParams): Question | string {
  const unknown = [...query.keys()].find((name) => !PARAMETERS.includes(name));
  if (unknown !== undefined) return `unknown parameter ${JSON.stringify(unknown)}; there are ${PARAMETERS.join(", ")}`;
  const headers = new HeaderMap();
  for (const given of query.getAll("header")) {
    const [name, value] = pairOf(given);
    if (value === undefined) return `header=${given}: must be name:value`;
    headers.append(name.toLowerCase(), value);
  }
  const attributes = new Map<string, string>();
  for (const given of query.getAll("attribute")) {
    const [name, value] = pairOf(given);
    if (value === undefined) return `attribute=${given}: must be name:value`;
    attributes.set(name, value);
  }
  for (const name of ["team", "user"]) {
    const value = query.get(name);
    if (value !== null) attributes.set(name, value);
  }
  return {
    ...{ headers, attributes },
    listener: query.get("listener") ?? plan.config.listeners[0]?.name ?? "",
    host: query.get("host") ?? undefined,
    method: query.get("method") ?? "POST",
    path: query.get("path") ?? "/v1/chat/completions",
    model: query.get("model") ?? "",
    address: query.get("address") ?? undefined,
    key: query.get("key") ?? undefined,
  };
}

function pairOf(given: string): [name: string, value: string | undefined] {
  const colon = given.indexOf(":");
  return colon < 1 ? [given, undefined] : [given.slice(0, colon).trim(), given.slice(colon + 1).trim()];
}

function requestOf(plan: Plan, question: Question, route: string): LimitedRequest {
  const { headers, method, path: target, model, address, key, attributes } = question;
  const caller = new Map<string, string>();
  if (key !== undefined) {
    const keys = plan.config.routes.flatMap(({ callers }) => callers?.keys ?? []);
    const held = keys.find(({ id }) => id === key)?.attributes ?? {};
    for (const [name, value] of Object.entries(held)) caller.set(name, value);
    caller.set("key", key);
  }
  for (const [name, value] of attributes) caller.set(name, value);
  return { headers, method, target, model, route, address, caller };
}

function consider(prepared: PreparedLimit, request: LimitedRequest): Considered {
  const values = prepared.valuesOf(request);
  const failed = values === undefined ? prepared.whyNot(request) : undefined;
  return { prepared, backend: undefined, values, why: failed === undefined ? "" : whyNot(failed) };
}

function whyNot(failed: LimitCondition | LimitAttribute): string {
  if (!("test" in failed)) return `the request has no ${attributeName(failed)}`;
  const { attribute, test, invert } = failed;
  const name = attributeName(attribute);
  switch (test.type) {
    case "exact":
      return `${name} is ${invert ? "" : "not "}${test.values.map((value) => shownValue(attribute, value)).join(" or ")}`;
    case "prefix":
      return `${name} ${invert ? "begins" : "does not begin"} with ${test.value}`;
    case "regex":
      return `${name} ${invert ? "matches" : "does not match"} ${test.value}`;
    case "cidr":
      return `${name} is ${invert ? "" : "not "}in ${test.value}`;
  }
}

function demandOf({ prepared, values }: Considered): Demand[] {
  if (values === undefined) return [];
  // What an answer costs does not travel to another process, and is not needed to look.
  const limit = { ...prepared.limit, answerCost: undefined };
  return [{ limit, values, answerEstimate: 0, assumed: 0 }];
}

function explain({ prepared, backend, values, why }: Considered, reading: LimitReading | undefined): object {
  const { limit } = prepared;
  const about = { ...head(limit), ...(backend === undefined ? {} : { backend }) };
  if (values === undefined) return { ...about, matched: false, why };
  const counter = limit.per.map((attribute, i) => [attributeName(attribute), shownValue(attribute, values[i] ?? "")]);
  const key = counterKey(limit, values);
  return { ...about, matched: true, counter: Object.fromEntries(counter), key, ...(reading && figures(reading)) };
}

function head(limit: Limit): object {
  const { id, name, kind, unit, window, shadow, group, counted } = limit;
  return {
    ...{ limit: id, name, kind, unit: unit === "nanodollars" ? "dollars" : unit, window: windowText(window) },
    ...{ amount: Number(shownAmount(limit, limit.amount)), shadow, counted },
    ...(group === undefined ? {} : { group }),
  };
}

function figures(state: LimitState & { readonly reserved?: number }): object {
  const { limit, amount, used, remaining, resetAtMs, reserved } = state;
  const shown = (value: number) => Number(shownAmount(limit, value));
  return {
    ...{ used: shown(used), ...(reserved === undefined ? {} : { reserved: shown(reserved) }) },
    ...{ amount: shown(amount), remaining: shown(remaining) },
    reset: Number.isFinite(resetAtMs) ? new Date(resetAtMs).toISOString() : null,
  };
}

function windowText(window: LimitWindow): string {
  switch (window.type) {
    case "fixed":
      return `${window.durationMs / 1000}s`;
    case "rolling":
      return `last ${window.durationMs / 1000}s`;
    case "calendar":
      return `${window.unit} (${window.timeZone})`;
    case "never":
      return "never reset";
  }
}
