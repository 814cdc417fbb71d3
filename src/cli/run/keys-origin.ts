/** A folder of keys as a part of the configuration. */
import { realpathSync } from "node:fs";
import type { KeyFolder } from "../../admin/key-folder.ts";
import type { Origin } from "./origin.ts";

/** A configuration with the keys of a folder, which may be empty. */
export function withKeys(origin: Origin, folder: KeyFolder): Origin {
  const { path } = folder;
  const keys = folder.list();
  const open = keys.length > 0 ? "" : "; there is none yet, and until there is one, callers need none";
  const notes = [...origin.notes, `keys of callers are in ${path}${open}`];
  // Named as a file of the configuration too, it would be read twice.
  if (origin.paths.some((one) => isSame(one, path))) return { ...origin, notes };
  return {
    ...origin,
    notes,
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
