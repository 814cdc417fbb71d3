/** One serving process: the embedded host with its metrics and logs. */
import { randomUUID } from "node:crypto";
import { openSync } from "node:fs";
import type { Plan } from "../../exchange/plan.ts";
import { EmbeddedHost } from "../../gateway/host.ts";
import { AccessLog } from "../../telemetry/access-log.ts";
import { BatchedSink } from "../../telemetry/batched-sink.ts";
import { LineWriter } from "../../telemetry/line-writer.ts";
import type { Logger } from "../../telemetry/logger.ts";
import { Metrics, type MetricsSnapshot } from "../../telemetry/metrics.ts";
import type { ServeOptions } from "./fleet.ts";
import { openLog } from "./open-log.ts";

const STDOUT = 1;

/** Serves in this process. */
export class ServerProcess {
  readonly log: Logger;
  readonly #options: ServeOptions;
  readonly #metrics: Metrics;
  readonly #lines: LineWriter | undefined;
  readonly #settled: BatchedSink;
  #host: EmbeddedHost | undefined;

  constructor(options: ServeOptions) {
    this.#options = options;
    this.log = openLog(options);
    this.#lines = openAccessLog(options.accessLog);
    this.#metrics = new Metrics({
      requestsInFlight: () => this.#host?.inFlight ?? 0,
      accessLogLinesDropped: () => this.#lines?.dropped ?? 0,
    });
    const metrics = options.metrics ? [this.#metrics] : [];
    const sinks = this.#lines === undefined ? metrics : [...metrics, new AccessLog(this.#lines)];
    this.#settled = new BatchedSink(sinks, ({ requestId }, error) =>
      this.log.warn("cost not computed", { requestId, error }),
    );
  }

  async start(plan: Plan): Promise<number[]> {
    const { host, port } = this.#options;
    this.#host = new EmbeddedHost(
      {
        sink: this.#settled,
        log: this.log,
        nowMs: () => performance.now(),
        wallMs: () => Date.now(),
        random: Math.random,
        newId: randomUUID,
      },
      plan,
    );
    this.#metrics.configure(plan.config);
    return await this.#host.start(host, port);
  }

  reload(plan: Plan): void {
    this.#metrics.configure(plan.config);
    this.#host?.reload(plan);
  }

  snapshot(): MetricsSnapshot {
    this.#settled.drain();
    return this.#metrics.snapshot();
  }

  async stop(drainMs: number): Promise<void> {
    await this.#host?.stop(drainMs);
    this.#settled.drain();
    await this.#lines?.flush();
  }
}

function openAccessLog(where: string): LineWriter | undefined {
  if (where === "none") return undefined;
  return new LineWriter(where === "-" ? STDOUT : openSync(where, "a"));
}
