/** What one process of a fleet does, whichever host it runs. */
import type { Plan } from "../../exchange/plan.ts";
import type { MetricsSnapshot } from "../../telemetry/metrics.ts";
import type { ServeOptions } from "./fleet.ts";

/** Serves in this process. */
export interface ServingProcess {
  /** Starts serving; resolves to the ports listened on, none for a Unix socket. */
  start(plan: Plan): Promise<readonly number[]>;
  /** Serves another plan for requests that begin from now on. */
  reload(plan: Plan): void;
  snapshot(): MetricsSnapshot;
  /** Finishes requests under way for at most `drainMs`, then ends. */
  stop(drainMs: number): Promise<void>;
}

/** Makes the process's host; only its own code is loaded. */
export async function openServing(options: ServeOptions): Promise<ServingProcess> {
  const { door } = options;
  if (door.kind === "http") {
    const { ServerProcess } = await import("./server-process.ts");
    return new ServerProcess(options, door);
  }
  const { ProcessorProcess } = await import("./processor-process.ts");
  return new ProcessorProcess(options, door);
}
