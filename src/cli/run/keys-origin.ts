/** A folder of keys as a part of the configuration. */
import { realpathSync } from "node:fs";
import type { KeyFolder } from "../../admin/key-folder.ts";
import type { Origin } from "./origin.ts";

/**
 * A configuration with the keys of a folder, which may be empty. Who names one wants callers to be known, so that nobody is let in
 * before the first key is made, or after the last file is gone.
 */
export function withKeys(origin: Origin, folder: KeyFolder): Origin {
  const { path } = folder;
  const first = `; there is none yet, and callers need one: \`aigw key new --out ${path}\` makes it`;
  const notes = [...origin.notes, `keys of callers are in ${path}${folder.list().length > 0 ? "" : first}`];
  const closed = { ...origin, notes, closed: true };
  // Named as a file of the configuration too, it would be read twice.
  if (origin.paths.some((one) => isSame(one, path))) return closed;
  return {
    ...closed,
    paths: [...origin.paths, path],
    read: () => [...origin.read(), ...folder.read()],
  };
}

function isSame(path: string, other: string): boolean {
  try {
    return realpathSync(path) === realpathSync(other);
  } catch {
    // One that is not there is told when it is read.
    return false;
  }
}
