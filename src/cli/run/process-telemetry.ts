/** Metrics, logs, credentials and limits of one serving process, whichever host it runs. */
import { randomUUID } from "node:crypto";
import { openSync } from "node:fs";
import { credentialMetrics } from "../../backend-auth/credential-health.ts";
import { CredentialStore } from "../../backend-auth/credential-store.ts";
import { CallerAuthenticator } from "../../caller-auth/authenticate.ts";
import { fetchKeySet } from "../../caller-auth/fetch-key-set.ts";
import type { ExchangeContext } from "../../exchange/exchange.ts";
import type { Plan } from "../../exchange/plan.ts";
import type { Demand } from "../../ratelimit/admission.ts";
import { LimitAlerts } from "../../ratelimit/alerts.ts";
import { limitMetrics, limitUseMetrics } from "../../ratelimit/limit-metrics.ts";
import type { Limiter } from "../../ratelimit/limiter.ts";
import { AccessLog } from "../../telemetry/access-log.ts";
import { BatchedSink } from "../../telemetry/batched-sink.ts";
import { LineWriter } from "../../telemetry/line-writer.ts";
import { Metrics } from "../../telemetry/metrics.ts";
import { monotonicMs } from "../../wire/monotonic-clock.ts";
import type { LimitReport, ProcessSnapshot, TelemetryOptions } from "./fleet.ts";
import { openLog } from "./open-log.ts";

const STDOUT = 1;
/** How many counters a scrape looks at. */
const COUNTERS_MAX = 10_000;

/** Opens what the options ask for. */
export class ProcessTelemetry {
  /** What the exchanges of this process need of the world. */
  readonly context: ExchangeContext;
  readonly #metrics: Metrics;
  readonly #lines: LineWriter | undefined;
  readonly #settled: BatchedSink;
  readonly #credentials: CredentialStore;
  readonly #callers: CallerAuthenticator;
  readonly #limiter: Limiter;
  readonly #alerts: LimitAlerts;

  /**
   * @param requestsInFlight Asked at every scrape.
   * @param limitsInEnvoy Whether Envoy's own filter counts those limits that it can count.
   */
  constructor(options: TelemetryOptions, limiter: Limiter, requestsInFlight: () => number, limitsInEnvoy = false) {
    this.#limiter = limiter;
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
    this.#credentials = new CredentialStore({ nowMs: Date.now, random: Math.random, env: process.env, log });
    this.#alerts = new LimitAlerts({ limiter, nowMs: Date.now, log });
    this.#callers = new CallerAuthenticator({ wallMs: Date.now, fetchKeySet, log });
    this.context = {
      credentials: this.#credentials,
      callers: this.#callers,
      limiter,
      alerts: this.#alerts,
      limitsInEnvoy,
      sink: this.#settled,
      log,
      nowMs: monotonicMs,
      wallMs: () => Date.now(),
      random: Math.random,
      newId: randomUUID,
    };
  }

  /** Takes the labels and the credentials of a configuration that comes into force. */
  configure({ config, auths, tokenAuths }: Plan): void {
    this.#metrics.configure(config);
    this.#credentials.retain(auths);
    this.#callers.retain(tokenAuths);
  }

  snapshot(): ProcessSnapshot {
    this.#settled.drain();
    const credentials = credentialMetrics(this.#credentials.all, Date.now());
    const known = this.#limiter.known(COUNTERS_MAX);
    const limits = [...limitMetrics(this.#limiter.stats), ...limitUseMetrics(known, this.#alerts.counts)];
    return {
      metrics: [...this.#metrics.snapshot(), ...credentials, ...limits],
      credentials: this.#credentials.health(),
    };
  }

  /** What is known of limits, and of the counters of some demands. */
  async limits(demands: readonly Demand[]): Promise<LimitReport> {
    return { readings: await this.#limiter.read(demands), known: this.#limiter.known(COUNTERS_MAX) };
  }

  /** Writes out what is left when the last request has ended. */
  async flush(): Promise<void> {
    this.#credentials.close();
    this.#settled.drain();
    await this.#limiter.close();
    await this.#lines?.flush();
  }
}

function openAccessLog(where: string): LineWriter | undefined {
  if (where === "none") return undefined;
  return new LineWriter(where === "-" ? STDOUT : openSync(where, "a"));
}
