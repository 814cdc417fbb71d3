/** One serving process: the embedded host with its metrics and logs. */
import type { Plan } from "../../exchange/plan.ts";
import { EmbeddedHost } from "../../gateway/host.ts";
import type { Demand } from "../../ratelimit/admission.ts";
import type { Limiter } from "../../ratelimit/limiter.ts";
import type { HttpDoor, LimitReport, ProcessSnapshot, TelemetryOptions } from "./fleet.ts";
import { ProcessTelemetry } from "./process-telemetry.ts";
import type { ServingProcess } from "./serving-process.ts";

/** Serves HTTP in this process. */
export class ServerProcess implements ServingProcess {
  readonly #door: HttpDoor;
  readonly #telemetry: ProcessTelemetry;
  #host: EmbeddedHost | undefined;

  constructor(options: TelemetryOptions, door: HttpDoor, limiter: Limiter) {
    this.#door = door;
    this.#telemetry = new ProcessTelemetry(options, limiter, () => this.#host?.inFlight ?? 0);
  }

  async start(plan: Plan): Promise<readonly number[]> {
    this.#host = new EmbeddedHost(this.#telemetry.context, plan);
    this.#telemetry.configure(plan);
    return await this.#host.start(this.#door.address, this.#door.port);
  }

  reload(plan: Plan): void {
    this.#telemetry.configure(plan);
    this.#host?.reload(plan);
  }

  snapshot(): ProcessSnapshot {
    return this.#telemetry.snapshot();
  }

  limits(demands: readonly Demand[]): Promise<LimitReport> {
    return this.#telemetry.limits(demands);
  }

  async stop(drainMs: number): Promise<void> {
    await this.#host?.stop(drainMs);
    await this.#telemetry.flush();
  }
}
