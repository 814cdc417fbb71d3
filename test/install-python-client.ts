/** Installs the official OpenAI client for Python into a private virtual environment, unless it is there already. */
import { execFile } from "node:child_process";
import { access, mkdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";

const VERSION = "3.54.0";
const CACHE = new URL("../.cache/", import.meta.url).pathname;
const ENVIRONMENT = join(CACHE, "python-openai");
/** Written last, so that an interrupted installation is begun anew. */
const STAMP = join(ENVIRONMENT, `installed-${VERSION}`);

const run = promisify(execFile);

/** Makes the environment and returns its Python; rejects with what is missing. */
export async function installPythonClient(): Promise<string> {
  const python = join(ENVIRONMENT, "bin", "python");
  if (await exists(STAMP)) return python;
  await rm(ENVIRONMENT, { recursive: true, force: true });
  await mkdir(CACHE, { recursive: true });
  try {
    await run("python3", ["-m", "venv", ENVIRONMENT]);
  } catch (cause) {
    throw new Error("the Python client's tests need python3 (3.9 or newer) with its venv module on the PATH", {
      cause,
    });
  }
  await run(python, ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", `openai==${VERSION}`]);
  await writeFile(STAMP, "");
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

if (import.meta.main) await installPythonClient();
