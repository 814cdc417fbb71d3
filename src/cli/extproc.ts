/** `aigw extproc`: Envoy's external processor alone, for an Envoy that somebody else runs. */
import { mkdirSync, rmSync } from "node:fs";
import { type Command, Option } from "commander";
import { addServingOptions, type ServingOptions, type SocketAddress, socketAddress } from "./options.ts";
import { ClusterFleet } from "./run/cluster-fleet.ts";
import { defaultPaths } from "./run/default-paths.ts";
import type { ServeOptions, TlsFiles } from "./run/fleet.ts";
import { Gateway } from "./run/gateway.ts";
import { InProcessFleet } from "./run/in-process.ts";
import { openLog } from "./run/open-log.ts";
import { configuredOrigin } from "./run/origin.ts";
import { newRunFolder, processorSockets, RUN_FOLDER_MODE } from "./run/run-folder.ts";
import { stopSignal } from "./run/stop-signal.ts";

/** Where the processor listens unless told, and where `aigw envoy-config` tells Envoy it is. */
export const DEFAULT_LISTEN = "127.0.0.1:1063";

/** The command's options as commander gives them. */
export interface ExtprocOptions extends ServingOptions {
  readonly listen: SocketAddress;
  readonly tlsCert?: string;
  readonly tlsKey?: string;
  readonly tlsCa?: string;
}

const HELP = `
Envoy asks over gRPC (service envoy.service.ext_proc.v3.ExternalProcessor) about every request, in the two roles that
\`aigw envoy-config\` sets up. The same server answers the standard gRPC health check. Without FILE the configuration is
found as \`aigw run\` finds it. A changed FILE is live within 200 ms; give Envoy its part first where rules are added.

With --tls-cert, --tls-key and --tls-ca (all three, PEM files) only peers that show a certificate signed by that CA may
ask. Without them whoever reaches the port can spend your keys: use a Unix socket or the loopback then.`;

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
    )
    .option("--tls-cert <file>", "certificate of this processor, with its chain")
    .option("--tls-key <file>", "its key")
    .option("--tls-ca <file>", "the CA that signed the certificates of the Envoys that may ask");
  addServingOptions(command)
    .addHelpText("after", HELP)
    .action(async (paths: string[], options: ExtprocOptions) => {
      process.exitCode = await extproc(paths, options);
    });
}

async function extproc(paths: readonly string[], options: ExtprocOptions): Promise<number> {
  const { accessLog, metrics, debug, logFormat, listen, workers, adminPort, drainSeconds } = options;
  const origin = configuredOrigin(paths.length > 0 ? paths : defaultPaths(), process.env);
  const tls = tlsFiles(options);
  const problem = origin.error ?? (tls === "incomplete" ? "--tls-cert, --tls-key and --tls-ca belong together" : "");
  if (problem !== "" || tls === "incomplete") {
    process.stderr.write(`aigw: ${problem}\n`);
    return 1;
  }
  const log = openLog(options);
  const folder = newRunFolder();
  const sockets = workers === 1 ? [] : processorSockets(folder, workers);
  const serve = (self: number): ServeOptions => {
    return { accessLog, metrics, debug, logFormat, door: { kind: "processor", listen, tls, peers: { self, sockets } } };
  };
  const fleet = workers === 1 ? new InProcessFleet(serve(0)) : new ClusterFleet(workers, serve, log);
  const gateway = new Gateway(origin, { fleet, host: "envoy", log, adminPort, drainSeconds });
  const stopped = stopSignal();
  mkdirSync(folder, { mode: RUN_FOLDER_MODE });
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

function tlsFiles({ tlsCert, tlsKey, tlsCa }: ExtprocOptions): TlsFiles | undefined | "incomplete" {
  if (tlsCert === undefined && tlsKey === undefined && tlsCa === undefined) return undefined;
  if (tlsCert === undefined || tlsKey === undefined || tlsCa === undefined) return "incomplete";
  return { cert: tlsCert, key: tlsKey, ca: tlsCa };
}
