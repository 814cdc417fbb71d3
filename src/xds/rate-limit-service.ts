/** What the rate limit service has to know to count our descriptors (https://github.com/envoyproxy/ratelimit, Configuration). */
import { stringify } from "yaml";
import type { RuntimeConfig } from "../config/runtime-config.ts";
import type { RateLimitRule } from "../config/traffic-policy.ts";
import { type DescriptorEntry, ENTRY, entriesOf, RATE_LIMIT_DOMAIN, ruleValue } from "./rate-limit.ts";

interface Descriptor {
  readonly key: string;
  readonly value?: string;
  readonly shadow_mode?: true;
  readonly rate_limit?: { readonly unit: string; readonly requests_per_unit: number };
  readonly descriptors?: readonly Descriptor[];
}

/** The configuration of the rate limit service for all routes, one YAML document. */
export function rateLimitServiceConfig({ routes }: RuntimeConfig): string {
  // A route that is served under several hostnames is there several times, with the same counters.
  const byRule = new Map<string, Descriptor>();
  for (const { id, traffic } of routes) {
    if (traffic?.rateLimit === undefined) continue;
    const { policy, rules } = traffic.rateLimit;
    for (const [index, rule] of rules.entries()) {
      const value = ruleValue({ policy, route: id, index });
      byRule.set(value, descriptor([{ key: ENTRY.rule, value }, ...entriesOf(rule)], rule));
    }
  }
  return stringify({ domain: RATE_LIMIT_DOMAIN, descriptors: [...byRule.values()] }, { lineWidth: 0 });
}

/** The limit stands at the last of the entries that Envoy sends: the service compares whole descriptors. */
function descriptor([entry, ...rest]: readonly DescriptorEntry[], rule: RateLimitRule): Descriptor {
  const { key = "", value } = entry ?? {};
  const named = { key, ...(value !== undefined && { value }) };
  if (rest.length > 0) return { ...named, descriptors: [descriptor(rest, rule)] };
  return {
    ...named,
    ...(rule.shadowMode && { shadow_mode: true as const }),
    rate_limit: { unit: rule.unit.toLowerCase(), requests_per_unit: rule.requests },
  };
}
