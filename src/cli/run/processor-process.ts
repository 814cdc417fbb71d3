/** One serving process: Envoy's external processor with its metrics and logs. */
import type { Plan } from "../../exchange/plan.ts";
import { ExtProcHost } from "../../extproc/host.ts";
import type { GrpcMethods } from "../../grpc/grpc.ts";
import { healthMethods } from "../../grpc/health.ts";
import { createGrpcServer, type GrpcServer } from "../../grpc/server.ts";
import type { Demand } from "../../ratelimit/admission.ts";
import type { Limiter } from "../../ratelimit/limiter.ts";
import type { LimitReport, ProcessorDoor, ProcessSnapshot, TelemetryOptions } from "./fleet.ts";
import { ProcessTelemetry } from "./process-telemetry.ts";
import type { ServingProcess } from "./serving-process.ts";
import { readTls, watchTls } from "./tls-files.ts";

/** Serves Envoy's questions in this process. */
export class ProcessorProcess implements ServingProcess {
  readonly #door: ProcessorDoor;
  readonly #telemetry: ProcessTelemetry;
  #host: ExtProcHost | undefined;
  #servers: readonly GrpcServer[] = [];
  #stopping = false;
  #unwatch: () => void = () => undefined;

  constructor(options: TelemetryOptions, door: ProcessorDoor, limiter: Limiter) {
    this.#door = door;
    this.#telemetry = new ProcessTelemetry(options, limiter, () => this.#host?.inFlight ?? 0, door.limitsInEnvoy);
  }

  async start(plan: Plan): Promise<readonly number[]> {
    const { context } = this.#telemetry;
    const { listen, tls, peers } = this.#door;
    const host = new ExtProcHost(context, plan, { self: peers.self, socketOf: (process) => peers.sockets[process] });
    this.#telemetry.configure(plan);
    const methods: GrpcMethods = new Map([...host.methods, ...healthMethods(() => !this.#stopping)]);
    const onError = (error: unknown) => context.log.error("a call of Envoy's failed", { error });
    const inForce = tls && readTls(tls);
    const server = createGrpcServer(methods, { tls: inForce, onError });
    this.#host = host;
    this.#servers = [server];
    const own = peers.sockets[peers.self];
    const isOwn = "path" in listen && listen.path === own;
    const port = await server.listen(isOwn ? { ...listen, exclusive: true } : listen);
    if (tls && inForce) this.#unwatch = watchTls(tls, inForce, server, context.log);
    if (own !== undefined && !isOwn) {
      const forPeers = createGrpcServer(methods, { onError });
      this.#servers = [server, forPeers];
      await forPeers.listen({ path: own, exclusive: true });
    }
    return port === 0 ? [] : [port];
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
    this.#stopping = true;
    this.#unwatch();
    const deadline = performance.now() + drainMs;
    await this.#host?.stop(drainMs);
    const leftMs = Math.max(0, deadline - performance.now());
    await Promise.all(this.#servers.map((server) => server.close(leftMs)));
    await this.#telemetry.flush();
  }
}
