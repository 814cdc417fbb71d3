/** What Envoy's own rate limit service has to know to count our descriptors (https://github.com/envoyproxy/ratelimit, Configuration). */
import { stringify } from "yaml";
import type { Limit } from "../config/limits.ts";
import type { RuntimeConfig } from "../config/runtime-config.ts";
import { ENTRY, isCountedByEnvoy, isKeyed, RATE_LIMIT_DOMAIN } from "../ratelimit/descriptor.ts";

interface Descriptor {
  readonly key: string;
  readonly value?: string;
  readonly shadow_mode?: true;
  readonly rate_limit?: { readonly unit: string; readonly requests_per_unit: number };
  readonly descriptors?: readonly Descriptor[];
}

/** The service's words for lengths of time. */
const UNITS = new Map([
  [1000, "second"],
  [60_000, "minute"],
  [3_600_000, "hour"],
  [86_400_000, "day"],
  [30 * 86_400_000, "month"],
  [365 * 86_400_000, "year"],
]);

/** The configuration of the rate limit service, one YAML document. */
export function rateLimitServiceConfig({ limits }: RuntimeConfig): string {
  const descriptors = limits.filter(isCountedByEnvoy).map(descriptor);
  return stringify({ domain: RATE_LIMIT_DOMAIN, descriptors }, { lineWidth: 0 });
}

/** The limit stands at the last of the entries that Envoy sends: the service compares whole descriptors. */
function descriptor(limit: Limit): Descriptor {
  const { id, shadow, amount, window } = limit;
  const unit = (window.type === "fixed" && UNITS.get(window.durationMs)) || "second";
  const counted = {
    ...(shadow && { shadow_mode: true as const }),
    rate_limit: { unit, requests_per_unit: amount },
  };
  const named = { key: ENTRY.limit, value: id };
  return isKeyed(limit) ? { ...named, descriptors: [{ key: ENTRY.client, ...counted }] } : { ...named, ...counted };
}
