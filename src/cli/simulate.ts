/** `aigw simulate`: the built-in simulated provider on a port of its own. */
import { type Command, InvalidArgumentError } from "commander";
import { SETTING_NAMES } from "../simulate/behaviour.ts";
import { FAULTS } from "../simulate/faults.ts";
import { type Simulator, startSimulator } from "../simulate/simulator.ts";

/** The command's options as commander gives them. */
export interface SimulateOptions {
  readonly port: number;
  readonly address: string;
  readonly delayMs: number;
  readonly chunkDelayMs: number;
  readonly chunks?: number;
  readonly tokens?: number;
  readonly apiKey?: string;
}

/** The command's surroundings. */
export interface SimulateIo {
  readonly print: (line: string) => void;
  readonly printError: (line: string) => void;
  /** Settles when the user wants it to end. */
  readonly stopped: () => Promise<unknown>;
}

const HELP = `
A request can ask for its own behaviour with the header "x-simulate: key=value,…"
(keys: ${SETTING_NAMES.join(", ")})
or with a model named simulated-slow, simulated-<status> or simulated-<fault>.

Faults:
${Object.entries(FAULTS)
  .map(([name, { says }]) => `  ${name.padEnd(26)}${says}`)
  .join("\n")}`;

/** Adds the command. */
export function registerSimulate(program: Command): void {
  program
    .command("simulate")
    .description(
      "run a simulated provider that answers as OpenAI, Azure OpenAI, Anthropic, Bedrock and Gemini do, without a model",
    )
    .option("--port <number>", "port to listen on, 0 for a free one", wholeNumber, 8080)
    .option("--address <address>", "address to listen on", "127.0.0.1")
    .option("--delay-ms <number>", "wait before the first byte of an answer", wholeNumber, 0)
    .option("--chunk-delay-ms <number>", "wait between the chunks of a stream", wholeNumber, 0)
    .option("--chunks <number>", "text chunks of a stream (default: one per word)", wholeNumber)
    .option("--tokens <number>", "length of the answers (default: as long as the text is)", wholeNumber)
    .option("--api-key <key>", "refuse every other key (default: any and none is accepted)")
    .addHelpText("after", HELP)
    .action(async (options: SimulateOptions) => {
      process.exitCode = await runSimulate(options, {
        print: (line) => process.stdout.write(`${line}\n`),
        printError: (line) => process.stderr.write(`aigw: ${line}\n`),
        stopped: () => new Promise((resolve) => process.once("SIGINT", resolve).once("SIGTERM", resolve)),
      });
    });
}

/** Runs the simulator until it is stopped; returns the process's exit code. */
export async function runSimulate(options: SimulateOptions, io: SimulateIo): Promise<number> {
  const { port, address, apiKey, delayMs, chunkDelayMs, chunks, tokens } = options;
  const behaviour = { delayMs, chunkDelayMs, chunks, tokens };
  let simulator: Simulator;
  try {
    simulator = await startSimulator({ port, host: address, behaviour, ...(apiKey !== undefined && { apiKey }) });
  } catch (error) {
    io.printError(`cannot listen on ${address}:${port}: ${error instanceof Error ? error.message : error}`);
    return 1;
  }
  io.print(
    `simulated provider listening on http://${address}:${simulator.port} (no model is asked, nothing is charged)`,
  );
  await io.stopped();
  await simulator.close();
  return 0;
}

function wholeNumber(text: string): number {
  if (!/^\d{1,7}$/.test(text)) throw new InvalidArgumentError("a whole number from 0 to 9999999 is wanted");
  return Number(text);
}
