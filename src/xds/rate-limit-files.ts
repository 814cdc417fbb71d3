/** Hands the rate limit service its configuration in a folder that it watches. */
import { mkdir, readFile, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { RATE_LIMIT_DOMAIN } from "../ratelimit/descriptor.ts";

/**
 * Writes the configuration to `<folder>/config/aigw.yaml`, where a service with `RUNTIME_ROOT=<folder>` and
 * `RUNTIME_WATCH_ROOT=false` reads it. The service reads every file of `config/` whenever one changes: a half-written one must
 * never be there, so it is renamed into place. Unchanged text is left alone.
 *
 * @returns Whether anything was written.
 */
export async function writeRateLimitConfig(folder: string, text: string): Promise<boolean> {
  const name = `${RATE_LIMIT_DOMAIN}.yaml`;
  const target = join(folder, "config", name);
  await mkdir(join(folder, "config"), { recursive: true });
  if ((await present(target)) === text) return false;
  const draft = join(folder, `.${name}.${process.pid}`);
  await writeFile(draft, text);
  await rename(draft, target);
  return true;
}

async function present(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, "utf8");
  } catch {
    // Not there yet, or not readable: writing it tells which.
    return undefined;
  }
}
