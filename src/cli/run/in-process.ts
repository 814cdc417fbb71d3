/** A fleet of one: this process serves itself. */
import type { Demand } from "../../ratelimit/admission.ts";
import { MemoryStore } from "../../ratelimit/memory-store.ts";
import type { Fleet, LimitReport, ProcessSnapshot, ServeOptions } from "./fleet.ts";
import type { Served } from "./served.ts";
import { openServing, type ServingProcess } from "./serving-process.ts";

/** Serves in the process that also watches the configuration and answers the admin port. */
export class InProcessFleet implements Fleet {
  readonly #options: ServeOptions;
  #serving: ServingProcess | undefined;

  constructor(options: ServeOptions) {
    this.#options = options;
  }

  async start(served: Served): Promise<readonly number[]> {
    this.#serving = await openServing(this.#options, new MemoryStore({ nowMs: Date.now }));
    return await this.#serving.start(served.plan);
  }

  async reload(served: Served): Promise<undefined> {
    this.#serving?.reload(served.plan);
  }

  isReady(): boolean {
    return true;
  }

  async snapshots(): Promise<readonly ProcessSnapshot[]> {
    return this.#serving === undefined ? [] : [this.#serving.snapshot()];
  }

  async limits(demands: readonly Demand[]): Promise<readonly LimitReport[]> {
    return this.#serving === undefined ? [] : [await this.#serving.limits(demands)];
  }

  async stop(drainMs: number): Promise<void> {
    await this.#serving?.stop(drainMs);
  }
}
