/** Prometheus text of the metrics of all processes together. */
import type { MetricsSnapshot } from "./metrics.ts";
import type { FamilySnapshot } from "./registry.ts";

/** Content type of {@link renderPrometheus}. */
export const PROMETHEUS_CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8";

interface MergedFamily {
  readonly head: FamilySnapshot;
  readonly series: Map<string, number[]>;
}

/**
 * Renders the text format, version 0.0.4, of all snapshots merged into one
 * (https://prometheus.io/docs/instrumenting/exposition_formats/#text-based-format).
 */
export function renderPrometheus(snapshots: readonly MetricsSnapshot[]): string {
  const lines: string[] = [];
  for (const { head, series } of merge(snapshots).values()) {
    if (series.size === 0) continue;
    lines.push(`# HELP ${head.name} ${head.help}`, `# TYPE ${head.name} ${head.type}`);
    for (const [labels, values] of series) {
      if (head.type === "histogram") pushHistogram(lines, head, labels, values);
      else lines.push(`${head.name}${braced(labels)} ${values[0]}`);
    }
  }
  lines.push("");
  return lines.join("\n");
}

function merge(snapshots: readonly MetricsSnapshot[]): Map<string, MergedFamily> {
  const merged = new Map<string, MergedFamily>();
  for (const family of snapshots.flat()) {
    let into = merged.get(family.name);
    if (into === undefined) {
      into = { head: family, series: new Map() };
      merged.set(family.name, into);
    }
    for (const { labels, values } of family.series) {
      const before = into.series.get(labels);
      into.series.set(labels, before === undefined ? [...values] : combine(before, values, family.merge));
    }
  }
  return merged;
}

function combine(left: readonly number[], right: readonly number[], how: FamilySnapshot["merge"]): number[] {
  return left.map((value, i) => {
    const other = right[i] ?? 0;
    if (how === "sum") return value + other;
    return how === "max" ? Math.max(value, other) : Math.min(value, other);
  });
}

function pushHistogram(lines: string[], head: FamilySnapshot, labels: string, values: readonly number[]): void {
  const { name, bounds } = head;
  const prefix = labels === "" ? "" : `${labels},`;
  let count = 0;
  for (const [i, bound] of bounds.entries()) {
    count += values[i] ?? 0;
    lines.push(`${name}_bucket{${prefix}le="${bound}"} ${count}`);
  }
  count += values[bounds.length] ?? 0;
  lines.push(`${name}_bucket{${prefix}le="+Inf"} ${count}`);
  lines.push(`${name}_sum${braced(labels)} ${values[bounds.length + 1] ?? 0}`);
  lines.push(`${name}_count${braced(labels)} ${count}`);
}

function braced(labels: string): string {
  return labels === "" ? "" : `{${labels}}`;
}
