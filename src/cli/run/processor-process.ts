/** One serving process: Envoy's external processor with its metrics and logs. */
import { readFileSync } from "node:fs";
import type { Plan } from "../../exchange/plan.ts";
import { ExtProcHost } from "../../extproc/host.ts";
import type { GrpcMethods } from "../../grpc/grpc.ts";
import { healthMethods } from "../../grpc/health.ts";
import { createGrpcServer, type GrpcServer } from "../../grpc/server.ts";
import type { MetricsSnapshot } from "../../telemetry/metrics.ts";
import type { ProcessorDoor, TelemetryOptions, TlsFiles } from "./fleet.ts";
import { ProcessTelemetry } from "./process-telemetry.ts";
import type { ServingProcess } from "./serving-process.ts";

/** Serves Envoy's questions in this process. */
export class ProcessorProcess implements ServingProcess {
  readonly #door: ProcessorDoor;
  readonly #telemetry: ProcessTelemetry;
  #host: ExtProcHost | undefined;
  #servers: readonly GrpcServer[] = [];
  #stopping = false;

  constructor(options: TelemetryOptions, door: ProcessorDoor) {
    this.#door = door;
    this.#telemetry = new ProcessTelemetry(options, () => this.#host?.inFlight ?? 0);
  }

  async start(plan: Plan): Promise<readonly number[]> {
    const { context } = this.#telemetry;
    const { listen, tls, peers } = this.#door;
    const host = new ExtProcHost(context, plan, { self: peers.self, socketOf: (process) => peers.sockets[process] });
    this.#telemetry.configure(plan.config);
    const methods: GrpcMethods = new Map([...host.methods, ...healthMethods(() => !this.#stopping)]);
    const onError = (error: unknown) => context.log.error("a call of Envoy's failed", { error });
    const server = createGrpcServer(methods, { tls: tls && readTls(tls), onError });
    this.#host = host;
    this.#servers = [server];
    const port = await server.listen(listen);
    const own = peers.sockets[peers.self];
    if (own !== undefined && !("path" in listen && listen.path === own)) {
      const forPeers = createGrpcServer(methods, { onError });
      this.#servers = [server, forPeers];
      await forPeers.listen({ path: own });
    }
    return port === 0 ? [] : [port];
  }

  reload(plan: Plan): void {
    this.#telemetry.configure(plan.config);
    this.#host?.reload(plan);
  }

  snapshot(): MetricsSnapshot {
    return this.#telemetry.snapshot();
  }

  async stop(drainMs: number): Promise<void> {
    this.#stopping = true;
    const deadline = performance.now() + drainMs;
    await this.#host?.stop(drainMs);
    const leftMs = Math.max(0, deadline - performance.now());
    await Promise.all(this.#servers.map((server) => server.close(leftMs)));
    await this.#telemetry.flush();
  }
}

function readTls({ cert, key, ca }: TlsFiles) {
  return { cert: readFileSync(cert, "utf8"), key: readFileSync(key, "utf8"), ca: readFileSync(ca, "utf8") };
}
