/** Programs that tests need beside the gateway, brought into `.cache/` on first use. */
import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, readFile, rename, rm, writeFile } from "node:fs/promises";
import { delimiter, join } from "node:path";
import { promisify } from "node:util";

const CACHE = new URL("../../.cache/", import.meta.url).pathname;

/** A program and what it needs in its environment. */
export interface Program {
  readonly command: string;
  readonly env: Readonly<Record<string, string>>;
}

/** Runs a program to its end. */
export const run = promisify(execFile);

/** Path of an installed program. */
export function onPath(program: string): string | undefined {
  const folders = (process.env["PATH"] ?? "").split(delimiter);
  return folders.map((folder) => join(folder, program)).find((path) => existsSync(path));
}

/**
 * The folder of the cache that holds this version, filled unless it is there. Test files run side by side: each fills a folder of
 * its own, and the first to be done wins.
 */
export async function once(
  { folder, version }: { readonly folder: string; readonly version: string },
  install: (target: string) => Promise<void>,
): Promise<string> {
  const target = join(CACHE, folder);
  if (await holds(target, version)) return target;
  await mkdir(CACHE, { recursive: true });
  const own = await mkdtemp(join(CACHE, `${folder}-`));
  try {
    await install(own);
    await writeFile(stampOf(own), version);
    if (await holds(target, version)) return target;
    await rm(target, { recursive: true, force: true });
    await rename(own, target);
  } catch (error) {
    if (!(await holds(target, version))) throw error;
  } finally {
    await rm(own, { recursive: true, force: true });
  }
  return target;
}

async function holds(target: string, version: string): Promise<boolean> {
  const stamp = stampOf(target);
  return existsSync(stamp) && (await readFile(stamp, "utf8")) === version;
}

function stampOf(target: string): string {
  return join(target, ".version");
}
