/** Metrics that exist once, however many processes serve: the build and the configuration. */
import type { MetricsSnapshot } from "./metrics.ts";
import { type FamilySnapshot, renderLabels } from "./registry.ts";

/** Counted where the configuration is read; plain fields, set by their owner. */
export class SupervisorMetrics {
  /** Reloads that came into force, the first load not counted. */
  reloadsOk = 0;
  /** Changes that were refused because of faults. */
  reloadsRefused = 0;
  /** Version of the configuration in force. */
  configVersion = "";
  readonly #build: string;

  /** @param version Version of this program. */
  constructor(version: string) {
    this.#build = renderLabels({ version, node: process.versions.node });
  }

  snapshot(): MetricsSnapshot {
    return [
      family("aigw_build_info", "Version of this program; always 1.", "gauge", [[this.#build, 1]]),
      family("aigw_config_info", "Version of the configuration in force; always 1.", "gauge", [
        [renderLabels({ version: this.configVersion }), 1],
      ]),
      family("aigw_config_reloads_total", "Changes of the configuration by what became of them.", "counter", [
        [renderLabels({ result: "ok" }), this.reloadsOk],
        [renderLabels({ result: "refused" }), this.reloadsRefused],
      ]),
    ];
  }
}

function family(
  name: string,
  help: string,
  type: "counter" | "gauge",
  series: readonly (readonly [string, number])[],
): FamilySnapshot {
  const rows = series.map(([labels, value]) => ({ labels, values: [value] }));
  return { name, help, type, merge: "sum", bounds: [], series: rows };
}
