/** One serving process: the embedded host with its metrics and logs. */
import type { Plan } from "../../exchange/plan.ts";
import { EmbeddedHost } from "../../gateway/host.ts";
import type { MetricsSnapshot } from "../../telemetry/metrics.ts";
import type { HttpDoor, TelemetryOptions } from "./fleet.ts";
import { ProcessTelemetry } from "./process-telemetry.ts";
import type { ServingProcess } from "./serving-process.ts";

/** Serves HTTP in this process. */
export class ServerProcess implements ServingProcess {
  readonly #door: HttpDoor;
  readonly #telemetry: ProcessTelemetry;
  #host: EmbeddedHost | undefined;

  constructor(options: TelemetryOptions, door: HttpDoor) {
    this.#door = door;
    this.#telemetry = new ProcessTelemetry(options, () => this.#host?.inFlight ?? 0);
  }

  async start(plan: Plan): Promise<readonly number[]> {
    this.#host = new EmbeddedHost(this.#telemetry.context, plan);
    this.#telemetry.configure(plan.config);
    return await this.#host.start(this.#door.address, this.#door.port);
  }

  reload(plan: Plan): void {
    this.#telemetry.configure(plan.config);
    this.#host?.reload(plan);
  }

  snapshot(): MetricsSnapshot {
    return this.#telemetry.snapshot();
  }

  async stop(drainMs: number): Promise<void> {
    await this.#host?.stop(drainMs);
    await this.#telemetry.flush();
  }
}
