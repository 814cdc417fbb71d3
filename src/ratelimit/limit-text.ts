/** What callers and logs are told about limits. */
import type { CalendarUnit, Limit, LimitAttribute, LimitWindow } from "../config/limits.ts";
import type { HeaderMap } from "../wire/headers.ts";
import type { Demand, LimitState } from "./admission.ts";
import { shownValues } from "./counter-key.ts";

/** What callers are told while the store is away, and in how many seconds they may ask again. */
export const UNAVAILABLE_MESSAGE = "limits cannot be checked at the moment";
export const RETRY_UNAVAILABLE_S = "1";

const NANO = 1e9;
const DOLLAR_DIGITS = 6;
const SECOND_MS = 1000;
const DAY_S = 86_400;

/** How long the units of a calendar are about. */
const CALENDAR_S: Readonly<Record<CalendarUnit, number>> = {
  hour: 3600,
  day: DAY_S,
  week: 7 * DAY_S,
  month: 30 * DAY_S,
  quarter: 91 * DAY_S,
  year: 365 * DAY_S,
};

const UNITS: Readonly<Record<Limit["unit"], string>> = {
  requests: "requests",
  tokens: "tokens",
  cost: "units of cost",
  nanodollars: "dollars",
};

const MICRO = 1_000_000;
/** Dollars are shown to the cent at least. */
const CENT_DIGITS = 2;

/** An amount as people read it: dollars instead of billionths of them. */
export function shownAmount({ unit }: Pick<Limit, "unit">, amount: number): string {
  if (unit !== "nanodollars") return String(amount);
  const micros = Math.round((amount / NANO) * MICRO);
  const dollars = Math.floor(micros / MICRO);
  let fraction = String(micros - dollars * MICRO).padStart(DOLLAR_DIGITS, "0");
  while (fraction.length > CENT_DIGITS && fraction.endsWith("0")) fraction = fraction.slice(0, -1);
  return `${dollars}.${fraction}`;
}

/** The part that is left, from 0 to 1, of the limit that {@link limitHeaders} tell of; infinite = they are not there. */
export function shareTold(headers: Pick<HeaderMap, "get">): number {
  const [amount, remaining] = ["limit", "remaining"].map((name) => {
    return Number.parseFloat(headers.get(`x-ratelimit-${name}`) ?? "");
  });
  if (amount === undefined || remaining === undefined || Number.isNaN(amount + remaining))
    return Number.POSITIVE_INFINITY;
  return amount > 0 ? remaining / amount : 0;
}

/**
 * Response headers about a limit, alternating names and values, as Envoy's filter writes them
 * (https://www.envoyproxy.io/docs/envoy/latest/api-v3/extensions/filters/http/ratelimit/v3/rate_limit.proto, DRAFT_VERSION_03).
 *
 * @param nowMs Unix milliseconds.
 */
export function limitHeaders({ limit, amount, remaining, resetAtMs }: LimitState, nowMs: number): string[] {
  const whole = shownLimit(limit, amount);
  const left = shownAmount(limit, remaining);
  if (!Number.isFinite(resetAtMs)) return ["x-ratelimit-limit", whole, "x-ratelimit-remaining", left];
  const seconds = String(secondsUntil(resetAtMs, nowMs));
  return ["x-ratelimit-limit", whole, "x-ratelimit-remaining", left, "x-ratelimit-reset", seconds];
}

/** The texts that were made last: nearly every request of a limit has the same. */
const shownLimits = new WeakMap<Limit, { readonly amount: number; readonly text: string }>();

function shownLimit(limit: Limit, amount: number): string {
  const known = shownLimits.get(limit);
  if (known?.amount === amount) return known.text;
  const shown = shownAmount(limit, amount);
  const seconds = windowSeconds(limit.window);
  const text = seconds === undefined ? shown : `${shown}, ${shown};w=${seconds}`;
  shownLimits.set(limit, { amount, text });
  return text;
}

/** Whole seconds, at least 1. */
export function secondsUntil(atMs: number, nowMs: number): number {
  return Math.max(1, Math.ceil((atMs - nowMs) / SECOND_MS));
}

function windowSeconds(window: LimitWindow): number | undefined {
  switch (window.type) {
    case "fixed":
    case "rolling":
      return Math.ceil(window.durationMs / SECOND_MS);
    case "calendar":
      return CALENDAR_S[window.unit];
    case "never":
      return undefined;
  }
}

/** Why a request is refused, for its caller. */
export function refusalMessage({ limit, amount, used, resetAtMs }: LimitState, demand: Demand): string {
  const need = Math.max(1, limit.requestCost + (limit.admission === "check" ? 0 : demand.answerEstimate));
  const { unit } = limit;
  const spent = `${shownAmount(limit, used)} of ${shownAmount(limit, amount)} ${UNITS[unit]} are used`;
  const wanted = used < amount ? `, and this request may need ${shownAmount(limit, need)}` : "";
  const reset = Number.isFinite(resetAtMs) ? `it resets at ${isoSeconds(resetAtMs)}` : "it does not reset";
  return `limit reached: ${limit.name}${shownScope(demand)}: ${spent}${wanted}; ${reset}`;
}

/** Whose counter it is: ` (header x-tenant: acme)`, or nothing. What is secret is not shown. */
function shownScope(demand: Pick<Demand, "limit" | "values" | "areShown">): string {
  const shown = shownValues(demand);
  if (shown.length === 0) return "";
  return ` (${demand.limit.per.map((attribute, i) => `${attributeName(attribute)}: ${shown[i]}`).join(", ")})`;
}

/** An attribute as people call it: `header x-tenant`, `model`, `team`. */
export function attributeName(attribute: LimitAttribute): string {
  if (attribute.from === "caller") return attribute.name;
  return "name" in attribute ? `${attribute.from} ${attribute.name}` : attribute.from;
}

/** How the limits of a request stand, for a log. */
export function shownStates(states: readonly LimitState[]): string {
  return states
    .map(({ limit, used, amount }) => `${limit.id} ${shownAmount(limit, used)}/${shownAmount(limit, amount)}`)
    .join(", ");
}

function isoSeconds(unixMs: number): string {
  return new Date(unixMs).toISOString().replace(/\.\d+Z$/, "Z");
}
