/** `aigw extproc`: Envoy's external processor alone, for an Envoy that somebody else runs. */
import { rmSync } from "node:fs";
import { type Command, Option } from "commander";
import { addServingOptions, limitOptions, type ServingOptions, type SocketAddress, socketAddress } from "./options.ts";
import { ClusterFleet } from "./run/cluster-fleet.ts";
import { defaultPaths } from "./run/default-paths.ts";
import type { ServeOptions } from "./run/fleet.ts";
import { Gateway } from "./run/gateway.ts";
import { InProcessFleet } from "./run/in-process.ts";
import { openLog } from "./run/open-log.ts";
import { configuredOrigin, withPrices } from "./run/origin.ts";
import { makeRunFolder, newRunFolder, processorSockets } from "./run/run-folder.ts";
import { stopSignal } from "./run/stop-signal.ts";
import { addTlsOptions, type TlsOptions, tlsFiles } from "./tls-options.ts";

/** Where the processor listens unless told, and where `aigw envoy-config` tells Envoy it is. */
export const DEFAULT_LISTEN = "127.0.0.1:1063";

/** The command's options as commander gives them. */
export interface ExtprocOptions extends ServingOptions, TlsOptions {
  readonly listen: SocketAddress;
  readonly limitsInEnvoy?: boolean;
}

const HELP = `
Envoy asks over gRPC (service envoy.service.ext_proc.v3.ExternalProcessor) about every request, in the two roles that
\`aigw envoy-config\` sets up. The same server answers the standard gRPC health check. Without FILE the configuration is
found as \`aigw run\` finds it. A changed FILE is live within 200 ms; give Envoy its part first where rules are added.

With --tls-cert, --tls-key and --tls-ca (all three, PEM files) only peers that show a certificate signed by that CA may
ask; files that change are used for new connections. Without them whoever reaches the port can spend your keys: use a
Unix socket or the loopback then.`;

/** Adds the command. */
export function registerExtproc(program: Command): void {
  const command = program
    .command("extproc")
    .description("serve only Envoy's external processor, for an Envoy that is run elsewhere")
    .argument("[FILE...]")
    .addOption(
      new Option("--listen <where>", "unix:/path or host:port (0 = a free port)")
        .argParser(socketAddress)
        .default(socketAddress(DEFAULT_LISTEN), DEFAULT_LISTEN),
    );
  addServingOptions(addTlsOptions(command, "processor"))
    .option(
      "--limits-in-envoy",
      "leave global limits of BackendTrafficPolicies to Envoy's filter (envoy-config --rate-limit-service)",
    )
    .addHelpText("after", HELP)
    .action(async (paths: string[], options: ExtprocOptions) => {
      process.exitCode = await extproc(paths, options);
    });
}

async function extproc(paths: readonly string[], options: ExtprocOptions): Promise<number> {
  const {
    accessLog,
    metrics,
    debug,
    logFormat,
    listen,
    workers,
    adminPort,
    drainSeconds,
    limitsInEnvoy = false,
  } = options;
  const configured = configuredOrigin(paths.length > 0 ? paths : defaultPaths(), process.env);
  const origin = withPrices(configured, options.prices);
  let tls: ReturnType<typeof tlsFiles>;
  let limits: ReturnType<typeof limitOptions>;
  try {
    if (origin.error !== undefined) throw new Error(origin.error);
    tls = tlsFiles(options);
    limits = limitOptions(options);
  } catch (error) {
    process.stderr.write(`aigw: ${error instanceof Error ? error.message : error}\n`);
    return 1;
  }
  const log = openLog(options);
  const folder = newRunFolder();
  const sockets = workers === 1 ? [] : processorSockets(folder, workers);
  const serve = (self: number): ServeOptions => {
    const door = { kind: "processor", listen, tls, limitsInEnvoy, peers: { self, sockets } } as const;
    return { accessLog, metrics, debug, logFormat, limits, door };
  };
  const fleet = workers === 1 ? new InProcessFleet(serve(0)) : new ClusterFleet(workers, serve, log);
  const gateway = new Gateway(origin, { fleet, host: "envoy", log, adminPort, drainSeconds });
  const stopped = stopSignal();
  await makeRunFolder(folder);
  try {
    if (!(await gateway.start())) return 1;
    const where = "path" in listen ? `unix:${listen.path}` : `${listen.host}:${gateway.ports[0] ?? listen.port}`;
    const lines = [
      ...origin.notes,
      `external processor listening on ${where}${tls === undefined ? "" : " (mutual TLS)"}`,
      `admin on ${gateway.adminUrl} (/metrics /healthz /readyz /status)`,
    ];
    process.stderr.write(lines.map((line) => `${line}\n`).join(""));
    await stopped;
    await gateway.stop();
    return 0;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
