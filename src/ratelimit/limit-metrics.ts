/** Metrics of the limits: what was decided, and how the store of the counters is. */
import { type FamilySnapshot, renderLabels } from "../telemetry/registry.ts";
import { isAlert, type LimitAlerts } from "./alerts.ts";
import type { EnvoyServiceStats } from "./envoy-service.ts";
import type { LimiterStats } from "./limiter.ts";
import type { KnownCounter } from "./remembered.ts";

/** All of them, also where nothing is limited. */
export function limitMetrics(stats: LimiterStats): readonly FamilySnapshot[] {
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

/** How far limits are used up, each by its counter that is used most. */
export function limitUseMetrics(
  known: readonly KnownCounter[],
  alerts: LimitAlerts["counts"],
): readonly FamilySnapshot[] {
  const ratios = new Map<string, number>();
  for (const { state } of known) {
    const { limit, used, amount } = state;
    if (isAlert(limit)) continue;
    const ratio = amount > 0 ? used / amount : 1;
    ratios.set(limit.id, Math.max(ratio, ratios.get(limit.id) ?? 0));
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

/** What Envoys have asked a rate limit service. */
export function rateLimitCallMetrics({ asked, charged, unknown }: EnvoyServiceStats): readonly FamilySnapshot[] {
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
