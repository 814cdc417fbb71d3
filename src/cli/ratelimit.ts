/** `aigw ratelimit`: a rate limit service for Envoys, which counts where gateways count. */
import { type Command, Option } from "commander";
import { addProcessOptions, limitOptions, type ProcessOptions, type SocketAddress, socketAddress } from "./options.ts";
import { ClusterFleet } from "./run/cluster-fleet.ts";
import { defaultPaths } from "./run/default-paths.ts";
import type { ServeOptions } from "./run/fleet.ts";
import { Gateway } from "./run/gateway.ts";
import { InProcessFleet } from "./run/in-process.ts";
import { openLog } from "./run/open-log.ts";
import { configuredOrigin } from "./run/origin.ts";
import { stopSignal } from "./run/stop-signal.ts";
import { addTlsOptions, type TlsOptions, tlsFiles } from "./tls-options.ts";

const DEFAULT_LISTEN = "127.0.0.1:1066";
/** Another one than that of a gateway on the same machine. */
const DEFAULT_ADMIN_PORT = 1067;

/** The command's options as commander gives them. */
export interface RateLimitCommandOptions extends ProcessOptions, TlsOptions {
  readonly listen: SocketAddress;
}

const HELP = `
Envoy's rate limit filter asks over gRPC (service envoy.service.ratelimit.v3.RateLimitService) whether a request is within
the global limits of BackendTrafficPolicies, and tells what its answer has cost. Give it the FILEs of the gateway, and to the
gateway its address: \`aigw run --host envoy --rate-limit-service ${DEFAULT_LISTEN}\`. With the same --limit-store it
counts in the same counters as gateways that count for themselves; without one, in its memory.

The same server answers the standard gRPC health check. A changed FILE is live within 200 ms, and counters go on. With
--tls-cert, --tls-key and --tls-ca (all three, PEM files) only peers that show a certificate signed by that CA may ask.`;

/** Adds the command. */
export function registerRateLimit(program: Command): void {
  const command = program
    .command("ratelimit")
    .description("serve Envoy's rate limit protocol: count limits for Envoys and gateways together")
    .argument("[FILE...]")
    .addOption(
      new Option("--listen <where>", "unix:/path or host:port (0 = a free port)")
        .argParser(socketAddress)
        .default(socketAddress(DEFAULT_LISTEN), DEFAULT_LISTEN),
    );
  addProcessOptions(addTlsOptions(command, "service"), DEFAULT_ADMIN_PORT)
    .addHelpText("after", HELP)
    .action(async (paths: string[], options: RateLimitCommandOptions) => {
      process.exitCode = await rateLimit(paths, options);
    });
}

async function rateLimit(paths: readonly string[], options: RateLimitCommandOptions): Promise<number> {
  const { metrics, debug, logFormat, listen, workers, adminPort, drainSeconds } = options;
  const origin = configuredOrigin(paths.length > 0 ? paths : defaultPaths(), process.env);
  let serve: ServeOptions;
  try {
    if (origin.error !== undefined) throw new Error(origin.error);
    const door = { kind: "rate-limit", listen, tls: tlsFiles(options) } as const;
    serve = { accessLog: "none", metrics, debug, logFormat, limits: limitOptions(options), door };
  } catch (error) {
    process.stderr.write(`aigw: ${error instanceof Error ? error.message : error}\n`);
    return 1;
  }
  const log = openLog(options);
  const fleet = workers === 1 ? new InProcessFleet(serve) : new ClusterFleet(workers, () => serve, log);
  const gateway = new Gateway(origin, { fleet, host: "envoy", log, adminPort, drainSeconds });
  const stopped = stopSignal();
  if (!(await gateway.start())) return 1;
  const where = "path" in listen ? `unix:${listen.path}` : `${listen.host}:${gateway.ports[0] ?? listen.port}`;
  const lines = [
    ...origin.notes,
    `rate limit service listening on ${where}${serve.door.kind === "rate-limit" && serve.door.tls ? " (mutual TLS)" : ""}`,
    `admin on ${gateway.adminUrl} (/metrics /healthz /readyz /status)`,
  ];
  process.stderr.write(lines.map((line) => `${line}\n`).join(""));
  await stopped;
  await gateway.stop();
  return 0;
}
