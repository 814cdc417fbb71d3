/**
 * Envoy serves: its process, the processors it asks about every request, and the discovery service it gets its configuration
 * from. Everything they share is in a folder of its own that goes with them.
 */
import { lookup } from "node:dns/promises";
import { once } from "node:events";
import { rmSync, writeFileSync } from "node:fs";
import { type AddressInfo, createServer } from "node:net";
import { join } from "node:path";
import { getCACertificates } from "node:tls";
import type { RuntimeConfig } from "../../config/runtime-config.ts";
import { ConfigError } from "../../errors/config-error.ts";
import { invariant } from "../../errors/invariant.ts";
import { createGrpcServer, type GrpcServer } from "../../grpc/server.ts";
import type { Demand } from "../../ratelimit/admission.ts";
import type { LimitOptions } from "../../ratelimit/open-limiter.ts";
import type { Logger } from "../../telemetry/logger.ts";
import { AdsServer } from "../../xds/ads.ts";
import type { Refusal } from "../../xds/ads-subscription.ts";
import { bootstrap } from "../../xds/bootstrap.ts";
import { EnvoyProcess } from "../../xds/envoy-process.ts";
import { barrierListener } from "../../xds/envoy-process-barrier.ts";
import { limitations } from "../../xds/limitations.ts";
import { writeRateLimitConfig } from "../../xds/rate-limit-files.ts";
import { rateLimitServiceConfig } from "../../xds/rate-limit-service.ts";
import { type EnvoyResources, envoyResources, type XdsOptions } from "../../xds/resources.ts";
import { mergeResources } from "../../xds/snapshot-merge.ts";
import { packSnapshot } from "../../xds/snapshot-pack.ts";
import { ClusterFleet } from "./cluster-fleet.ts";
import { envoyMetrics } from "./envoy-metrics.ts";
import type { Fleet, LimitReport, ProcessSnapshot, ServeOptions, TelemetryOptions } from "./fleet.ts";
import { InProcessFleet } from "./in-process.ts";
import { makeRunFolder, newRunFolder, processorSockets } from "./run-folder.ts";
import type { Served } from "./served.ts";

/** How long Envoy may take for a change before the processors are told all the same. */
const ACCEPT_MS = 15_000;
/** How long its threads may take, and how often they are looked at. */
const REACH_MS = 5_000;
const REACH_POLL_MS = 2;
/** How long what a change has replaced stays in Envoy, for requests that were routed before it and are tried again. */
const RETIRE_MS = 15_000;
/** How long Envoy holds back what it tells the processors about requests that have ended, and a little more. */
const ACCESS_LOG_MS = 150;
/** How long processors wait for Envoy's last calls when it has ended. */
const LAST_CALLS_MS = 1_000;

/** Settings of Envoy and what belongs to it. */
export interface EnvoyFleetOptions extends TelemetryOptions {
  readonly address: string;
  /** Overrides the listeners' ports; 0 = chosen by the system. */
  readonly port: number | undefined;
  /** Processes of the processor, and worker threads of Envoy. */
  readonly workers: number;
  /** Envoy's program. */
  readonly program: string;
  readonly drainSeconds: number;
  readonly limits: LimitOptions;
  /** How long Envoy waits for each answer of a processor. */
  readonly messageTimeoutMs: number;
  readonly rateLimitService: XdsOptions["rateLimitService"];
  /** Folder that the rate limit service reads its configuration from. */
  readonly rateLimitFolder: string | undefined;
}

/** Runs one Envoy with its processors. */
export class EnvoyFleet implements Fleet {
  readonly #options: EnvoyFleetOptions;
  readonly #log: Logger;
  readonly #folder: string;
  readonly #sockets: readonly string[];
  readonly #processors: Fleet;
  readonly #envoy: EnvoyProcess;
  #ads: AdsServer | undefined;
  #discovery: GrpcServer | undefined;
  #resources: EnvoyResources | undefined;
  #retiring: NodeJS.Timeout | undefined;
  /** By listener. One that the system chose stays: a restarted Envoy has to have the same. */
  #ports: ReadonlyMap<string, ClaimedPort> = new Map();
  /** Envoy binds to addresses, not to names. */
  #address = "";
  #changes = 0;

  constructor(options: EnvoyFleetOptions, log: Logger) {
    const { workers, program, drainSeconds, debug } = options;
    this.#options = options;
    this.#log = log;
    this.#folder = newRunFolder();
    this.#sockets = processorSockets(this.#folder, workers);
    this.#processors =
      workers === 1
        ? new InProcessFleet(this.#processorOptions(0))
        : new ClusterFleet(workers, (slot) => this.#processorOptions(slot), log);
    const start = bootstrap({ nodeId: `aigw-${process.pid}`, xdsSocket: this.#discoverySocket, adminPort: 0 });
    this.#envoy = new EnvoyProcess({
      binary: program,
      folder: this.#folder,
      bootstrap: JSON.stringify(start),
      concurrency: workers,
      drainSeconds,
      debug,
      log,
    });
  }

  async start(served: Served): Promise<readonly number[]> {
    const { config } = served;
    this.#address = (await lookup(this.#options.address)).address;
    const ports = await this.#claimPorts(config);
    await makeRunFolder(this.#folder);
    writeFileSync(this.#caFile, getCACertificates("default").join("\n"));
    await this.#writeRateLimits(config);
    await this.#processors.start(served);
    const resources = this.#resourcesOf(config, ports);
    this.#resources = resources;
    const ads = new AdsServer(packSnapshot(resources), this.#log);
    this.#ads = ads;
    const onError = (error: unknown) => this.#log.error("the discovery service failed", { error });
    this.#discovery = createGrpcServer(ads.methods, { onError });
    await this.#discovery.listen({ path: this.#discoverySocket });
    await Promise.race([this.#envoy.start(resources.listeners.keys()), refusalOf(ads)]);
    return this.#listening(ports);
  }

  async reload(served: Served): Promise<readonly number[]> {
    const { config } = served;
    const [ads, before] = [this.#ads, this.#resources];
    invariant(ads && before, "what is not started is not reloaded");
    clearTimeout(this.#retiring);
    const ports = await this.#claimPorts(config);
    const next = this.#resourcesOf(config, ports);
    // First Envoy has both configurations, then the processors choose only from the new one, later the old one goes: no
    // request is ever sent by a route that is not there.
    const both = mergeResources(before, next);
    ads.setSnapshot(packSnapshot(both));
    const acceptance = await ads.settled(ACCEPT_MS);
    if (acceptance.result === "refused") {
      for (const { release } of ports.values()) release();
      this.#serve(before);
      throw new ConfigError([faultOf(acceptance.refusal)]);
    }
    if (acceptance.result === "timeout") {
      this.#log.warn("Envoy has not taken the configuration yet", { version: config.version, waitedMs: ACCEPT_MS });
    } else {
      await this.#reachWorkers(ads, both);
    }
    await this.#writeRateLimits(config);
    await this.#processors.reload(served);
    this.#resources = next;
    this.#retiring = setTimeout(() => this.#serve(next), RETIRE_MS).unref();
    return this.#listening(ports);
  }

  isReady(): boolean {
    return this.#envoy.live && this.#processors.isReady();
  }

  async snapshots(): Promise<readonly ProcessSnapshot[]> {
    const own = { up: this.#envoy.live, restarts: this.#envoy.restarts, refusals: this.#ads?.refusals ?? 0 };
    return [...(await this.#processors.snapshots()), { metrics: envoyMetrics(own), credentials: [] }];
  }

  async limits(demands: readonly Demand[]): Promise<readonly LimitReport[]> {
    return await this.#processors.limits(demands);
  }

  notes(): readonly string[] {
    return [`Envoy runs as process ${this.#envoy.pid}; its own admin page: ${this.#envoy.adminUrl}`];
  }

  async stop(drainMs: number): Promise<void> {
    clearTimeout(this.#retiring);
    await this.#envoy.drain(drainMs);
    await pause(ACCESS_LOG_MS);
    await this.#envoy.stop();
    await this.#processors.stop(LAST_CALLS_MS);
    await this.#discovery?.close(0);
    rmSync(this.#folder, { recursive: true, force: true });
  }

  #serve(resources: EnvoyResources): void {
    this.#ads?.setSnapshot(packSnapshot(resources));
  }

  /** Waits until every thread of Envoy has the resources it has accepted. */
  async #reachWorkers(ads: AdsServer, resources: EnvoyResources): Promise<void> {
    const deadline = performance.now() + REACH_MS;
    try {
      const added = await this.#envoy.listenersAdded();
      if (added === undefined) return;
      const barrier = barrierListener(++this.#changes);
      const listeners = new Map([...resources.listeners, [barrier.name ?? "", barrier]]);
      ads.setSnapshot(packSnapshot({ ...resources, listeners }));
      const all = added + this.#options.workers;
      while (((await this.#envoy.listenersAdded()) ?? all) < all) {
        if (performance.now() > deadline) throw new Error(`not all threads have it after ${REACH_MS} ms`);
        await pause(REACH_POLL_MS);
      }
    } catch (error) {
      this.#log.warn("Envoy does not say whether all its threads have the new configuration", { error });
    }
  }

  #resourcesOf(config: RuntimeConfig, ports: ReadonlyMap<string, ClaimedPort>): EnvoyResources {
    for (const sentence of limitations(config)) this.#log.warn(sentence);
    const { messageTimeoutMs, rateLimitService } = this.#options;
    const listeners = config.listeners.map((listener) => {
      return { ...listener, port: ports.get(listener.name)?.port ?? listener.port };
    });
    return envoyResources(
      { ...config, listeners },
      {
        bindAddress: this.#address,
        processor: { sockets: this.#sockets },
        messageTimeoutMs,
        systemCaPath: this.#caFile,
        rateLimitService,
      },
    );
  }

  /**
   * Finds the port of each listener. Rejects when one is taken: Envoy shares the ports of its threads with whoever else wants
   * them, so it would not notice.
   */
  async #claimPorts({ listeners }: RuntimeConfig): Promise<ReadonlyMap<string, ClaimedPort>> {
    const { port: override } = this.#options;
    const ours = new Set([...this.#ports.values()].map(({ port }) => port));
    const claims = listeners.map(async ({ name, port }): Promise<[string, ClaimedPort]> => {
      const wanted = override ?? port;
      const known = this.#ports.get(name);
      if (known?.wanted === wanted) return [name, known];
      if (ours.has(wanted)) return [name, { wanted, port: wanted, release: () => undefined }];
      return [name, await claimPort(this.#address, wanted)];
    });
    return new Map(await Promise.all(claims));
  }

  /** Envoy listens on what was claimed. */
  #listening(ports: ReadonlyMap<string, ClaimedPort>): readonly number[] {
    this.#ports = ports;
    for (const { release } of ports.values()) release();
    return [...ports.values()].map(({ port }) => port);
  }

  #processorOptions(slot: number): ServeOptions {
    const { accessLog, metrics, debug, logFormat, limits, rateLimitService } = this.#options;
    const listen = { path: this.#sockets[slot] ?? "" };
    const peers = { self: slot, sockets: this.#sockets };
    const limitsInEnvoy = rateLimitService !== undefined;
    const door = { kind: "processor", listen, tls: undefined, limitsInEnvoy, peers } as const;
    return { accessLog, metrics, debug, logFormat, limits, door };
  }

  async #writeRateLimits(config: RuntimeConfig): Promise<void> {
    const { rateLimitFolder } = this.#options;
    if (rateLimitFolder !== undefined) await writeRateLimitConfig(rateLimitFolder, rateLimitServiceConfig(config));
  }

  get #discoverySocket(): string {
    return join(this.#folder, "discovery.sock");
  }

  /** The CAs that the embedded host trusts, too. */
  get #caFile(): string {
    return join(this.#folder, "ca.pem");
  }
}

/** Rejects as soon as Envoy refuses a part of its configuration. */
function refusalOf(ads: AdsServer): Promise<never> {
  return new Promise((_, reject) => {
    const off = ads.onChange(() => {
      const { refusal } = ads;
      if (refusal === undefined) return;
      off();
      reject(new ConfigError([faultOf(refusal)]));
    });
  });
}

function faultOf({ typeUrl, message }: Refusal) {
  const path = typeUrl.slice(typeUrl.lastIndexOf(".") + 1);
  return { source: { file: "<envoy>", line: 1, column: 1 }, path, reason: `Envoy refuses it: ${message}` };
}

interface ClaimedPort {
  /** 0 = chosen by the system. */
  readonly wanted: number;
  readonly port: number;
  /** Envoy has it. */
  readonly release: () => void;
}

async function claimPort(host: string, wanted: number): Promise<ClaimedPort> {
  const probe = createServer().unref();
  // Shared with Envoy until that has it, where the system can; elsewhere it is free for a moment.
  const shared = wanted === 0 && process.platform === "linux";
  probe.listen({ host, port: wanted, exclusive: true, reusePort: shared });
  await once(probe, "listening");
  const { port } = probe.address() as AddressInfo;
  if (shared) return { wanted, port, release: () => probe.close() };
  probe.close();
  await once(probe, "close");
  return { wanted, port, release: () => undefined };
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
