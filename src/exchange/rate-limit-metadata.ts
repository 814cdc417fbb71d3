/**
 * Which counters of a rate limit a request takes. The gateway decides this once, at admission, from the request as the
 * caller sent it: when the answer has ended and its tokens are charged, the headers have become those of the provider, and
 * credentials, path and model are no longer what the caller sent. Envoy reads the decision from dynamic metadata both times.
 */
import { createHash } from "node:crypto";
import type { RateLimit, RateLimitHeader, RateLimitRule, RateLimitSelector } from "../config/traffic-policy.ts";
import { compileHeaderPattern } from "../routing/header-pattern.ts";
import { MODEL_HEADER } from "../routing/route-table.ts";
import type { HeaderMap } from "../wire/headers.ts";
import { DYNAMIC_METADATA } from "./envoy-names.ts";

/** Key in the gateway's dynamic metadata under which the key of a rule is told. */
export function rateLimitMetadataKey(ruleIndex: number): string {
  return `rate_limit.${ruleIndex}`;
}

/** What selectors look at. */
export interface LimitedRequest {
  /** The caller's, admitted. */
  readonly headers: HeaderMap;
  readonly model: string;
  readonly method: string;
  /** As the caller sent it, without the query. */
  readonly path: string;
}

/** Says whose share of a rule's limit a request takes; undefined = none. */
type Keyed = (request: LimitedRequest) => string | undefined;

/** Share of a rule that does not tell its callers apart. */
const EVERYONE = "all";

/** Values that can be read in the store's keys as they are; `,` and `:` have a meaning there. */
const PLAIN = /^[\w.@-]{1,64}$/;
/** Headers whose values must not appear in the store, nor in a rate limit service's logs. */
const SECRET = /auth|key|token|secret|cookie|credential|password/;

interface Prepared {
  /** By metadata key. */
  readonly keys: ReadonlyMap<string, Keyed>;
  readonly costs: ReadonlySet<string>;
}

const prepared = new WeakMap<RateLimit, Prepared>();

/** Whether a request's headers, method or path decide if a rule applies; if not, it has no key. */
export function isKeyed(rule: RateLimitRule): boolean {
  return rule.selectors.some(
    ({ headers, methods, path }) => headers.length > 0 || methods.length > 0 || path !== undefined,
  );
}

/**
 * What a rate limit needs to find in a request's dynamic metadata from the beginning: the keys of the rules that apply, and
 * what the request has cost so far, which is nothing.
 */
export function rateLimitMetadata(limit: RateLimit, request: LimitedRequest): Record<string, string | number> {
  let plan = prepared.get(limit);
  if (plan === undefined) {
    plan = { keys: preparedKeys(limit), costs: costKeys(limit) };
    prepared.set(limit, plan);
  }
  const metadata: Record<string, string | number> = {};
  for (const [name, keyOf] of plan.keys) {
    const key = keyOf(request);
    if (key !== undefined) metadata[name] = key;
  }
  for (const name of plan.costs) metadata[name] = 0;
  return metadata;
}

function preparedKeys({ rules }: RateLimit): ReadonlyMap<string, Keyed> {
  return new Map(rules.flatMap((rule, index) => (isKeyed(rule) ? [[rateLimitMetadataKey(index), prepare(rule)]] : [])));
}

/** Costs of answers that this gateway tells. Where one is missing, Envoy logs a warning for every request. */
function costKeys({ rules }: RateLimit): ReadonlySet<string> {
  const costs = rules.flatMap(({ responseCost }) =>
    responseCost?.from === "Metadata" && responseCost.namespace === DYNAMIC_METADATA ? [responseCost.key] : [],
  );
  return new Set(costs);
}

function prepare(rule: RateLimitRule): Keyed {
  const conditions = rule.selectors.flatMap(conditionsOf);
  const distinct = rule.selectors.flatMap(({ headers }) => headers.filter(({ type }) => type === "Distinct"));
  return (request) => {
    for (const holds of conditions) if (!holds(request)) return undefined;
    if (distinct.length === 0) return EVERYONE;
    const values: string[] = [];
    for (const { name } of distinct) {
      const value = headerOf(name, request);
      if (value === undefined || value === "") return undefined;
      values.push(!SECRET.test(name) && PLAIN.test(value) ? value : digest(value));
    }
    return values.join(",");
  };
}

function conditionsOf({ headers, methods, path }: RateLimitSelector): ((request: LimitedRequest) => boolean)[] {
  const conditions = headers.filter(({ type }) => type !== "Distinct").map(headerCondition);
  if (methods.length > 0) conditions.push(({ method }) => methods.includes(method));
  if (path !== undefined) {
    const matches = pathPattern(path);
    conditions.push((request) => matches(request.path));
  }
  return conditions;
}

/** A header that is not there does not match, so that an inverted condition holds. */
function headerCondition({ name, type, value, invert }: RateLimitHeader): (request: LimitedRequest) => boolean {
  const pattern = compileHeaderPattern({ type: type === "Exact" ? "Exact" : "RegularExpression", value: value ?? "" });
  return (request) => {
    const given = headerOf(name, request);
    return (given !== undefined && pattern(given)) !== invert;
  };
}

/** A prefix ends where a path element does (https://gateway-api.sigs.k8s.io/reference/spec/, PathMatchType). */
function pathPattern({ type, value }: NonNullable<RateLimitSelector["path"]>): (path: string) => boolean {
  if (type !== "PathPrefix") return compileHeaderPattern({ type, value });
  const prefix = value.replace(/\/+$/, "");
  return (path) => path === prefix || path.startsWith(`${prefix}/`);
}

function headerOf(name: string, { headers, model }: LimitedRequest): string | undefined {
  return name === MODEL_HEADER ? model : headers.get(name);
}

function digest(value: string): string {
  return `sha256:${createHash("sha256").update(value).digest("hex").slice(0, 32)}`;
}
