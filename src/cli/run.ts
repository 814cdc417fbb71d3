/** `aigw run`: the gateway on this machine, from files or from provider keys in the environment. */
import { existsSync } from "node:fs";
import { availableParallelism, homedir } from "node:os";
import { join } from "node:path";
import { type Command, InvalidArgumentError, Option } from "commander";
import { Gateway, type RunOptions } from "./run/gateway.ts";
import { type Origin, originOf } from "./run/origin.ts";

const HELP = `
Without FILE the gateway is configured by $AIGW_CONFIG_HOME/config.yaml (default ~/.config/aigw/config.yaml), else by
the environment: OPENAI_API_KEY [OPENAI_BASE_URL, OPENAI_ORG_ID, OPENAI_PROJECT_ID], ANTHROPIC_API_KEY
[ANTHROPIC_BASE_URL], AZURE_OPENAI_API_KEY with AZURE_OPENAI_ENDPOINT and OPENAI_API_VERSION. With none of these it
serves a simulated provider, so that there is something to try.

A changed FILE is live within 200 ms; a change with a fault is refused, told, and the old configuration stays.
Listens on 127.0.0.1 when configured by the environment (whoever reaches the port spends your keys), else on all
addresses. SIGTERM and SIGINT let requests finish; a second one ends at once.`;

/** Adds the command. */
export function registerRun(program: Command): void {
  program
    .command("run", { isDefault: true })
    .description("serve the models of the configuration in FILE… (files or folders of YAML)")
    .argument("[FILE...]")
    .option("--host <address>", "address to listen on")
    .option("--port <number>", "port to listen on, 0 for a free one (default: the Gateway's listener, else 1975)", port)
    .option("--admin-port <number>", "port of metrics, health and status, on 127.0.0.1; 0 for a free one", port, 1064)
    .option("--workers <number>", "processes that serve", count, availableParallelism())
    .addOption(
      new Option("--access-log <where>", '"-" for standard output, "none", or a file')
        .default(process.env["OTEL_LOGS_EXPORTER"] === "none" ? "none" : "-")
        .argParser(String),
    )
    .option("--no-metrics", "do not count for /metrics")
    .addOption(new Option("--debug", "log every phase, bodies redacted").env("AIGW_DEBUG").default(false))
    .addOption(
      new Option("--log-format <format>", "format of the log on standard error")
        .choices(["text", "json"])
        .default("text"),
    )
    .option("--drain-seconds <number>", "how long requests may finish after SIGTERM", count, 30)
    .addHelpText("after", HELP)
    .action(async (paths: string[], options: RunOptions) => {
      process.exitCode = await run(paths, options);
    });
}

async function run(paths: readonly string[], options: RunOptions): Promise<number> {
  const origin = await originOf(paths.length > 0 ? paths : defaultPaths(), process.env);
  if (origin.error !== undefined) {
    process.stderr.write(`aigw: ${origin.error}\n`);
    return 1;
  }
  const gateway = new Gateway(origin, options);
  const stopped = stopSignal();
  const started = await gateway.start();
  if (!started) return 1;
  process.stderr.write(greeting(origin, gateway));
  await stopped;
  await gateway.stop();
  return 0;
}

function defaultPaths(): string[] {
  const home = process.env["AIGW_CONFIG_HOME"] ?? join(homedir(), ".config", "aigw");
  const path = join(home, "config.yaml");
  return existsSync(path) ? [path] : [];
}

function greeting(origin: Origin, gateway: Gateway): string {
  const [url = "", ...more] = gateway.urls;
  const lines = [
    ...origin.notes,
    `listening on ${url}`,
    ...more.map((other) => `listening on ${other}`),
    `admin on ${gateway.adminUrl} (/metrics /healthz /readyz /status)`,
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

/** Resolves at the first signal to stop; the second one ends the process. */
function stopSignal(): Promise<void> {
  return new Promise((resolve) => {
    const stop = () => {
      process.once("SIGINT", () => process.exit(130));
      process.once("SIGTERM", () => process.exit(143));
      resolve();
    };
    process.once("SIGINT", stop);
    process.once("SIGTERM", stop);
  });
}

function port(text: string): number {
  const value = Number(text);
  if (!/^\d+$/.test(text) || value > 65_535) throw new InvalidArgumentError("a port is a number from 0 to 65535");
  return value;
}

function count(text: string): number {
  if (!/^\d{1,4}$/.test(text) || Number(text) === 0) throw new InvalidArgumentError("a whole number from 1 is wanted");
  return Number(text);
}
