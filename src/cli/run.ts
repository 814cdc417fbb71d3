/** `aigw run`: the gateway on this machine, from files or from provider keys in the environment. */
import { type Command, InvalidArgumentError, Option } from "commander";
import { KeyFolder } from "../admin/key-folder.ts";
import type { HostKind } from "../config/compile.ts";
import type { Logger } from "../telemetry/logger.ts";
import {
  addRateLimitOptions,
  addServingOptions,
  limitOptions,
  messageTimeoutOption,
  port,
  type RateLimitOptions,
  rateLimitService,
  type ServingOptions,
} from "./options.ts";
import { ClusterFleet } from "./run/cluster-fleet.ts";
import { defaultPaths } from "./run/default-paths.ts";
import type { Fleet, ServeOptions } from "./run/fleet.ts";
import { Gateway } from "./run/gateway.ts";
import { InProcessFleet } from "./run/in-process.ts";
import { withKeys } from "./run/keys-origin.ts";
import { openLog } from "./run/open-log.ts";
import { type Origin, originOf, withPrices } from "./run/origin.ts";
import { stopSignal } from "./run/stop-signal.ts";

/** The command's options as commander gives them. */
export interface RunOptions extends ServingOptions, RateLimitOptions {
  readonly host: HostKind;
  readonly address?: string;
  readonly port?: number;
  readonly envoy?: string;
  readonly messageTimeout: number;
  readonly rateLimitConfig?: string;
  readonly keys?: string;
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
  addRateLimitOptions(addServingOptions(command))
    .addOption(new Option("--envoy <path>", "Envoy's program, for --host envoy").env("AIGW_ENVOY"))
    .addOption(messageTimeoutOption())
    .option(
      "--keys <folder>",
      "folder of GatewayKeys, which callers then need: part of the configuration, managed on the admin port (/keys)",
    )
    .option("--rate-limit-config <folder>", "where Envoy's own service reads its limits: they are written there")
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
  const configured = await originOf(paths.length > 0 ? paths : defaultPaths(), process.env);
  if (configured.error !== undefined) {
    process.stderr.write(`aigw: ${configured.error}\n`);
    return 1;
  }
  const { host, adminPort, drainSeconds } = options;
  const address = options.address ?? configured.address;
  const log = openLog(options);
  let origin = withPrices(configured, options.prices);
  let keys: KeyFolder | undefined;
  let fleet: Fleet;
  try {
    if (options.keys !== undefined) {
      keys = new KeyFolder(options.keys, Date.now);
      origin = withKeys(origin, keys);
    }
    fleet = host === "envoy" ? await envoyFleet(address, options, log) : embeddedFleet(address, options, log);
  } catch (error) {
    process.stderr.write(`aigw: ${error instanceof Error ? error.message : error}\n`);
    await origin.simulator?.close();
    return 1;
  }
  const gateway = new Gateway(origin, { fleet, host, log, adminPort, drainSeconds, keys });
  const stopped = stopSignal();
  if (!(await gateway.start())) return 1;
  process.stderr.write(greeting(origin, gateway, address));
  await stopped;
  await gateway.stop();
  return 0;
}

function embeddedFleet(address: string, options: RunOptions, log: Logger): Fleet {
  const { accessLog, metrics, debug, logFormat, port, workers } = options;
  const limits = limitOptions(options);
  const serve: ServeOptions = { accessLog, metrics, debug, logFormat, limits, door: { kind: "http", address, port } };
  return workers === 1 ? new InProcessFleet(serve) : new ClusterFleet(workers, () => serve, log);
}

/** Loaded only here: Envoy's messages are much code, which the embedded host has no use for. */
async function envoyFleet(address: string, options: RunOptions, log: Logger): Promise<Fleet> {
  const { accessLog, metrics, debug, logFormat, port, workers, drainSeconds } = options;
  const { findEnvoy } = await import("../xds/find-envoy.ts");
  const program = findEnvoy(options.envoy, process.env);
  const { EnvoyFleet } = await import("./run/envoy-fleet.ts");
  const { messageTimeout: messageTimeoutMs, rateLimitConfig: rateLimitFolder } = options;
  const telemetry = { accessLog, metrics, debug, logFormat };
  return new EnvoyFleet(
    {
      ...telemetry,
      address,
      port,
      workers,
      program,
      drainSeconds,
      limits: limitOptions(options),
      messageTimeoutMs,
      rateLimitService: rateLimitService(options),
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
  const key = origin.closed ? ' -H "authorization: Bearer $KEY"' : "";
  const lines = [
    ...origin.notes,
    `listening on ${url}`,
    ...more.map((other) => `listening on ${other}`),
    `admin on ${gateway.adminUrl} (/metrics /healthz /readyz /status)`,
    ...gateway.notes,
    "",
    "Try it:",
    `  curl ${url}/v1/chat/completions${key} -H 'content-type: application/json' \\`,
    `    -d '{"model": "${gateway.exampleModel}", "messages": [{"role": "user", "content": "Hello!"}]}'`,
    `  curl ${url}/v1/models${key}`,
    `  OPENAI_BASE_URL=${url}/v1 ANTHROPIC_BASE_URL=${url}   # for every OpenAI or Anthropic client`,
    "",
  ];
  return lines.map((line) => `${line}\n`).join("");
}

function hostKind(text: string): HostKind {
  if (text === "embedded" || text === "envoy") return text;
  throw new InvalidArgumentError('"embedded" or "envoy" is wanted; the address to listen on is --address');
}
