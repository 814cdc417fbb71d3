/** What one process of a fleet does, whichever host it runs. */
import type { Plan } from "../../exchange/plan.ts";
import type { Demand } from "../../ratelimit/admission.ts";
import { openLimiter } from "../../ratelimit/open-limiter.ts";
import type { CounterStore } from "../../ratelimit/store.ts";
import type { LimitReport, ProcessSnapshot, ServeOptions } from "./fleet.ts";
import { openLog } from "./open-log.ts";

/** Serves in this process. */
export interface ServingProcess {
  /** Starts serving; resolves to the ports listened on, none for a Unix socket. */
  start(plan: Plan): Promise<readonly number[]>;
  /** Serves another plan for requests that begin from now on. */
  reload(plan: Plan): void;
  snapshot(): ProcessSnapshot;
  /** What it knows of limits, and of the counters of some demands. */
  limits(demands: readonly Demand[]): Promise<LimitReport>;
  /** Finishes requests under way for at most `drainMs`, then ends. */
  stop(drainMs: number): Promise<void>;
}

/**
 * Makes the process's host; only its own code is loaded.
 *
 * @param counters Where the gateway, this process or all its workers, counts for itself.
 */
export async function openServing(options: ServeOptions, counters: CounterStore): Promise<ServingProcess> {
  const { door } = options;
  const limiter = await openLimiter(options.limits, counters, openLog(options));
  if (door.kind === "http") {
    const { ServerProcess } = await import("./server-process.ts");
    return new ServerProcess(options, door, limiter);
  }
  if (door.kind === "rate-limit") {
    const { RateLimitProcess } = await import("./rate-limit-process.ts");
    return new RateLimitProcess(options, door, limiter);
  }
  const { ProcessorProcess } = await import("./processor-process.ts");
  return new ProcessorProcess(options, door, limiter);
}
