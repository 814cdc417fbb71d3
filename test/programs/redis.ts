/** A real Redis for tests: the one on the path, else Debian's packages unpacked without being installed. */
import { globSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import { once, onPath, type Program, run } from "./install.ts";
import { freePort, reachable, type Service, startService } from "./service.ts";

/** Redis that keeps nothing on disk. */
export interface Redis extends Service {
  readonly socket: string;
  readonly port: number;
  readonly url: string;
  /** Sends one command; resolves to the lines of its reply. */
  command(...words: string[]): Promise<readonly string[]>;
  /** Counters whose keys contain a text, by key. */
  counters(text: string): Promise<ReadonlyMap<string, number>>;
}

/**
 * Starts Redis on a port of loopback, the same again when one is given, and on a Unix socket in a folder.
 *
 * @param sentinel Path of a configuration: then it is a Sentinel.
 */
export async function startRedis(
  folder: string,
  port?: number,
  args: readonly string[] = [],
  sentinel?: string,
): Promise<Redis> {
  const socket = join(folder, "redis.sock");
  const chosen = port ?? (await freePort());
  const listen = ["--port", String(chosen), "--bind", "127.0.0.1", "--unixsocket", socket];
  const memory = ["--dir", folder, ...(sentinel === undefined ? ["--save", "", "--appendonly", "no"] : [])];
  const role = sentinel === undefined ? [] : [sentinel, "--sentinel"];
  const service = startService(await redisServer(), [...role, ...listen, ...memory, ...args], {});
  await reachable(service, { host: "127.0.0.1", port: chosen });
  const send = (...words: string[]) => command(socket, words);
  return {
    ...service,
    socket,
    port: chosen,
    url: `redis://127.0.0.1:${chosen}`,
    command: send,
    counters: async (text) => {
      const keys = (await send("KEYS", `*${text}*`)).filter((line) => !/^[*$]/.test(line));
      const counters = new Map<string, number>();
      for (const key of keys) counters.set(key, Number((await send("GET", key)).at(1)));
      return counters;
    },
  };
}

/** The program that is started. */
export async function redisServer(): Promise<Program> {
  const installed = onPath("redis-server");
  if (installed !== undefined) return { command: installed, env: {} };
  const folder = await once({ folder: "redis", version: "debian" }, async (target) => {
    try {
      // The lists of packages are our own: a fresh machine has none, and they need no root. The program itself is in redis-tools.
      const script = `mkdir -p lists/partial cache/archives/partial &&
        own="-o Dir::State::Lists=$PWD/lists -o Dir::Cache=$PWD/cache" &&
        apt-get $own update && apt-get $own download redis-server redis-tools liblzf1 libjemalloc2 &&
        for f in *.deb; do dpkg -x "$f" . || exit 1; done && rm -r lists cache *.deb`;
      await run("sh", ["-c", script], { cwd: target });
    } catch (cause) {
      throw new Error("this test needs Redis: install `redis-server` (Debian, Ubuntu) or `redis` (Homebrew)", {
        cause,
      });
    }
  });
  const [libraries = ""] = globSync("usr/lib/*/", { cwd: folder });
  return {
    command: join(folder, "usr", "bin", "redis-server"),
    env: { LD_LIBRARY_PATH: join(folder, libraries) },
  };
}

/** https://redis.io/docs/latest/develop/reference/protocol-spec/ */
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

if (import.meta.main) await redisServer();
