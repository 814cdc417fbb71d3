/** The rate limit service, as a process of its own on loopback. */
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { reachable, type Service, startService } from "../programs/service.ts";
import { rateLimitService } from "./tools.ts";

/** How a rate limit service is started. */
export interface RateLimitServiceOptions {
  readonly port: number;
  readonly redisSocket: string;
  /** Its configuration is in `config/` below. */
  readonly folder: string;
}

/** Starts the rate limit service; resolves when it can be called, which is when it has a configuration. */
export async function startRateLimitService(options: RateLimitServiceOptions): Promise<Service> {
  await mkdir(join(options.folder, "config"), { recursive: true });
  const service = startService(await rateLimitService(), [], {
    RUNTIME_ROOT: options.folder,
    RUNTIME_WATCH_ROOT: "false",
    GRPC_HOST: "127.0.0.1",
    GRPC_PORT: String(options.port),
    HOST: "127.0.0.1",
    PORT: "0",
    DEBUG_HOST: "127.0.0.1",
    DEBUG_PORT: "0",
    REDIS_SOCKET_TYPE: "unix",
    REDIS_URL: options.redisSocket,
    USE_STATSD: "false",
    DISABLE_STATS: "true",
    LOG_LEVEL: "debug",
  });
  await reachable(service, { host: "127.0.0.1", port: options.port });
  return service;
}
