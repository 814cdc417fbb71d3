/** `aigw check`: says everything that is wrong with a configuration, and what of it is not applied. */
import { styleText } from "node:util";
import { type Command, Option } from "commander";
import type { HostKind } from "../config/compile.ts";
import type { ResourceStatus } from "../config/runtime-config.ts";
import { ConfigError, type Fault, formatFault, formatPosition } from "../errors/config-error.ts";
import { readSources, type Source } from "../resources/load.ts";
import type { Environment } from "../resources/substitute.ts";
import { load } from "./load.ts";

/** The command's surroundings. */
export interface CheckIo {
  readonly print: (line: string) => void;
  readonly env: Environment;
  /** What is to serve the configuration. */
  readonly host: HostKind;
  /** File of prices. */
  readonly prices?: string | undefined;
  /** Whether the output is for a person at a terminal. */
  readonly colors: boolean;
}

/** Adds the command. */
export function registerCheck(program: Command): void {
  program
    .command("check")
    .description("say everything that is wrong with the configuration in FILE… (files or folders of YAML), then end")
    .argument("<FILE...>")
    .addOption(
      new Option("--host <kind>", "what is to serve it: tells what that does not apply")
        .choices(["embedded", "envoy"])
        .default("embedded"),
    )
    .option("--prices <file>", "prices of models that are to be checked too")
    .addHelpText("after", "\nEnds with 0 when there is no fault, else with 1.")
    .action(async (paths: string[], { host, prices }: { readonly host: HostKind; readonly prices?: string }) => {
      process.exitCode = await runCheck(paths, {
        print: (line) => process.stdout.write(`${line}\n`),
        env: process.env,
        host,
        prices,
        colors: process.stdout.isTTY === true && process.env["NO_COLOR"] === undefined,
      });
    });
}

/** Checks the configuration in files and folders and prints what it finds; returns the process's exit code. */
export async function runCheck(paths: readonly string[], io: CheckIo): Promise<number> {
  let sources: readonly Source[];
  let prices: Source | undefined;
  try {
    sources = readSources(paths);
    [prices] = io.prices === undefined ? [] : readSources([io.prices]);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    printFaults(error.faults, io);
    return 1;
  }
  const loaded = await load({ sources, prices, loadedAt: Math.floor(Date.now() / 1000) }, io.env, io.host);
  const { faults, notices, ignored } = loaded;
  printFaults(faults, io);
  for (const notice of notices) io.print(`${paint(io, "yellow", "notice")}  ${formatFault(notice)}`);
  for (const { kind, id, source } of ignored) {
    const at = formatPosition(source);
    io.print(`${paint(io, "yellow", "ignored")} ${at}: ${kind} ${id} is not read by this gateway`);
  }
  // What is accepted of a configuration that cannot serve would only distract from why it cannot.
  if (faults.length === 0) for (const status of loaded.config.statuses) printStatus(status, io);
  const counts = [
    count(faults.length, "fault"),
    count(notices.length, "notice"),
    `${ignored.length} ignored`,
    `${count(loaded.objects, "object")} in ${count(sources.length, "file")}`,
  ];
  io.print(paint(io, faults.length === 0 ? "green" : "red", counts.join(", ")));
  return faults.length === 0 ? 0 : 1;
}

function printFaults(faults: readonly Fault[], io: CheckIo): void {
  for (const fault of faults) io.print(`${paint(io, "red", "fault")}   ${formatFault(fault)}`);
}

function printStatus({ kind, id, conditions }: ResourceStatus, io: CheckIo): void {
  for (const { type, message } of conditions) {
    io.print(`${paint(io, type === "Accepted" ? "green" : "yellow", "status")}  ${kind} ${id} ${type}: ${message}`);
  }
}

function paint(io: CheckIo, color: "red" | "yellow" | "green", text: string): string {
  return io.colors ? styleText(color, text, { validateStream: false }) : text;
}

function count(quantity: number, what: string): string {
  return `${quantity} ${what}${quantity === 1 ? "" : "s"}`;
}
