/** Virtual environments for tests that drive clients written in Python. */
import { execFile } from "node:child_process";
import { access, mkdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";

const CACHE = new URL("../.cache/", import.meta.url).pathname;

const run = promisify(execFile);

/** A package of the Python package index. */
export interface PythonPackage {
  readonly name: string;
  readonly version: string;
  /** SHA-256 of its wheels, one per platform; without them whatever the index has is taken, with all it depends on. */
  readonly hashes?: readonly string[];
}

/** Installs a package into an environment of its own, unless it is there already; returns its Python, rejects with what is missing. */
export async function pythonWith({ name, version, hashes = [] }: PythonPackage): Promise<string> {
  const environment = join(CACHE, `python-${name}`);
  // Written last, so that an interrupted installation is begun anew.
  const stamp = join(environment, `installed-${version}`);
  const python = join(environment, "bin", "python");
  if (await exists(stamp)) return python;
  await rm(environment, { recursive: true, force: true });
  await mkdir(CACHE, { recursive: true });
  try {
    await run("python3", ["-m", "venv", environment]);
  } catch (cause) {
    throw new Error("the Python clients' tests need python3 (3.9 or newer) with its venv module on the PATH", {
      cause,
    });
  }
  const requirements = join(environment, "requirements.txt");
  await writeFile(requirements, [`${name}==${version}`, ...hashes.map((hash) => `--hash=sha256:${hash}`)].join(" "));
  await run(python, ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-r", requirements]);
  await writeFile(stamp, "");
  return python;
}

async function exists(path: string): Promise<boolean> {
  try {
    await access(path);
    return true;
  } catch {
    // Whatever the reason, it cannot be used.
    return false;
  }
}
