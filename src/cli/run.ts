/** `aigw run`: the gateway on this machine, from files or from provider keys in the environment. */
import { type Command, InvalidArgumentError, Option } from "commander";
import type { HostKind } from "../config/compile.ts";
import type { Logger } from "../telemetry/logger.ts";
import { addServingOptions, hostAndPort, messageTimeoutOption, port, type ServingOptions } from "./options.ts";
import { ClusterFleet } from "./run/cluster-fleet.ts";
import { defaultPaths } from "./run/default-paths.ts";
import type { Fleet, ServeOptions } from "./run/fleet.ts";
import { Gateway } from "./run/gateway.ts";
import { InProcessFleet } from "./run/in-process.ts";
import { openLog } from "./run/open-log.ts";
import { type Origin, originOf } from "./run/origin.ts";
import { stopSignal } from "./run/stop-signal.ts";

/** The command's options as commander gives them. */
export interface RunOptions extends ServingOptions {
  readonly host: HostKind;
  readonly address?: string;
  readonly port?: number;
  readonly envoy?: string;
  readonly messageTimeout: number;
  readonly rateLimitService?: { readonly host: string; readonly port: number };
  readonly rateLimitConfig?: string;
  readonly rateLimitDeny?: boolean;
}

const HELP = `
Without FILE the gateway is configured by $AIGW_CONFIG_HOME/config.yaml (default ~/.config/aigw/config.yaml), else by
the environment: OPENAI_API_KEY [OPENAI_BASE_URL, OPENAI_ORG_ID, OPENAI_PROJECT_ID], ANTHROPIC_API_KEY
[ANTHROPIC_BASE_URL], AZURE_OPENAI_API_KEY with AZURE_OPENAI_ENDPOINT and OPENAI_API_VERSION. With none of these it
serves a simulated provider, so that there is something to try.

A changed FILE is live within 200 ms; a change with a fault is refused, told, and the old configuration stays.
Listens on 127.0.0.1 when configured by the environment (whoever reaches the port spends your keys), else on all
addresses. SIGTERM and SIGINT let requests finish; a second one ends at once.

With --host envoy an Envoy holds the connections, started and configured by this command, and asks this process (or
its workers) about every request. Envoy is looked for at --envoy, on the PATH, and where \`aigw download-envoy\` has
put it.`;

/** Adds the command. */
export function registerRun(program: Command): void {
  const command = program
    .command("run", { isDefault: true })
    .description("serve the models of the configuration in FILE… (files or folders of YAML)")
    .argument("[FILE...]")
    .addOption(
      new Option("--host <kind>", '"embedded": this program serves by itself; "envoy": through an Envoy')
        .argParser(hostKind)
        .default("embedded"),
    )
    .option("--address <address>", "address to listen on")
    .option(
      "--port <number>",
      "port to listen on, 0 for a free one (default: the Gateway's listener, else 1975)",
      port,
    );
  addServingOptions(command)
    .addOption(new Option("--envoy <path>", "Envoy's program, for --host envoy").env("AIGW_ENVOY"))
    .addOption(messageTimeoutOption())
    .option("--rate-limit-service <host:port>", "Envoy's rate limit service, for --host envoy", hostAndPort)
    .option("--rate-limit-config <folder>", "where that service reads its limits: they are written there")
    .option("--rate-limit-deny", "refuse requests while that service does not answer (default: let them pass)")
    .addHelpText("after", HELP)
    .action(async (paths: string[], options: RunOptions) => {
      process.exitCode = await run(paths, options);
    });
}

async function run(paths: readonly string[], options: RunOptions): Promise<number> {
  if (options.host !== "envoy" && (options.rateLimitService ?? options.rateLimitConfig) !== undefined) {
    process.stderr.write("aigw: --rate-limit-service and --rate-limit-config need --host envoy\n");
    return 1;
  }
  const origin = await originOf(paths.length > 0 ? paths : defaultPaths(), process.env);
  if (origin.error !== undefined) {
    process.stderr.write(`aigw: ${origin.error}\n`);
    return 1;
  }
  const { host, adminPort, drainSeconds } = options;
  const address = options.address ?? origin.address;
  const log = openLog(options);
  let fleet: Fleet;
  try {
    fleet = host === "envoy" ? await envoyFleet(address, options, log) : embeddedFleet(address, options, log);
  } catch (error) {
    process.stderr.write(`aigw: ${error instanceof Error ? error.message : error}\n`);
    await origin.simulator?.close();
    return 1;
  }
  const gateway = new Gateway(origin, { fleet, host, log, adminPort, drainSeconds });
  const stopped = stopSignal();
  if (!(await gateway.start())) return 1;
  process.stderr.write(greeting(origin, gateway, address));
  await stopped;
  await gateway.stop();
  return 0;
}

function embeddedFleet(address: string, options: RunOptions, log: Logger): Fleet {
  const { accessLog, metrics, debug, logFormat, port, workers } = options;
  const serve: ServeOptions = { accessLog, metrics, debug, logFormat, door: { kind: "http", address, port } };
  return workers === 1 ? new InProcessFleet(serve) : new ClusterFleet(workers, () => serve, log);
}

/** Loaded only here: Envoy's messages are much code, which the embedded host has no use for. */
async function envoyFleet(address: string, options: RunOptions, log: Logger): Promise<Fleet> {
  const { accessLog, metrics, debug, logFormat, port, workers, drainSeconds } = options;
  const { findEnvoy } = await import("../xds/find-envoy.ts");
  const program = findEnvoy(options.envoy, process.env);
  const { EnvoyFleet } = await import("./run/envoy-fleet.ts");
  const {
    messageTimeout: messageTimeoutMs,
    rateLimitService: service,
    rateLimitConfig: rateLimitFolder,
    rateLimitDeny = false,
  } = options;
  const telemetry = { accessLog, metrics, debug, logFormat };
  const rateLimitService = service && { ...service, denyOnFailure: rateLimitDeny };
  return new EnvoyFleet(
    {
      ...telemetry,
      address,
      port,
      workers,
      program,
      drainSeconds,
      messageTimeoutMs,
      rateLimitService,
      rateLimitFolder,
    },
    log,
  );
}

function greeting(origin: Origin, gateway: Gateway, address: string): string {
  const shown = address === "0.0.0.0" || address === "::" ? "127.0.0.1" : address;
  const listeners = gateway.config?.listeners ?? [];
  const urls = gateway.ports.map((port, i) => `${listeners[i]?.tls ? "https" : "http"}://${shown}:${port}`);
  const [url = "", ...more] = urls;
  const lines = [
    ...origin.notes,
    `listening on ${url}`,
    ...more.map((other) => `listening on ${other}`),
    `admin on ${gateway.adminUrl} (/metrics /healthz /readyz /status)`,
    ...gateway.notes,
    "",
    "Try it:",
    `  curl ${url}/v1/chat/completions -H 'content-type: application/json' \\`,
    `    -d '{"model": "${gateway.exampleModel}", "messages": [{"role": "user", "content": "Hello!"}]}'`,
    `  curl ${url}/v1/models`,
    `  OPENAI_BASE_URL=${url}/v1 ANTHROPIC_BASE_URL=${url}   # for every OpenAI or Anthropic client`,
    "",
  ];
  return lines.map((line) => `${line}\n`).join("");
}

function hostKind(text: string): HostKind {
  if (text === "embedded" || text === "envoy") return text;
  throw new InvalidArgumentError('"embedded" or "envoy" is wanted; the address to listen on is --address');
}
