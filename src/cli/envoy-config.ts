/** `aigw envoy-config`: prints the configuration of an Envoy that serves what the files say. */
import { existsSync } from "node:fs";
import type { Command } from "commander";
import { ConfigError, formatFault } from "../errors/config-error.ts";
import type { Environment } from "../resources/substitute.ts";
import type { ProcessorTls } from "../xds/processor-tls.ts";
import type { XdsOptions } from "../xds/resources.ts";
import { DEFAULT_LISTEN } from "./extproc.ts";
import { load } from "./load.ts";
import {
  addRateLimitOptions,
  hostAndPort,
  messageTimeoutOption,
  port,
  type RateLimitOptions,
  rateLimitService,
  socketAddress,
} from "./options.ts";
import { defaultPaths } from "./run/default-paths.ts";
import { configuredOrigin } from "./run/origin.ts";

/** The command's options as commander gives them. */
export interface EnvoyConfigOptions extends RateLimitOptions {
  readonly processor: string;
  readonly address: string;
  readonly port?: number;
  readonly adminPort: number;
  readonly caFile?: string;
  readonly tlsCert?: string;
  readonly tlsKey?: string;
  readonly tlsCa?: string;
  readonly tlsName?: string;
  readonly messageTimeout: number;
  readonly rateLimitTls?: boolean;
}

/** The command's surroundings. */
export interface EnvoyConfigIo {
  readonly print: (text: string) => void;
  readonly printError: (line: string) => void;
  readonly env: Environment;
}

/** Where systems keep the CAs they trust: Debian and Alpine, Red Hat, SUSE, macOS and BSD. */
const CA_FILES = [
  "/etc/ssl/certs/ca-certificates.crt",
  "/etc/pki/tls/certs/ca-bundle.crt",
  "/etc/ssl/ca-bundle.pem",
  "/etc/ssl/cert.pem",
];

const HELP = `
The YAML is a whole static configuration, for \`envoy -c\` and for looking at; run \`aigw extproc\` with the same FILEs
beside it. It holds the private keys of HTTPS listeners, but no provider's key: those stay with the processor. It does
not follow changes; \`aigw run --host envoy\` does.

With --rate-limit-service Envoy's own filter asks that service about global limits: run \`aigw extproc\` with
--limits-in-envoy then, else they are counted twice.

With --tls-cert, --tls-key and --tls-ca (all three, PEM files where Envoy runs) Envoy asks the processor over mutual TLS, as
\`aigw extproc\` wants it with its options of the same names. Envoy reads them when it starts.`;

/** Adds the command. */
export function registerEnvoyConfig(program: Command): void {
  const command = program
    .command("envoy-config")
    .description("print the static configuration of an Envoy that serves FILE… through `aigw extproc`")
    .argument("[FILE...]")
    .option("--processor <where>", "unix:/path or host:port of `aigw extproc`", processor, DEFAULT_LISTEN)
    .option("--address <address>", "address that Envoy listens on", "0.0.0.0")
    .option("--port <number>", "port of every listener (default: its own)", port)
    .option("--admin-port <number>", "port of Envoy's admin page, on 127.0.0.1", port, 9901)
    .option("--ca-file <path>", "CAs that providers are verified by, where Envoy runs (default: this system's)")
    .option("--tls-cert <file>", "certificate that Envoy shows to the processor, with its chain")
    .option("--tls-key <file>", "its key")
    .option("--tls-ca <file>", "the CA that signed the processor's certificate")
    .option("--tls-name <name>", "name in the processor's certificate (default: the host in --processor)")
    .addOption(messageTimeoutOption());
  addRateLimitOptions(command)
    .option("--rate-limit-tls", "ask that service over mutual TLS, too, with the files of --tls-…")
    .addHelpText("after", HELP)
    .action(async (paths: string[], options: EnvoyConfigOptions) => {
      process.exitCode = await runEnvoyConfig(paths, options, {
        print: (text) => process.stdout.write(text),
        printError: (line) => process.stderr.write(`${line}\n`),
        env: process.env,
      });
    });
}

/** Prints the configuration, or what is wrong; returns the process's exit code. */
export async function runEnvoyConfig(
  paths: readonly string[],
  options: EnvoyConfigOptions,
  io: EnvoyConfigIo,
): Promise<number> {
  const origin = configuredOrigin(paths.length > 0 ? paths : defaultPaths(), io.env);
  if (origin.error !== undefined) {
    io.printError(`aigw: ${origin.error}`);
    return 1;
  }
  const tls = processorTls(options);
  if (typeof tls === "string") {
    io.printError(`aigw: ${tls}`);
    return 1;
  }
  let sources: ReturnType<typeof origin.read>;
  try {
    sources = origin.read();
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    for (const fault of error.faults) io.printError(formatFault(fault));
    return 1;
  }
  const { config, faults, notices } = await load({ sources, loadedAt: 0 }, io.env, "envoy");
  for (const notice of notices) io.printError(`notice: ${formatFault(notice)}`);
  for (const fault of faults) io.printError(formatFault(fault));
  if (faults.length > 0) return 1;
  const { staticBootstrap } = await import("../xds/static-bootstrap.ts");
  io.print(staticBootstrap(config, { ...xdsOptions(options, tls), adminPort: options.adminPort }));
  return 0;
}

function xdsOptions(options: EnvoyConfigOptions, tls: ProcessorTls | undefined): XdsOptions {
  const { processor, address, port, caFile, messageTimeout, rateLimitTls = false } = options;
  const service = rateLimitService(options);
  return {
    bindAddress: address,
    portOverride: port,
    processor: { sockets: [processor], tls },
    messageTimeoutMs: messageTimeout,
    systemCaPath: caFile ?? CA_FILES.find((path) => existsSync(path)) ?? "/etc/ssl/certs/ca-certificates.crt",
    rateLimitService:
      service && tls && rateLimitTls ? { ...service, tls: { ...tls, serverName: service.host } } : service,
  };
}

/** Undefined for clear text; a sentence when something is missing. */
function processorTls(options: EnvoyConfigOptions): ProcessorTls | string | undefined {
  const { processor, tlsCert: cert, tlsKey: key, tlsCa: ca, tlsName } = options;
  if (cert === undefined && key === undefined && ca === undefined) {
    if (options.rateLimitTls) return "--rate-limit-tls needs --tls-cert, --tls-key and --tls-ca";
    return tlsName === undefined ? undefined : "--tls-name needs --tls-cert, --tls-key and --tls-ca";
  }
  if (cert === undefined || key === undefined || ca === undefined) {
    return "--tls-cert, --tls-key and --tls-ca belong together";
  }
  const serverName = tlsName ?? (processor.startsWith("/") ? undefined : hostAndPort(processor).host);
  if (serverName === undefined) return "a Unix socket has no name: say --tls-name";
  return { cert, key, ca, serverName };
}

/** As the resources name it: the path of a Unix socket, or `host:port`. */
function processor(text: string): string {
  const address = socketAddress(text);
  return "path" in address ? address.path : text;
}
