/** `aigw envoy-config`: prints the configuration of an Envoy that serves what the files say. */
import { existsSync } from "node:fs";
import type { Command } from "commander";
import { ConfigError, formatFault } from "../errors/config-error.ts";
import type { Environment } from "../resources/substitute.ts";
import type { XdsOptions } from "../xds/resources.ts";
import { DEFAULT_LISTEN } from "./extproc.ts";
import { load } from "./load.ts";
import { hostAndPort, messageTimeoutOption, port, socketAddress } from "./options.ts";
import { defaultPaths } from "./run/default-paths.ts";
import { configuredOrigin } from "./run/origin.ts";

/** The command's options as commander gives them. */
export interface EnvoyConfigOptions {
  readonly processor: string;
  readonly address: string;
  readonly port?: number;
  readonly adminPort: number;
  readonly caFile?: string;
  readonly messageTimeout: number;
  readonly rateLimitService?: { readonly host: string; readonly port: number };
  readonly rateLimitDeny?: boolean;
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
not follow changes; \`aigw run --host envoy\` does.`;

/** Adds the command. */
export function registerEnvoyConfig(program: Command): void {
  program
    .command("envoy-config")
    .description("print the static configuration of an Envoy that serves FILE… through `aigw extproc`")
    .argument("[FILE...]")
    .option("--processor <where>", "unix:/path or host:port of `aigw extproc`", processor, DEFAULT_LISTEN)
    .option("--address <address>", "address that Envoy listens on", "0.0.0.0")
    .option("--port <number>", "port of every listener (default: its own)", port)
    .option("--admin-port <number>", "port of Envoy's admin page, on 127.0.0.1", port, 9901)
    .option("--ca-file <path>", "CAs that providers are verified by, where Envoy runs (default: this system's)")
    .addOption(messageTimeoutOption())
    .option("--rate-limit-service <host:port>", "Envoy's rate limit service", hostAndPort)
    .option("--rate-limit-deny", "refuse requests while that service does not answer (default: let them pass)")
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
  io.print(staticBootstrap(config, { ...xdsOptions(options), adminPort: options.adminPort }));
  return 0;
}

function xdsOptions({
  processor,
  address,
  port,
  caFile,
  messageTimeout,
  rateLimitService,
  rateLimitDeny,
}: EnvoyConfigOptions): XdsOptions {
  return {
    bindAddress: address,
    portOverride: port,
    processor: { sockets: [processor] },
    messageTimeoutMs: messageTimeout,
    systemCaPath: caFile ?? CA_FILES.find((path) => existsSync(path)) ?? "/etc/ssl/certs/ca-certificates.crt",
    rateLimitService: rateLimitService && { ...rateLimitService, denyOnFailure: rateLimitDeny ?? false },
  };
}

/** As the resources name it: the path of a Unix socket, or `host:port`. */
function processor(text: string): string {
  const address = socketAddress(text);
  return "path" in address ? address.path : text;
}
