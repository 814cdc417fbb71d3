/**
 * Which rule a request takes, and which of the rule's backends. Routes are compiled into tables once per configuration;
 * a request costs a lookup by hostname and model. Pure: no clock, no I/O, randomness comes in as a number.
 */
import type { HeaderMatch, Route, Rule } from "../config/runtime-config.ts";
import type { HeaderMap } from "../wire/headers.ts";
import { compileHeaderPattern, type HeaderPattern } from "./header-pattern.ts";
import { hostName } from "./host.ts";
import { type BackendChoice, prepareChoice } from "./pick-backend.ts";

/** Header that stands for the model of the body; what a client sends under this name is never looked at. */
export const MODEL_HEADER = "x-ai-eg-model";

/** The rule a request takes. */
export interface RouteMatch {
  readonly route: Route;
  readonly rule: Rule;
  /** The rule's backends. */
  readonly choice: BackendChoice;
}

/** Routes of one configuration in the form {@link match} reads. */
export interface RouteTable {
  readonly byHost: ReadonlyMap<string, Bucket>;
  /** By what follows the `*`, the dot included. */
  readonly byWildcard: ReadonlyMap<string, Bucket>;
  /** Routes without hostnames. */
  readonly unscoped: Bucket;
}

/** Alternatives of one hostname, each list in order of precedence. */
interface Bucket {
  /** Those that want one model exactly, by model. */
  readonly byModel: Map<string, Candidate[]>;
  readonly others: Candidate[];
  /** How many there are in all. */
  size: number;
}

/** An alternative within a bucket: all its conditions hold, or it does not apply. */
interface Candidate {
  /** Precedence within a bucket, lowest first. */
  readonly rank: number;
  /** Without the exact model by which it is indexed. */
  readonly conditions: readonly Condition[];
  readonly result: RouteMatch;
}

interface Condition {
  readonly name: string;
  readonly pattern: HeaderPattern;
}

/**
 * Compiles routes. Precedence is that of the Gateway API (https://gateway-api.sigs.k8s.io/reference/spec/, HTTPRouteSpec
 * hostnames and HTTPRouteRule matches): the more specific hostname, then the greater number of header matches, then the
 * order of routes, rules and matches as given. A more specific hostname under which nothing matches hides nothing.
 */
export function buildRouteTable(routes: readonly Route[]): RouteTable {
  const byHost = new Map<string, Bucket>();
  const byWildcard = new Map<string, Bucket>();
  const unscoped = newBucket();
  for (const alternative of inPrecedence(routes)) {
    const { hostnames } = alternative.result.route;
    for (const bucket of bucketsOf(hostnames, byHost, byWildcard, unscoped)) addCandidate(bucket, alternative);
  }
  return { byHost, byWildcard, unscoped };
}

/** One match of one rule, prepared once for all the hostnames of its route. */
interface Alternative {
  readonly matchCount: number;
  /** The model it wants exactly, taken out of the conditions. */
  readonly model: string | undefined;
  readonly conditions: readonly Condition[];
  readonly result: RouteMatch;
}

/** Every match of every rule; a rule without matches has one that asks for nothing. The sort is stable. */
function inPrecedence(routes: readonly Route[]): Alternative[] {
  const alternatives = routes.flatMap((route) =>
    route.rules.flatMap((rule) => {
      const result = { route, rule, choice: prepareChoice(rule.backends) };
      const ofRule = rule.matches.length === 0 ? [[]] : rule.matches;
      return ofRule.map((headers) => prepareAlternative(headers, result));
    }),
  );
  return alternatives.sort((a, b) => b.matchCount - a.matchCount);
}

function prepareAlternative(headers: readonly HeaderMatch[], result: RouteMatch): Alternative {
  const exactModel = headers.find((header) => header.name === MODEL_HEADER && header.type === "Exact");
  const conditions = headers
    .filter((header) => header !== exactModel)
    .map((header): Condition => ({ name: header.name, pattern: compileHeaderPattern(header) }));
  return { matchCount: headers.length, model: exactModel?.value, conditions, result };
}

function bucketsOf(
  hostnames: readonly string[],
  byHost: Map<string, Bucket>,
  byWildcard: Map<string, Bucket>,
  unscoped: Bucket,
): Bucket[] {
  if (hostnames.length === 0) return [unscoped];
  return hostnames.map((name) =>
    name.startsWith("*.") ? bucketFor(byWildcard, name.slice(1)) : bucketFor(byHost, name),
  );
}

function bucketFor(buckets: Map<string, Bucket>, key: string): Bucket {
  const bucket = buckets.get(key) ?? newBucket();
  buckets.set(key, bucket);
  return bucket;
}

function newBucket(): Bucket {
  return { byModel: new Map(), others: [], size: 0 };
}

/** Alternatives come in precedence, so the number of those before is the rank. */
function addCandidate(bucket: Bucket, { model, conditions, result }: Alternative): void {
  const candidate = { rank: bucket.size++, conditions, result };
  if (model === undefined) {
    bucket.others.push(candidate);
    return;
  }
  const sameModel = bucket.byModel.get(model);
  if (sameModel === undefined) bucket.byModel.set(model, [candidate]);
  else sameModel.push(candidate);
}

/**
 * Finds the rule for a request, or undefined.
 *
 * @param host Host or :authority as the client sent it.
 * @param model The model the body names, "" for none.
 */
export function match(
  table: RouteTable,
  host: string | undefined,
  headers: HeaderMap,
  model: string,
): RouteMatch | undefined {
  const { byHost, byWildcard, unscoped } = table;
  const scoped = byHost.size > 0 || byWildcard.size > 0;
  const name = scoped ? hostName(host) : undefined;
  if (name !== undefined) {
    const found = matchIn(byHost.get(name), headers, model) ?? matchWildcard(byWildcard, name, headers, model);
    if (found !== undefined) return found;
  }
  return matchIn(unscoped, headers, model);
}

/** `*` stands for one label or more (Gateway API, Hostname), so every suffix is tried, the longest first. */
function matchWildcard(
  byWildcard: ReadonlyMap<string, Bucket>,
  name: string,
  headers: HeaderMap,
  model: string,
): RouteMatch | undefined {
  if (byWildcard.size === 0) return undefined;
  for (let dot = name.indexOf(".", 1); dot !== -1; dot = name.indexOf(".", dot + 1)) {
    const found = matchIn(byWildcard.get(name.slice(dot)), headers, model);
    if (found !== undefined) return found;
  }
  return undefined;
}

const NO_CANDIDATES: readonly Candidate[] = [];

/** Walks the two lists of a bucket as one, in order of rank. */
function matchIn(bucket: Bucket | undefined, headers: HeaderMap, model: string): RouteMatch | undefined {
  if (bucket === undefined) return undefined;
  const named = bucket.byModel.get(model) ?? NO_CANDIDATES;
  const { others } = bucket;
  let i = 0;
  let j = 0;
  while (i < named.length || j < others.length) {
    const a = named[i];
    const b = others[j];
    const takeNamed = a !== undefined && (b === undefined || a.rank < b.rank);
    const candidate = takeNamed ? a : b;
    if (takeNamed) i++;
    else j++;
    if (candidate !== undefined && holds(candidate.conditions, headers, model)) return candidate.result;
  }
  return undefined;
}

function holds(conditions: readonly Condition[], headers: HeaderMap, model: string): boolean {
  for (const { name, pattern } of conditions) {
    const value = name === MODEL_HEADER ? model : combinedValue(headers, name);
    if (value === undefined || !pattern(value)) return false;
  }
  return true;
}

/** All values of a header as one, joined by commas (RFC 9110 section 5.3); Envoy matches on that too. */
function combinedValue(headers: HeaderMap, name: string): string | undefined {
  const { flat } = headers;
  let combined: string | undefined;
  for (let i = 0; i < flat.length; i += 2) {
    if (flat[i] === name) combined = combined === undefined ? flat[i + 1] : `${combined},${flat[i + 1]}`;
  }
  return combined;
}
