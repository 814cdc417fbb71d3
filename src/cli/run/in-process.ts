/** A fleet of one: this process serves itself. */
import type { MetricsSnapshot } from "../../telemetry/metrics.ts";
import type { Fleet, ServeOptions } from "./fleet.ts";
import type { Served } from "./served.ts";
import { ServerProcess } from "./server-process.ts";

/** Serves in the process that also watches the configuration and answers the admin port. */
export class InProcessFleet implements Fleet {
  readonly #server: ServerProcess;

  constructor(options: ServeOptions) {
    this.#server = new ServerProcess(options);
  }

  start(served: Served): Promise<readonly number[]> {
    return this.#server.start(served.plan);
  }

  async reload(served: Served): Promise<void> {
    this.#server.reload(served.plan);
  }

  async snapshots(): Promise<readonly MetricsSnapshot[]> {
    return [this.#server.snapshot()];
  }

  stop(drainMs: number): Promise<void> {
    return this.#server.stop(drainMs);
  }
}
