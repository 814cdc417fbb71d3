/** The embedded host: one Node process, started from the command line as its users do. */
import { startGateway } from "../server/start-gateway.ts";
import type { Host } from "./host.ts";

/** Runs cases against `aigw run`. */
export const EMBEDDED: Host = {
  name: "embedded",
  differences: new Map(),
  start: (config, env) => startGateway(config, { env }),
};
