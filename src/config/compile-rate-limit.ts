/** Rate limits of a BackendTrafficPolicy that a rate limit service counts. */
import type { BackendTrafficPolicy } from "../resources/backend-traffic-policy.ts";
import { idOf } from "../resources/field-path.ts";
import type { RateLimitRule as WrittenRule, RateLimitSelector as WrittenSelector } from "../resources/rate-limit.ts";
import type { FieldPath } from "../resources/resource.ts";
import type { Compilation } from "./compilation.ts";
import { regexFault } from "./regex-fault.ts";
import type { RateLimit, RateLimitCost, RateLimitRule, RateLimitSelector } from "./traffic-policy.ts";

const REGULAR_EXPRESSION = "RegularExpression";
const ONE_PER_REQUEST: RateLimitCost = { from: "Number", number: 1 };

/** A policy's limits, undefined when it has none; a rule that cannot be applied as written is left out after a notice. */
export function compileRateLimit(policy: BackendTrafficPolicy, compilation: Compilation): RateLimit | undefined {
  const written = policy.spec.rateLimit?.global?.rules ?? [];
  const rules = written.flatMap((rule, index) => {
    const path = ["spec", "rateLimit", "global", "rules", index];
    for (const { at, fault } of expressionFaults(rule, path)) compilation.fault(policy, at, fault);
    const unapplied = whatIsNotApplied(rule);
    if (unapplied === undefined) return [compileRule(rule)];
    // Without the condition the limit would hit requests it is not for.
    compilation.notice(
      policy,
      [...path, ...unapplied],
      "is not applied by this gateway, so that the whole rule is not",
    );
    return [];
  });
  return rules.length === 0 ? undefined : { policy: idOf(policy), rules };
}

/** Way from the rule to the first thing in it that cannot be applied. */
function whatIsNotApplied({ shared, clientSelectors = [] }: WrittenRule): FieldPath | undefined {
  if (shared) return ["shared"];
  for (const [index, { queryParams, methods = [], path, sourceCIDR }] of clientSelectors.entries()) {
    const at = ["clientSelectors", index];
    if (queryParams !== undefined) return [...at, "queryParams"];
    const inverted = methods.findIndex(({ invert }) => invert);
    if (inverted !== -1) return [...at, "methods", inverted, "invert"];
    if (path?.invert === true) return [...at, "path", "invert"];
    if (sourceCIDR?.invert === true) return [...at, "sourceCIDR", "invert"];
  }
  return undefined;
}

interface Pattern {
  readonly type: string;
  readonly value: string | undefined;
  readonly at: FieldPath;
}

function expressionFaults({ clientSelectors = [] }: WrittenRule, path: FieldPath): { at: FieldPath; fault: string }[] {
  return clientSelectors.flatMap(({ headers = [], path: urlPath }, index) => {
    const at = [...path, "clientSelectors", index];
    const patterns: Pattern[] = headers.map(({ type, value }, header) => ({
      type,
      value,
      at: [...at, "headers", header, "value"],
    }));
    if (urlPath !== undefined) patterns.push({ ...urlPath, at: [...at, "path", "value"] });
    return patterns.flatMap((pattern) => {
      const why = pattern.type === REGULAR_EXPRESSION ? regexFault(pattern.value ?? "") : undefined;
      return why === undefined ? [] : [{ at: pattern.at, fault: `is no RE2 regular expression: ${why}` }];
    });
  });
}

function compileRule({ clientSelectors = [], limit, cost, shadowMode }: WrittenRule): RateLimitRule {
  return {
    selectors: clientSelectors.map(compileSelector),
    requests: limit.requests,
    unit: limit.unit,
    requestCost: compileCost(cost?.request) ?? ONE_PER_REQUEST,
    responseCost: compileCost(cost?.response),
    shadowMode,
  };
}

function compileSelector({ headers = [], methods = [], path, sourceCIDR }: WrittenSelector): RateLimitSelector {
  return {
    headers: headers.map(({ name, type, value, invert }) => ({ name: name.toLowerCase(), type, value, invert })),
    source: sourceCIDR && { type: sourceCIDR.type, cidr: sourceCIDR.value },
    methods: methods.map(({ value }) => value),
    path: path && { type: path.type, value: path.value },
  };
}

function compileCost(cost: NonNullable<WrittenRule["cost"]>["request"]): RateLimitCost | undefined {
  if (cost === undefined) return undefined;
  const { from, number = 0, metadata = { namespace: "", key: "" } } = cost;
  return from === "Number" ? { from, number } : { from, namespace: metadata.namespace, key: metadata.key };
}
