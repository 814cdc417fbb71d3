/** The command line: argv → one of the commands. */
import { Command, CommanderError } from "commander";
import { registerCheck } from "./check.ts";
import { registerDownloadEnvoy } from "./download-envoy.ts";
import { registerEnvoyConfig } from "./envoy-config.ts";
import { registerExtproc } from "./extproc.ts";
import { registerKey } from "./key.ts";
import { registerRateLimit } from "./ratelimit.ts";
import { registerRun } from "./run.ts";
import { registerSimulate } from "./simulate.ts";
import { VERSION } from "./version.ts";

/** Runs the command that `argv` names and sets the process's exit code. */
export async function main(argv: readonly string[]): Promise<void> {
  const program = new Command("aigw")
    .description("AI gateway: one OpenAI- and Anthropic-compatible door in front of every model provider.")
    .version(`aigw ${VERSION}`, "-V, --version", "print the version")
    .showHelpAfterError("(run `aigw --help` or `aigw COMMAND --help` for the options)")
    .exitOverride();
  registerRun(program);
  registerCheck(program);
  registerKey(program);
  registerSimulate(program);
  registerExtproc(program);
  registerRateLimit(program);
  registerEnvoyConfig(program);
  registerDownloadEnvoy(program);
  program
    .command("version")
    .description("print the version")
    .action(() => {
      process.stdout.write(`aigw ${VERSION}\n`);
    });
  try {
    await program.parseAsync([...argv]);
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    // Commander has printed what is wrong, or the help or version that was asked for.
    process.exitCode = error.exitCode;
  }
}
