/** The limiter of a serving process, as the command line asks for it. */
import { randomBytes } from "node:crypto";
import { readFileSync } from "node:fs";
import type { Logger } from "../telemetry/logger.ts";
import { Limiter, type WithoutStore } from "./limiter.ts";
import { parseRedisUrl } from "./redis-address.ts";
import type { CounterStore } from "./store.ts";

/** A process that starts waits so long for Redis before it serves without. */
const REACH_MS = 2_000;

/** Where counters are kept; plain data, since it travels to worker processes. */
export interface LimitOptions {
  /** URL of Redis, see {@link parseRedisUrl}; undefined = in the memory of this gateway. Holds a password: never to be shown. */
  readonly store: string | undefined;
  /** Path of the PEM file of the CA that signed Redis' certificate. */
  readonly storeCa: string | undefined;
  readonly withoutStore: WithoutStore;
  /** How many gateways share the store. */
  readonly replicas: number;
}

/**
 * Opens the stores. Rejects where the URL or the CA's file is wrong; a Redis that does not answer is told in the log only.
 *
 * @param own Store of the gateway itself: that of all limits without Redis, else of those it counts for itself.
 */
export async function openLimiter(options: LimitOptions, own: CounterStore, log: Logger): Promise<Limiter> {
  const { withoutStore, replicas } = options;
  const process = `${globalThis.process.pid}-${randomBytes(4).toString("hex")}`;
  const common = { process, nowMs: Date.now, withoutStore, replicas, log };
  if (options.store === undefined) return new Limiter({ ...common, store: own });
  const ca = options.storeCa === undefined ? {} : { ca: readFileSync(options.storeCa, "utf8") };
  // Loaded only here: who has no Redis has no use for its client.
  const { openRedis } = await import("./redis-store.ts");
  const store = openRedis(parseRedisUrl(options.store), ca);
  if (!(await store.reached(REACH_MS))) {
    log.warn("Redis does not answer: limits are without their store until it does", { withoutStore });
  }
  return new Limiter({ ...common, store, ownStore: own });
}
