/** `aigw ratelimit` as a process of its own, as its users run it. */
import { mkdtemp, rename, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { eventually, startService } from "../programs/service.ts";

const MAIN = new URL("../../src/main.ts", import.meta.url).pathname;

/** A rate limit service that answers. */
export interface RateLimitService {
  /** `127.0.0.1:PORT`. */
  readonly address: string;
  readonly adminUrl: string;
  /** Everything it has printed. */
  output(): string;
  /** Replaces the configuration file. */
  configure(config: string): Promise<void>;
  signal(name: NodeJS.Signals): void;
  /** Ends it at once. */
  stop(): Promise<void>;
}

/** How it is started, beside its configuration. */
export interface RateLimitServiceOptions {
  readonly args?: readonly string[];
  readonly address?: string;
  /** Environment beside the path. */
  readonly env?: Readonly<Record<string, string>>;
}

/** Starts it with a configuration; on the address of another one when that is given. */
export async function startRateLimitService(
  config: string,
  { args = [], address = "127.0.0.1:0", env = {} }: RateLimitServiceOptions = {},
): Promise<RateLimitService> {
  const folder = await mkdtemp(join(tmpdir(), "aigw-ratelimit-"));
  const file = join(folder, "config.yaml");
  await writeFile(file, config);
  const where = ["--listen", address, "--admin-port", "0", "--workers", "1"];
  const service = startService(
    { command: process.execPath, env: { PATH: process.env["PATH"] ?? "" } },
    [MAIN, "ratelimit", file, ...where, ...args],
    env,
  );
  const stop = async () => {
    await service.stop();
    await rm(folder, { recursive: true, force: true });
  };
  try {
    const [, listening = "", adminUrl = ""] = await eventually("the rate limit service", async () => {
      if (service.child.exitCode !== null) throw new Error(service.output());
      return /rate limit service listening on (\S+)[\s\S]*admin on (\S+)/.exec(service.output()) ?? undefined;
    });
    return {
      address: listening,
      adminUrl,
      output: service.output,
      configure: async (changed) => {
        await writeFile(`${file}.new`, changed);
        await rename(`${file}.new`, file);
      },
      signal: service.signal,
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}
