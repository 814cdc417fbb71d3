/** Tells when configuration files may have changed. */
import { type FSWatcher, statSync, watch } from "node:fs";
import { dirname } from "node:path";

/** Editors write a file in several steps; the change is looked at when they have stopped for this long. */
const SETTLE_MS = 30;
/** Catches what file events miss: network file systems, and the symbolic links Kubernetes swaps under a mounted volume. */
const POLL_MS = 2_000;

/**
 * Calls `changed` at the start and after something changed in the folders of these paths, at most every few milliseconds and at
 * least every two seconds. It says "may have": the caller compares contents.
 *
 * @returns A function that ends the watch.
 */
export function watchPaths(paths: readonly string[], changed: () => void): () => void {
  let settle: NodeJS.Timeout | undefined;
  const soon = () => {
    clearTimeout(settle);
    settle = setTimeout(changed, SETTLE_MS);
  };
  // What changed before, say while the change before it was being put in force.
  soon();
  const watchers = [...new Set(paths.map(folderOf))].flatMap((folder) => watchFolder(folder, soon));
  const poll = setInterval(changed, POLL_MS);
  poll.unref();
  return () => {
    clearTimeout(settle);
    clearInterval(poll);
    for (const watcher of watchers) watcher.close();
  };
}

function watchFolder(folder: string, changed: () => void): FSWatcher[] {
  try {
    const watcher = watch(folder, { persistent: false }, changed);
    // A folder that goes away is seen by the poll.
    watcher.on("error", () => watcher.close());
    return [watcher];
  } catch {
    // Not watchable (no inotify, say): the poll sees its changes.
    return [];
  }
}

/** The folder to watch for a path: events of a single file end when an editor replaces it. */
function folderOf(path: string): string {
  try {
    return statSync(path).isDirectory() ? path : dirname(path);
  } catch {
    return dirname(path);
  }
}
