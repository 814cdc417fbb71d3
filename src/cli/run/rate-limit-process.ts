/** One serving process: the rate limit service with its metrics and log. */
import type { Plan } from "../../exchange/plan.ts";
import { healthMethods } from "../../grpc/health.ts";
import { createGrpcServer, type GrpcServer } from "../../grpc/server.ts";
import type { Demand } from "../../ratelimit/admission.ts";
import { EnvoyService } from "../../ratelimit/envoy-service.ts";
import { limitMetrics, limitUseMetrics, rateLimitCallMetrics } from "../../ratelimit/limit-metrics.ts";
import type { Limiter } from "../../ratelimit/limiter.ts";
import { ProcessMetrics } from "../../telemetry/process-metrics.ts";
import type { LimitReport, ProcessSnapshot, RateLimitDoor, TelemetryOptions } from "./fleet.ts";
import { openLog } from "./open-log.ts";
import type { ServingProcess } from "./serving-process.ts";
import { readTls, watchTls } from "./tls-files.ts";

/** A call names a handful of counters. */
const MESSAGE_BYTES_MAX = 256 * 1024;
/** How many counters are told. */
const COUNTERS_MAX = 10_000;

/** Answers Envoy's rate limit filters in this process. */
export class RateLimitProcess implements ServingProcess {
  readonly #options: TelemetryOptions;
  readonly #door: RateLimitDoor;
  readonly #limiter: Limiter;
  readonly #service: EnvoyService;
  readonly #process = new ProcessMetrics();
  #server: GrpcServer | undefined;
  #stopping = false;
  #unwatch: () => void = () => undefined;

  constructor(options: TelemetryOptions, door: RateLimitDoor, limiter: Limiter) {
    this.#options = options;
    this.#door = door;
    this.#limiter = limiter;
    this.#service = new EnvoyService(limiter, Date.now);
  }

  async start(plan: Plan): Promise<readonly number[]> {
    const { listen, tls } = this.#door;
    const log = openLog(this.#options);
    this.reload(plan);
    const methods = new Map([...this.#service.methods, ...healthMethods(() => !this.#stopping)]);
    const onError = (error: unknown) => log.error("a call of Envoy's failed", { error });
    const inForce = tls && readTls(tls);
    const server = createGrpcServer(methods, { tls: inForce, messageBytesMax: MESSAGE_BYTES_MAX, onError });
    this.#server = server;
    const port = await server.listen(listen);
    if (tls && inForce) this.#unwatch = watchTls(tls, inForce, server, log);
    return port === 0 ? [] : [port];
  }

  reload({ config }: Plan): void {
    this.#service.configure(config.limits);
  }

  snapshot(): ProcessSnapshot {
    const metrics = [
      ...this.#process.snapshot(),
      ...limitMetrics(this.#limiter.stats),
      ...limitUseMetrics(this.#limiter.known(COUNTERS_MAX), []),
      ...rateLimitCallMetrics(this.#service.stats),
    ];
    return { metrics, credentials: [] };
  }

  async limits(demands: readonly Demand[]): Promise<LimitReport> {
    return { readings: await this.#limiter.read(demands), known: this.#limiter.known(COUNTERS_MAX) };
  }

  async stop(drainMs: number): Promise<void> {
    this.#stopping = true;
    this.#unwatch();
    await this.#server?.close(drainMs);
    await this.#limiter.close();
  }
}
