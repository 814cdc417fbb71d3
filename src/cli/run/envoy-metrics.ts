/** Metrics of the Envoy that the supervisor runs; Envoy's own are on its admin page. */
import type { MetricsSnapshot } from "../../telemetry/metrics.ts";

/** What is known about it. */
export interface EnvoyFacts {
  readonly up: boolean;
  /** How often it ended and was started again. */
  readonly restarts: number;
  /** How often it refused a part of its configuration. */
  readonly refusals: number;
}

/** Renders the facts. */
export function envoyMetrics({ up, restarts, refusals }: EnvoyFacts): MetricsSnapshot {
  return [
    family("aigw_envoy_up", "Whether Envoy serves: 1 or 0.", "gauge", up ? 1 : 0),
    family("aigw_envoy_restarts_total", "Times Envoy ended and was started again.", "counter", restarts),
    family("aigw_envoy_refusals_total", "Parts of a configuration that Envoy refused.", "counter", refusals),
  ];
}

function family(name: string, help: string, type: "counter" | "gauge", value: number): MetricsSnapshot[number] {
  return { name, help, type, merge: "sum", bounds: [], series: [{ labels: "", values: [value] }] };
}
