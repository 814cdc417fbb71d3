/** The folder of one run: its sockets and what it writes for its processes. */
import { randomBytes } from "node:crypto";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** A name for it that nobody has, in `$AIGW_RUNTIME_DIR` or where temporary files are; it is not made yet. */
export function newRunFolder(): string {
  return join(process.env["AIGW_RUNTIME_DIR"] || tmpdir(), `aigw-${randomBytes(6).toString("hex")}`);
}

/** Paths of one Unix socket per process in the folder. */
export function processorSockets(folder: string, count: number): readonly string[] {
  return Array.from({ length: count }, (_, i) => join(folder, `processor-${i}.sock`));
}

/** Nobody else may look into it: whoever reaches a processor's socket spends the keys it has. */
export const RUN_FOLDER_MODE = 0o700;
