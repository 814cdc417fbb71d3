/** Counters in Redis, for gateways that count together. */
import { createHash } from "node:crypto";
import { Cluster, Redis } from "ioredis";
import type { RedisAddress } from "./redis-address.ts";
import { LEASE_SCRIPT, readReply, scriptArguments } from "./redis-script.ts";
import { type CounterStore, LEASE_MS, type LeaseReply, type LeaseRequest } from "./store.ts";

// The client has a class that extends String, and V8 keeps what is extended as a slow object until something is enumerated that
// inherits from it. Until then every call of a string's method looks the method up: a request takes a third longer.
for (const _ in Object("")) break;

const SCRIPT_SHA1 = createHash("sha1").update(LEASE_SCRIPT).digest("hex");
/** How long a call may take: a caller waits for it. */
const CALL_MS = 50;
/** A connection on which nothing comes for so long is given up, and with it what was asked on it. */
const SILENCE_MS = 1_000;
/** Counters of one call: while Redis runs a script it does nothing else. */
const AT_ONCE_MAX = 64;
const CONNECT_MS = 2_000;
const RECONNECT_MIN_MS = 50;
/** A new primary is found at most so long after it is there. */
const RECONNECT_MAX_MS = 1_000;

/** How Redis is used. */
export interface RedisOptions {
  /** PEM of the CA that signed the server's certificate; default: those that Node trusts. */
  readonly ca?: string;
  readonly leaseMs?: number;
  /** How long a call may take. */
  readonly callMs?: number;
}

/** All counters of a request in one round trip. */
export class RedisStore implements CounterStore {
  readonly #client: Redis | Cluster;
  readonly #leaseMs: number;
  readonly #callMs: number;
  /** Why there is no connection. */
  #trouble: unknown;

  /** @param client Made by {@link openRedis}. */
  constructor(client: Redis | Cluster, options: RedisOptions) {
    this.#client = client;
    this.#leaseMs = options.leaseMs ?? LEASE_MS;
    this.#callMs = options.callMs ?? CALL_MS;
    client.on("error", (error: unknown) => {
      this.#trouble = error;
    });
    client.on("ready", () => {
      this.#trouble = undefined;
      // So that the first call is one round trip, too. Where it may not, or a node of a cluster does not get it, that call makes it known.
      client.script("LOAD", LEASE_SCRIPT).catch(() => undefined);
    });
  }

  /** Resolves when Redis can be asked, or when the time is over. */
  async reached(waitMs: number): Promise<boolean> {
    if (this.#client.status === "ready") return true;
    try {
      await inTime(new Promise((resolve) => this.#client.once("ready", resolve)), waitMs);
      return true;
    } catch {
      // Calls will say why, and the client goes on trying.
      return false;
    }
  }

  async lease(process: string, requests: readonly LeaseRequest[]): Promise<readonly (LeaseReply | Error)[]> {
    const calls = inParts(requests, this.#client.isCluster ? 1 : AT_ONCE_MAX).map((part) => {
      const words = [...part.map(({ key }) => key), ...scriptArguments(process, part, this.#leaseMs)];
      return { keys: part.length, words };
    });
    try {
      const replies = await inTime(this.#run(calls), this.#callMs);
      return replies.map((reply) => (reply instanceof Error ? describe(reply, this.#trouble) : reply));
    } catch (error) {
      throw describe(error, this.#trouble);
    }
  }

  async close(): Promise<void> {
    this.#client.disconnect();
  }

  async #run(calls: readonly ScriptCall[]): Promise<readonly (LeaseReply | Error)[]> {
    const replies = await Promise.all(calls.map((call) => this.#call(call)));
    return replies.flat();
  }

  async #call({ keys, words }: ScriptCall): Promise<readonly (LeaseReply | Error)[]> {
    try {
      return repliesIn(await this.#client.evalsha(SCRIPT_SHA1, keys, ...words));
    } catch (error) {
      if (!messageOf(error).startsWith("NOSCRIPT"))
        return Array.from({ length: keys }, () => new Error(messageOf(error)));
      // A server that has been started anew does not know the script: the text itself makes it known.
      return repliesIn(await this.#client.eval(LEASE_SCRIPT, keys, ...words));
    }
  }
}

/** A call of the script about some counters. */
interface ScriptCall {
  readonly keys: number;
  /** Keys and arguments. */
  readonly words: readonly string[];
}

function repliesIn(answer: unknown): readonly (LeaseReply | Error)[] {
  return Array.isArray(answer) ? answer.map(readReply) : [new Error("Redis answers what the script does not say")];
}

function inParts<T>(all: readonly T[], size: number): readonly (readonly T[])[] {
  return Array.from({ length: Math.ceil(all.length / size) }, (_, i) => all.slice(i * size, (i + 1) * size));
}

/** Connects to Redis; calls fail until it answers. */
export function openRedis(address: RedisAddress, options: RedisOptions): RedisStore {
  const { kind, nodes, master, database, username, password, isTls } = address;
  const tls = isTls ? { tls: options.ca === undefined ? {} : { ca: options.ca } } : {};
  const reconnect = (times: number) => Math.min(RECONNECT_MIN_MS * 2 ** Math.min(times, 10), RECONNECT_MAX_MS);
  const common = {
    ...tls,
    ...(username !== undefined && { username }),
    ...(password !== undefined && { password }),
    connectTimeout: CONNECT_MS,
    socketTimeout: SILENCE_MS,
    // What was not answered is asked again by the limiter, which knows whether it still matters.
    autoResendUnfulfilledCommands: false,
    maxRetriesPerRequest: 0,
    // A primary that has become a replica: look for the new one.
    reconnectOnError: (error: Error) => error.message.startsWith("READONLY"),
  };
  if (kind === "cluster") {
    const client = new Cluster([...nodes], {
      redisOptions: common,
      enableOfflineQueue: false,
      clusterRetryStrategy: reconnect,
      slotsRefreshTimeout: CONNECT_MS,
    });
    return new RedisStore(client, options);
  }
  const server = { ...common, db: database, enableOfflineQueue: false, retryStrategy: reconnect };
  if (kind === "sentinel") {
    const sentinel = { sentinels: [...nodes], name: master, sentinelRetryStrategy: reconnect };
    const sentinelTls = isTls ? { enableTLSForSentinelMode: true, sentinelTLS: tls.tls ?? {} } : {};
    return new RedisStore(new Redis({ ...server, ...sentinel, ...sentinelTls }), options);
  }
  return new RedisStore(new Redis({ ...server, ...nodes[0] }), options);
}

/** What errors of Redis mean: https://redis.io/docs/latest/develop/reference/protocol-spec/#simple-errors */
const MEANINGS: readonly (readonly [RegExp, string])[] = [
  [/^READONLY/, "it is a replica, which takes no writes"],
  [/^LOADING/, "it is still loading its data"],
  [/^(NOAUTH|WRONGPASS|NOPERM|ERR invalid password|ERR AUTH)/, "it does not accept the user and password"],
  [/^(OOM|MISCONF)/, "it has no room left, or cannot save"],
  [/^(MOVED|ASK|CLUSTERDOWN|TRYAGAIN|CROSSSLOT)/, "the cluster is changing, or needs redis+cluster://"],
  [/^WRONGTYPE/, "something else is stored under the counter's key"],
  [/^(Stream isn't writeable|Connection is closed|Socket timeout|Cluster isn't ready)/, "there is no connection"],
];

/** An error for the log: what it means, without what was sent. */
function describe(error: unknown, trouble: unknown): Error {
  const message = messageOf(error);
  const [, meaning = message] = MEANINGS.find(([pattern]) => pattern.test(message)) ?? [];
  if (meaning !== "there is no connection" || trouble === undefined) return new Error(`Redis: ${meaning}`);
  return new Error(`Redis: ${meaning} (${messageOf(trouble)})`);
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/**
 * Rejects what takes longer; what comes later is dropped. A process that was busy runs its timers before it reads what sockets have
 * brought in the meantime: that is looked at first, as it was not Redis that was late.
 */
async function inTime<T>(work: Promise<T>, ms: number): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  let afterReading: NodeJS.Immediate | undefined;
  const late = new Promise<never>((_, reject) => {
    const giveUp = () => reject(new Error(`no answer within ${ms} ms`));
    timer = setTimeout(() => {
      afterReading = setImmediate(giveUp);
    }, ms);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
    clearImmediate(afterReading);
  }
}
