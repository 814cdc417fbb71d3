/** The rate limit service and its Redis, as processes of their own on loopback. */
import { type ChildProcess, spawn } from "node:child_process";
import { mkdir } from "node:fs/promises";
import { connect, createServer } from "node:net";
import { join } from "node:path";
import { type Program, rateLimitService, redisServer } from "./tools.ts";

const READY_MS = 15_000;
const RETRY_MS = 20;

/** A running program. */
export interface Service {
  /** What it has printed. */
  output(): string;
  signal(name: NodeJS.Signals): void;
  stop(): Promise<void>;
}

/** Redis that keeps nothing on disk. */
export interface Redis extends Service {
  readonly socket: string;
  /** Counters whose keys contain a text, by key. */
  counters(text: string): Promise<ReadonlyMap<string, number>>;
}

/** Starts Redis on a Unix socket in a folder. */
export async function startRedis(folder: string): Promise<Redis> {
  const socket = join(folder, "redis.sock");
  const args = ["--port", "0", "--unixsocket", socket, "--save", "", "--appendonly", "no", "--dir", folder];
  const service = start(await redisServer(), args, {});
  await reachable(service, { path: socket });
  return {
    ...service,
    socket,
    counters: async (text) => {
      const keys = (await command(socket, ["KEYS", `*${text}*`])).filter((line) => !/^[*$]/.test(line));
      const counters = new Map<string, number>();
      for (const key of keys) counters.set(key, Number((await command(socket, ["GET", key])).at(1)));
      return counters;
    },
  };
}

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
  const service = start(await rateLimitService(), [], {
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

/** A port of loopback that nobody listens on. */
export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  if (address === null || typeof address === "string") throw new Error("no port");
  return address.port;
}

/** Looks until something is there; rejects with what was there last. */
export async function eventually<T>(what: string, look: () => Promise<T | undefined>): Promise<T> {
  const deadline = performance.now() + READY_MS;
  for (;;) {
    const found = await look();
    if (found !== undefined) return found;
    if (performance.now() > deadline) throw new Error(`${what} did not come within ${READY_MS} ms`);
    await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
  }
}

interface Running extends Service {
  readonly child: ChildProcess;
}

function start({ command, env }: Program, args: readonly string[], more: Readonly<Record<string, string>>): Running {
  const child = spawn(command, args, { stdio: ["ignore", "pipe", "pipe"], env: { ...env, ...more } });
  let output = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding("utf8").on("data", (text: string) => {
      output += text;
    });
  }
  const ended = new Promise<void>((resolve) => {
    child.once("error", (error) => {
      output += error.message;
      resolve();
    });
    child.once("exit", () => resolve());
  });
  return {
    child,
    output: () => output,
    signal: (name) => child.kill(name),
    stop: async () => {
      child.kill("SIGKILL");
      await ended;
    },
  };
}

async function reachable(
  { child, output }: Running,
  at: { path: string } | { host: string; port: number },
): Promise<void> {
  await eventually(child.spawnfile, async () => {
    if (child.exitCode !== null || child.pid === undefined) {
      throw new Error(`${child.spawnfile} ended (${child.exitCode}); it printed:\n${output()}`);
    }
    return new Promise<true | undefined>((resolve) => {
      const socket = connect(at, () => {
        socket.destroy();
        resolve(true);
      });
      socket.on("error", () => resolve(undefined));
    });
  });
}

/** Sends one command to Redis; resolves to the lines of its reply (https://redis.io/docs/latest/develop/reference/protocol-spec/). */
function command(socketPath: string, words: readonly string[]): Promise<string[]> {
  const request = words.map((word) => `$${Buffer.byteLength(word)}\r\n${word}\r\n`).join("");
  return new Promise((resolve, reject) => {
    let reply = "";
    const socket = connect(socketPath, () => socket.end(`*${words.length}\r\n${request}`));
    socket.setEncoding("utf8").on("data", (text: string) => {
      reply += text;
    });
    socket.on("error", reject);
    socket.on("end", () => resolve(reply.split("\r\n").slice(0, -1)));
  });
}
