/** The folder of one run: its sockets and what it writes for its processes. */
import { randomBytes } from "node:crypto";
import { lstatSync, mkdirSync, readdirSync, rmSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";

/** Nobody else may look into it: whoever reaches a processor's socket spends the keys it has. */
const MODE = 0o700;
const NAME = /^aigw-run-(\d+)-[0-9a-f]{12}$/;
/** Younger ones are left alone: their sockets may still be on their way. */
const STALE_MS = 60_000;

/** A name for it that nobody has, in `$AIGW_RUNTIME_DIR` or where temporary files are; it is not made yet. */
export function newRunFolder(): string {
  const name = `aigw-run-${process.pid}-${randomBytes(6).toString("hex")}`;
  return join(process.env["AIGW_RUNTIME_DIR"] || tmpdir(), name);
}

/** Makes it, and removes those of runs that were killed. */
export async function makeRunFolder(folder: string): Promise<void> {
  mkdirSync(folder, { mode: MODE });
  try {
    await removeAbandoned(dirname(folder));
  } catch {
    // What cannot be listed or removed keeps nobody from starting.
  }
}

async function removeAbandoned(parent: string): Promise<void> {
  for (const name of readdirSync(parent)) {
    const pid = Number(NAME.exec(name)?.[1]);
    const path = join(parent, name);
    if (pid > 0 && !isAlive(pid) && (await isAbandoned(path))) rmSync(path, { recursive: true, force: true });
  }
}

/** Paths of one Unix socket per process in the folder. */
export function processorSockets(folder: string, count: number): readonly string[] {
  return Array.from({ length: count }, (_, i) => join(folder, `processor-${i}.sock`));
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code !== "ESRCH";
  }
}

/** Another container that has the same folder knows its processes by other numbers, so that sockets have the last word. */
async function isAbandoned(folder: string): Promise<boolean> {
  try {
    const { uid, mtimeMs } = lstatSync(folder);
    if (uid !== process.getuid?.() || Date.now() - mtimeMs < STALE_MS) return false;
    const sockets = readdirSync(folder).filter((name) => name.endsWith(".sock"));
    const answers = await Promise.all(sockets.map((name) => isListenedOn(join(folder, name))));
    return !answers.includes(true);
  } catch {
    // Not to be looked into, or gone by now.
    return false;
  }
}

function isListenedOn(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = connect({ path });
    probe.on("connect", () => {
      probe.destroy();
      resolve(true);
    });
    probe.on("error", (error: NodeJS.ErrnoException) => resolve(error.code !== "ECONNREFUSED"));
  });
}
