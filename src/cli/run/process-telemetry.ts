/** Metrics and logs of one serving process, whichever host it runs. */
import { randomUUID } from "node:crypto";
import { openSync } from "node:fs";
import type { RuntimeConfig } from "../../config/runtime-config.ts";
import type { ExchangeContext } from "../../exchange/exchange.ts";
import { AccessLog } from "../../telemetry/access-log.ts";
import { BatchedSink } from "../../telemetry/batched-sink.ts";
import { LineWriter } from "../../telemetry/line-writer.ts";
import { Metrics, type MetricsSnapshot } from "../../telemetry/metrics.ts";
import type { TelemetryOptions } from "./fleet.ts";
import { openLog } from "./open-log.ts";

const STDOUT = 1;

/** Opens what the options ask for. */
export class ProcessTelemetry {
  /** What the exchanges of this process need of the world. */
  readonly context: ExchangeContext;
  readonly #metrics: Metrics;
  readonly #lines: LineWriter | undefined;
  readonly #settled: BatchedSink;

  /** @param requestsInFlight Asked at every scrape. */
  constructor(options: TelemetryOptions, requestsInFlight: () => number) {
    const log = openLog(options);
    this.#lines = openAccessLog(options.accessLog);
    this.#metrics = new Metrics({
      requestsInFlight,
      accessLogLinesDropped: () => this.#lines?.dropped ?? 0,
    });
    const metrics = options.metrics ? [this.#metrics] : [];
    const sinks = this.#lines === undefined ? metrics : [...metrics, new AccessLog(this.#lines)];
    this.#settled = new BatchedSink(sinks, ({ requestId }, error) =>
      log.warn("cost not computed", { requestId, error }),
    );
    this.context = {
      sink: this.#settled,
      log,
      nowMs: () => performance.now(),
      wallMs: () => Date.now(),
      random: Math.random,
      newId: randomUUID,
    };
  }

  /** Takes the labels of a configuration that comes into force. */
  configure(config: RuntimeConfig): void {
    this.#metrics.configure(config);
  }

  snapshot(): MetricsSnapshot {
    this.#settled.drain();
    return this.#metrics.snapshot();
  }

  /** Writes out what is left when the last request has ended. */
  async flush(): Promise<void> {
    this.#settled.drain();
    await this.#lines?.flush();
  }
}

function openAccessLog(where: string): LineWriter | undefined {
  if (where === "none") return undefined;
  return new LineWriter(where === "-" ? STDOUT : openSync(where, "a"));
}
