/** Metrics of the limits: what was decided, and how the store of the counters is. */
import { type FamilySnapshot, renderLabels } from "./registry.ts";

/** What a limiter says of itself. */
export interface LimitStats {
  readonly admitted: number;
  readonly refused: number;
  readonly unavailable: number;
  readonly bypassed: number;
  readonly waited: number;
  readonly spentDropped: number;
  readonly leasesAsked: number;
  readonly storeErrors: number;
  readonly storeUp: boolean;
  readonly counters: number;
}

/** All of them, also where nothing is limited. */
export function limitMetrics(stats: LimitStats): readonly FamilySnapshot[] {
  const decisions = (["admitted", "refused", "unavailable"] as const).map((decision) => {
    return { labels: renderLabels({ decision }), values: [stats[decision]] };
  });
  return [
    {
      ...counter("aigw_limit_decisions_total", "Requests with limits by what was decided about them.", 0),
      series: decisions,
    },
    counter("aigw_limit_bypassed_total", "Requests admitted while the store of the limits was away.", stats.bypassed),
    counter("aigw_limit_waits_total", "Decisions that had to wait for the store.", stats.waited),
    counter("aigw_limit_store_requests_total", "What the store was asked, one per counter.", stats.leasesAsked),
    counter("aigw_limit_store_errors_total", "Calls of the store that failed.", stats.storeErrors),
    counter(
      "aigw_limit_spent_dropped_total",
      "What was spent and could not be told the store, in the units of the limits.",
      stats.spentDropped,
    ),
    gauge(
      "aigw_limit_store_up",
      "Serving processes whose store answers, as far as they know; aigw_processes is all.",
      stats.storeUp ? 1 : 0,
    ),
    gauge("aigw_limit_counters", "Counters that processes have in memory.", stats.counters),
  ];
}

/** A counter of a limit, as a process knows it. */
export interface LimitUse {
  readonly limit: string;
  readonly used: number;
  readonly amount: number;
}

/** How far limits are used up, each by its counter that is used most. */
export function limitUseMetrics(
  counters: readonly LimitUse[],
  alerts: readonly { readonly limit: string; readonly threshold: number; readonly count: number }[],
): readonly FamilySnapshot[] {
  const ratios = new Map<string, number>();
  for (const { limit, used, amount } of counters) {
    const ratio = amount > 0 ? used / amount : 1;
    ratios.set(limit, Math.max(ratio, ratios.get(limit) ?? 0));
  }
  return [
    {
      ...gauge("aigw_limit_used_ratio", "Used part of a limit, by its counter that is used most.", 0),
      merge: "max",
      series: [...ratios].map(([limit, ratio]) => ({ labels: renderLabels({ limit }), values: [ratio] })),
    },
    {
      ...counter("aigw_limit_alerts_total", "Counters that came to a percentage of their limit.", 0),
      series: alerts.map(({ limit, threshold, count }) => {
        return { labels: renderLabels({ limit, threshold: String(threshold) }), values: [count] };
      }),
    },
  ];
}

/** What a rate limit service says of itself. */
export interface RateLimitCalls {
  readonly asked: number;
  readonly charged: number;
  readonly unknown: number;
}

/** What Envoys have asked a rate limit service. */
export function rateLimitCallMetrics({ asked, charged, unknown }: RateLimitCalls): readonly FamilySnapshot[] {
  return [
    {
      ...counter("aigw_rate_limit_calls_total", "Calls of Envoys, about requests and about ends of answers.", 0),
      series: [
        { labels: renderLabels({ about: "request" }), values: [asked] },
        { labels: renderLabels({ about: "end" }), values: [charged] },
      ],
    },
    counter(
      "aigw_rate_limit_unknown_total",
      "Descriptors that limited nothing, because the configuration has no such limit.",
      unknown,
    ),
  ];
}

function counter(name: string, help: string, value: number): FamilySnapshot {
  return { name, help, type: "counter", merge: "sum", bounds: [], series: [{ labels: "", values: [value] }] };
}

function gauge(name: string, help: string, value: number): FamilySnapshot {
  return { ...counter(name, help, value), type: "gauge" };
}
