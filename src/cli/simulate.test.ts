import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:net";
import { test } from "node:test";
import { Command } from "commander";
import { registerSimulate, runSimulate, type SimulateOptions } from "./simulate.ts";

const OPTIONS: SimulateOptions = { port: 0, address: "127.0.0.1", delayMs: 0, chunkDelayMs: 0 };

/** Runs the command and stops it at once. */
async function run(options: Partial<SimulateOptions>): Promise<{ code: number; out: string[]; err: string[] }> {
  const out: string[] = [];
  const err: string[] = [];
  const io = { print: (line: string) => out.push(line), printError: (line: string) => err.push(line) };
  const code = await runSimulate({ ...OPTIONS, ...options }, { ...io, stopped: () => Promise.resolve() });
  return { code, out, err };
}

test("the command prints one line with its address and ends with 0 when it is stopped", async () => {
  const { code, out, err } = await run({});
  assert.equal(code, 0);
  assert.equal(out.length, 1);
  assert.match(out[0] ?? "", /^simulated provider listening on http:\/\/127\.0\.0\.1:\d+ /);
  assert.deepEqual(err, []);
});

test("a port that is taken is reported, not thrown", async () => {
  const other = createServer().listen(0, "127.0.0.1");
  await once(other, "listening");
  const address = other.address();
  const port = typeof address === "object" ? (address?.port ?? 0) : 0;
  const { code, err } = await run({ port });
  other.close();
  assert.equal(code, 1);
  assert.match(err[0] ?? "", /^cannot listen on 127\.0\.0\.1:\d+: .*EADDRINUSE/);
});

test("an option that is no number is refused by its name", async () => {
  let said = "";
  const program = new Command("aigw").exitOverride();
  registerSimulate(program);
  for (const command of program.commands)
    command.exitOverride().configureOutput({ writeErr: (text) => (said += text) });
  await assert.rejects(program.parseAsync(["node", "aigw", "simulate", "--chunks", "many"]));
  assert.match(said, /--chunks <number>.*'many'.*a whole number from 0 to 9999999 is wanted/);
});

test("the help names every fault", () => {
  const program = new Command("aigw");
  registerSimulate(program);
  let said = "";
  for (const command of program.commands) command.configureOutput({ writeOut: (text) => (said += text) }).outputHelp();
  assert.match(said, /\n {2}hang-mid-stream +falls silent after half of the events\n/);
});
