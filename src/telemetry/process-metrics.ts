/** What the process itself costs: memory, CPU, and how late its event loop is. */
import { monitorEventLoopDelay } from "node:perf_hooks";
import type { FamilySnapshot } from "./registry.ts";

/** How often the loop is looked at, in milliseconds; seldom, because every look wakes an idle process. */
const RESOLUTION_MS = 50;

/** Reads the process's own figures. The loop is watched from the first snapshot on. */
export class ProcessMetrics {
  #delay: ReturnType<typeof monitorEventLoopDelay> | undefined;

  snapshot(): FamilySnapshot[] {
    const { user, system } = process.cpuUsage();
    return [
      gauge("aigw_processes", "Serving processes.", "sum", 1),
      gauge(
        "process_resident_memory_bytes",
        "Resident memory of all serving processes together.",
        "sum",
        process.memoryUsage.rss(),
      ),
      {
        ...gauge(
          "process_cpu_seconds_total",
          "CPU time of all serving processes together.",
          "sum",
          (user + system) / 1e6,
        ),
        type: "counter",
      },
      gauge(
        "aigw_event_loop_delay_max_seconds",
        "Longest delay of an event loop since the last scrape, worst process.",
        "max",
        this.#delaySeconds(),
      ),
    ];
  }

  #delaySeconds(): number {
    if (this.#delay === undefined) {
      this.#delay = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
      this.#delay.enable();
      return 0;
    }
    // A look that is on time is recorded as the resolution.
    const seconds = this.#delay.count === 0 ? 0 : Math.max(0, this.#delay.max / 1e9 - RESOLUTION_MS / 1000);
    this.#delay.reset();
    return seconds;
  }
}

function gauge(name: string, help: string, merge: "sum" | "max", value: number): FamilySnapshot {
  return { name, help, type: "gauge", merge, bounds: [], series: [{ labels: "", values: [value] }] };
}
