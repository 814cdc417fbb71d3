/** Rate limits of a BackendTrafficPolicy
 * (https://gateway.envoyproxy.io/latest/api/extension_types/#ratelimitspec). */
import { isIP } from "node:net";
import * as Type from "typebox";
import type { CrossFieldRule, Violation } from "./kind.ts";
import type { FieldPath } from "./resource.ts";
import { HeaderName, open, unapplied } from "./schema.ts";

/** A name that can stand in Envoy's `%DYNAMIC_METADATA(namespace:key)%`. */
const MetadataName = Type.String({
  minLength: 1,
  pattern: "^[^:%()]+$",
  "x-expects": "a name without the characters : % ( )",
});

const Invert = Type.Boolean({ default: false });

const HeaderMatch = open({
  type: Type.Enum(["Exact", "RegularExpression", "Distinct"], { default: "Exact" }),
  name: HeaderName,
  value: Type.Optional(Type.String({ maxLength: 1024 })),
  invert: Invert,
});

const QueryParamMatch = open({
  type: Type.Enum(["Exact", "RegularExpression", "Distinct"], { default: "Exact" }),
  name: Type.String({ minLength: 1, maxLength: 256 }),
  value: Type.Optional(Type.String({ maxLength: 1024 })),
  invert: Invert,
});

/** Conditions that all must hold. */
export const RateLimitSelector = open({
  headers: Type.Optional(Type.Array(HeaderMatch, { maxItems: 64 })),
  methods: Type.Optional(
    Type.Array(
      open({ value: Type.String({ pattern: "^[A-Z]+$", "x-expects": "a method such as POST" }), invert: Invert }),
    ),
  ),
  path: Type.Optional(
    open({
      type: Type.Enum(["Exact", "PathPrefix", "RegularExpression"], { default: "PathPrefix" }),
      value: Type.String({ maxLength: 1024, default: "/" }),
      invert: Invert,
    }),
  ),
  sourceCIDR: Type.Optional(
    open({
      type: Type.Enum(["Exact", "Distinct"], { default: "Exact" }),
      value: Type.String({ minLength: 1, maxLength: 256 }),
      invert: Invert,
    }),
  ),
  queryParams: Type.Optional(Type.Array(QueryParamMatch, { maxItems: 16 })),
});

const Cost = open({
  from: Type.Enum(["Number", "Metadata"]),
  // Envoy's own limit.
  number: Type.Optional(Type.Integer({ minimum: 0, maximum: 1_000_000_000 })),
  metadata: Type.Optional(open({ namespace: MetadataName, key: MetadataName })),
});

const Rule = open({
  clientSelectors: Type.Optional(Type.Array(RateLimitSelector, { maxItems: 8 })),
  limit: open({
    requests: Type.Integer({ minimum: 0, maximum: 2 ** 32 - 1 }),
    unit: Type.Enum(["Second", "Minute", "Hour", "Day", "Month", "Year"]),
    fromMetadata: unapplied("is not applied by this gateway: the limit is the one given here"),
  }),
  cost: Type.Optional(open({ request: Type.Optional(Cost), response: Type.Optional(Cost) })),
  shared: Type.Boolean({ default: false }),
  shadowMode: Type.Boolean({ default: false }),
  xRateLimitHeaders: unapplied(),
});

/** Limits counted for all gateways together, and limits that each gateway counts for itself. */
export const RateLimit = open({
  type: Type.Optional(Type.Enum(["Global", "Local"])),
  global: Type.Optional(open({ rules: Type.Array(Rule, { maxItems: 64 }) })),
  local: Type.Optional(open({ rules: Type.Optional(Type.Array(Rule, { maxItems: 16 })) })),
});

/** One limit and the requests it is for. */
export type RateLimitRule = Type.Static<typeof Rule>;
export type RateLimitSelector = Type.Static<typeof RateLimitSelector>;
/** What a request or an answer costs. */
export type RateLimitCost = Type.Static<typeof Cost>;

interface Limited {
  readonly rateLimit?: Type.Static<typeof RateLimit>;
}

/** A type comes with its rules; selectors, conditions and costs say what they need to. */
export const rateLimitIsComplete: CrossFieldRule<Limited> = ({ rateLimit }) => {
  if (rateLimit === undefined) return [];
  const { type, global, local } = rateLimit;
  const rules = [
    ...ruleViolations(global?.rules ?? [], ["rateLimit", "global", "rules"]),
    ...ruleViolations(local?.rules ?? [], ["rateLimit", "local", "rules"]),
  ];
  const field = type === "Local" ? "local" : "global";
  if ((type === "Local" ? local : global) !== undefined || type === undefined) return rules;
  return [{ path: ["rateLimit", field], reason: `is required with type ${type}` }, ...rules];
};

function ruleViolations(rules: readonly RateLimitRule[], at: FieldPath): Violation[] {
  return rules.flatMap(({ clientSelectors = [], cost }, index) => [
    ...clientSelectors.flatMap((selector, which) =>
      selectorViolations(selector, [...at, index, "clientSelectors", which]),
    ),
    ...costViolations(cost?.request, [...at, index, "cost", "request"]),
    ...costViolations(cost?.response, [...at, index, "cost", "response"]),
  ]);
}

/** What is wrong within a selector. */
export function selectorViolations(
  { headers = [], methods = [], path, sourceCIDR, queryParams = [] }: RateLimitSelector,
  at: FieldPath,
): Violation[] {
  const found: Violation[] = [];
  if (headers.length + methods.length + queryParams.length === 0 && (path ?? sourceCIDR) === undefined) {
    found.push({ path: at, reason: "needs at least one of headers, methods, path, sourceCIDR and queryParams" });
  }
  const named = [
    ...headers.map((match, index) => ({ ...match, field: [...at, "headers", index] })),
    ...queryParams.map((match, index) => ({ ...match, field: [...at, "queryParams", index] })),
  ];
  for (const { type, value, invert, field } of named) {
    if (type !== "Distinct") {
      if (value === undefined) found.push({ path: [...field, "value"], reason: `is required with type ${type}` });
    } else if (value !== undefined || invert) {
      const name = value === undefined ? "invert" : "value";
      found.push({ path: [...field, name], reason: "must not be given with type Distinct, which takes every value" });
    }
  }
  if (sourceCIDR !== undefined && !isCidr(sourceCIDR.value)) {
    found.push({ path: [...at, "sourceCIDR", "value"], reason: "must be a range such as 10.0.0.0/8 or 2001:db8::/32" });
  }
  return found;
}

function costViolations(cost: RateLimitCost | undefined, path: FieldPath): Violation[] {
  if (cost === undefined) return [];
  const [wanted, other] =
    cost.from === "Number" ? (["number", "metadata"] as const) : (["metadata", "number"] as const);
  if (cost[wanted] === undefined) return [{ path: [...path, wanted], reason: `is required with from: ${cost.from}` }];
  if (cost[other] === undefined) return [];
  return [{ path: [...path, other], reason: `must not be given with from: ${cost.from}` }];
}

/** Whether a text is a range of addresses. */
export function isCidr(text: string): boolean {
  const [address = "", bits = "", ...rest] = text.split("/");
  const version = isIP(address);
  return version !== 0 && rest.length === 0 && /^\d{1,3}$/.test(bits) && Number(bits) <= (version === 4 ? 32 : 128);
}
