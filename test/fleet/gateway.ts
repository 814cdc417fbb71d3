/** The gateway with Envoy, the rate limit service and Redis: what a fleet is made of, each of it once. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { UPSTREAM_PORT } from "../conformance/case.ts";
import { installEnvoy } from "../install-envoy.ts";
import { type Redis, startRedis } from "../programs/redis.ts";
import { freePort, type Service } from "../programs/service.ts";
import { type GatewayWithSimulator, startWithSimulator } from "../server/start-gateway.ts";
import { startRateLimitService } from "./services.ts";

/** All of it, started. */
export interface Fleet {
  readonly gateway: GatewayWithSimulator;
  readonly redis: Redis;
  readonly limits: RateLimits;
  /** Replaces the gateway's configuration. */
  configure(config: string): Promise<void>;
  stop(): Promise<void>;
}

/** The rate limit service, which can be taken away and brought back. */
export interface RateLimits {
  start(): Promise<void>;
  stop(): Promise<void>;
  /** Lets it hang, or go on. */
  pause(paused: boolean): void;
}

/** Starts a fleet with a configuration whose upstreams are at {@link UPSTREAM_PORT}. */
export async function startFleet(config: string, args: readonly string[] = []): Promise<Fleet> {
  const folder = await mkdtemp(join(tmpdir(), "aigw-fleet-"));
  const stops: (() => Promise<unknown>)[] = [() => rm(folder, { recursive: true, force: true })];
  const stop = async () => {
    while (stops.length > 0) await stops.pop()?.();
  };
  try {
    const envoy = await installEnvoy();
    const redis = await startRedis(folder);
    stops.push(() => redis.stop());
    const port = await freePort();
    const service = ["--rate-limit-service", `127.0.0.1:${port}`, "--rate-limit-timeout", "100"];
    const limitArgs = [...service, "--rate-limit-config", folder];
    const gateway = await startWithSimulator((upstream) => config.replaceAll(UPSTREAM_PORT, String(upstream)), {
      args: ["--host", "envoy", "--envoy", envoy, ...limitArgs, ...args],
    });
    stops.push(() => gateway.stop());
    const limits = rateLimits({ port, redisSocket: redis.socket, folder });
    await limits.start();
    stops.push(() => limits.stop());
    return {
      gateway,
      redis,
      limits,
      configure: (changed) => gateway.configure(changed.replaceAll(UPSTREAM_PORT, String(gateway.simulator.port))),
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

function rateLimits(options: Parameters<typeof startRateLimitService>[0]): RateLimits {
  let service: Service | undefined;
  return {
    start: async () => {
      service = await startRateLimitService(options);
    },
    stop: async () => {
      await service?.stop();
      service = undefined;
    },
    pause: (paused) => service?.signal(paused ? "SIGSTOP" : "SIGCONT"),
  };
}
