/**
 * Descriptors: how Envoy's rate limit filter names the counters that a request takes, to whichever service counts them
 * (https://www.envoyproxy.io/docs/envoy/latest/api-v3/service/ratelimit/v3/rls.proto). The first entry is the id of the limit, the
 * second, where the limit tells requests apart, its counter as the gateway has found it.
 */
import type { Limit } from "../config/limits.ts";
import type { Demand } from "./admission.ts";
import { isShown, shownValue } from "./counter-key.ts";

/** Domain of all our limits. */
export const RATE_LIMIT_DOMAIN = "aigw";

/** Keys of the entries. */
export const ENTRY = { limit: "limit", client: "client" } as const;

/** Entry of a descriptor that stands beside those that are charged when an answer has ended; it names no counter. */
export const AT_END = { key: "at", value: "end" } as const;

/** Response header in which our service says why it refuses: an error code, the limit's id or `-`, and a sentence. */
export const REFUSAL_HEADER = "x-aigw-limit-refusal";
/** Response header in which it says how all limits of a refused request stood, for the log. */
export const STATES_HEADER = "x-aigw-limit-states";

/** Counter of a limit that does not tell its callers apart. */
const EVERYONE = "all";

/** Whether Envoy's filter can count a limit: it and its service know of nothing but rules of a BackendTrafficPolicy. */
export function isCountedByEnvoy({ kind, counted }: Limit): boolean {
  return kind === "BackendTrafficPolicy" && counted === "shared";
}

/** Whether a limit is for some requests only or tells them apart; if not, it has one counter and needs no second entry. */
export function isKeyed({ conditions, per }: Limit): boolean {
  return conditions.length > 0 || per.length > 0;
}

/** What a request takes of a limit's counter when it comes. */
export function hitsAtRequest({ amount, requestCost }: Limit): number {
  // Envoy's service refuses what is over the limit: asked about a limit of 0 without a hit, it would let everything through.
  return amount === 0 ? 1 : requestCost;
}

/** The second entry for the values of a limit's `per`. */
export function clientOf({ per }: Limit, values: readonly string[]): string {
  return values.length === 0 ? EVERYONE : values.map((value, i) => shownValue(per[i], value)).join(",");
}

/** The demand of a descriptor, of which only the hits are not in it; undefined = it is not one of this limit. */
export function demandOf(limit: Limit, client: string | undefined): Demand | undefined {
  const values = valuesOf(limit, client);
  return values && { limit, values, areShown: true, answerEstimate: 0, assumed: 0 };
}

function valuesOf(limit: Limit, client: string | undefined): readonly string[] | undefined {
  const { per } = limit;
  if (!isKeyed(limit)) return client === undefined ? [] : undefined;
  if (per.length === 0) return client === EVERYONE ? [] : undefined;
  const values = client?.split(",") ?? [];
  return values.length === per.length && values.every((value, i) => isShown(per[i], value)) ? values : undefined;
}
