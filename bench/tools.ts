/** Programs the benchmark compares with or needs, brought into `.cache/` on first use, in pinned versions. */
import { existsSync, globSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { ENVOY_VERSION } from "../src/xds/find-envoy.ts";
import { installEnvoy } from "../test/install-envoy.ts";
import { runToEnd } from "./processes.ts";

/** Versions compared with. */
export const VERSIONS = { envoy: ENVOY_VERSION, portkey: "1.15.2", litellm: "1.105.0" } as const;

const INSTALL_SECONDS = 300;

/** The load generator wrk. */
export interface Wrk {
  readonly command: string;
  readonly env: Readonly<Record<string, string>>;
}

/** Says what is being done that takes time. */
export type Progress = (what: string) => void;

/** Where `.cache/` is, and who is told. */
export interface Tools {
  readonly cache: string;
  readonly progress: Progress;
}

/** Envoy as the tests run it; resolves to its program. */
export function envoyBinary({ progress }: Tools): Promise<string> {
  return installEnvoy(progress);
}

/**
 * Portkey from npm; resolves to its script. Its streams fail with later versions of the HTTP server, which its own range
 * allows (github.com/Portkey-AI/gateway/issues/1389): the last one that they work with is pinned.
 */
export async function portkeyScript(tools: Tools): Promise<string> {
  const folder = await once(tools, { folder: "portkey", version: VERSIONS.portkey }, async (prefix) => {
    const dependencies = { "@portkey-ai/gateway": VERSIONS.portkey };
    const overrides = { "@hono/node-server": "1.14.1" };
    writeFileSync(join(prefix, "package.json"), JSON.stringify({ private: true, dependencies, overrides }));
    await run("npm", [
      "install",
      "--ignore-scripts",
      "--no-audit",
      "--no-fund",
      "--loglevel=error",
      "--prefix",
      prefix,
    ]);
  });
  return join(folder, "node_modules", "@portkey-ai", "gateway", "build", "start-server.js");
}

/** LiteLLM from PyPI, in a virtual environment of its own; resolves to its command. */
export async function litellmCommand(tools: Tools): Promise<string> {
  const folder = await once(tools, { folder: "litellm", version: VERSIONS.litellm }, async (venv) => {
    await run("python3", ["-m", "venv", venv]);
    await run(join(venv, "bin", "pip"), ["install", "--quiet", `litellm[proxy]==${VERSIONS.litellm}`]);
  });
  return join(folder, "bin", "litellm");
}

/** Wrk: the one on the path, else Debian's packages unpacked without being installed. */
export async function findWrk(tools: Tools): Promise<Wrk> {
  const onPath = (process.env["PATH"] ?? "").split(":").map((folder) => join(folder, "wrk"));
  const installed = onPath.find((path) => existsSync(path));
  if (installed !== undefined) return { command: installed, env: {} };
  try {
    const folder = await once(tools, { folder: "wrk", version: "debian" }, async (target) => {
      // apt-get downloads into the working folder.
      await run("sh", [
        "-c",
        'cd "$1" && apt-get download wrk libluajit-5.1-2 && for f in *.deb; do dpkg -x "$f" .; done',
        "sh",
        target,
      ]);
    });
    const [library = ""] = globSync("usr/lib/*/libluajit-5.1.so.2", { cwd: folder });
    return { command: join(folder, "usr", "bin", "wrk"), env: { LD_LIBRARY_PATH: dirname(join(folder, library)) } };
  } catch (error) {
    throw new Error("the load generator wrk is needed: install the package `wrk` (Debian, Ubuntu, Homebrew)", {
      cause: error,
    });
  }
}

/** Fills a folder of the cache unless it holds this version already. */
async function once(
  { cache, progress }: Tools,
  { folder, version }: { readonly folder: string; readonly version: string },
  install: (target: string) => Promise<void>,
): Promise<string> {
  const target = join(cache, folder);
  const stamp = join(target, ".version");
  if (existsSync(stamp) && readFileSync(stamp, "utf8") === version) return target;
  progress(`installing ${folder} ${version} (once)`);
  rmSync(target, { recursive: true, force: true });
  mkdirSync(target, { recursive: true });
  await install(target);
  writeFileSync(stamp, version);
  return target;
}

async function run(command: string, args: readonly string[]): Promise<void> {
  await runToEnd({ name: command, command, args, cores: undefined }, INSTALL_SECONDS);
}
