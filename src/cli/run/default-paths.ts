/** Configuration that is read when no file is named. */
import { existsSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";

/** The user's own file, if there is one. */
export function defaultPaths(): string[] {
  const home = process.env["AIGW_CONFIG_HOME"] ?? join(homedir(), ".config", "aigw");
  const path = join(home, "config.yaml");
  return existsSync(path) ? [path] : [];
}
