/** Programs that the fleet tests need beside Envoy, brought into `.cache/` on first use. */
import { execFile } from "node:child_process";
import { existsSync, globSync } from "node:fs";
import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { delimiter, join } from "node:path";
import { promisify } from "node:util";

/** Of the Go module github.com/envoyproxy/ratelimit, which has no releases of its own. */
const RATE_LIMIT_VERSION = "v1.4.1-0.20260122083618-3fb702589d36";
const CACHE = new URL("../../.cache/", import.meta.url).pathname;

const run = promisify(execFile);

/** A program and what it needs in its environment. */
export interface Program {
  readonly command: string;
  readonly env: Readonly<Record<string, string>>;
}

/** The rate limit service, built from the Go module proxy: about a minute, once. */
export async function rateLimitService(): Promise<Program> {
  const folder = await once({ folder: "ratelimit", version: RATE_LIMIT_VERSION }, async (target) => {
    if (onPath("go") === undefined) {
      throw new Error("the fleet tests build the rate limit service: install Go 1.24 or newer (https://go.dev/dl/)");
    }
    await run("go", ["install", `github.com/envoyproxy/ratelimit/src/service_cmd@${RATE_LIMIT_VERSION}`], {
      env: { ...process.env, GOBIN: target },
    });
  });
  return { command: join(folder, "service_cmd"), env: {} };
}

/** Redis: the one on the path, else Debian's packages unpacked without being installed. */
export async function redisServer(): Promise<Program> {
  const installed = onPath("redis-server");
  if (installed !== undefined) return { command: installed, env: {} };
  const folder = await once({ folder: "redis", version: "debian" }, async (target) => {
    try {
      // apt-get downloads into the working folder; the program itself is in redis-tools.
      const script = `apt-get download redis-server redis-tools liblzf1 libjemalloc2 &&
        for f in *.deb; do dpkg -x "$f" . || exit 1; done`;
      await run("sh", ["-c", script], { cwd: target });
    } catch (cause) {
      throw new Error("the fleet tests need Redis: install `redis-server` (Debian, Ubuntu) or `redis` (Homebrew)", {
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

function onPath(program: string): string | undefined {
  const folders = (process.env["PATH"] ?? "").split(delimiter);
  return folders.map((folder) => join(folder, program)).find((path) => existsSync(path));
}

/** Fills a folder of the cache unless it holds this version; an interrupted installation is begun anew. */
async function once(
  { folder, version }: { readonly folder: string; readonly version: string },
  install: (target: string) => Promise<void>,
): Promise<string> {
  const target = join(CACHE, folder);
  const stamp = join(target, ".version");
  if (existsSync(stamp) && (await readFile(stamp, "utf8")) === version) return target;
  await rm(target, { recursive: true, force: true });
  await mkdir(target, { recursive: true });
  await install(target);
  await writeFile(stamp, version);
  return target;
}
