/** `aigw key`: makes keys for callers, and hashes keys that there are. */
import { text as readText } from "node:stream/consumers";
import { type Command, InvalidArgumentError } from "commander";
import { KeyFolder, KeyFolderError } from "../admin/key-folder.ts";
import { type KeyRequest, keyFaults, keyResource, keyYaml, newKey } from "../caller-auth/issue-key.ts";
import { keyDigest } from "../caller-auth/prepare.ts";
import { durationMs } from "../resources/duration.ts";

/** The options of `aigw key new` as commander gives them. */
export interface NewKeyOptions {
  readonly name?: string;
  readonly namespace?: string;
  readonly owner?: string;
  readonly team?: string;
  readonly user?: string;
  readonly models?: readonly string[];
  /** Milliseconds. */
  readonly expires?: number;
  readonly out?: string;
  readonly json?: boolean;
}

/** The command's surroundings. */
export interface KeyIo {
  readonly print: (text: string) => void;
  readonly explain: (text: string) => void;
  /** Unix milliseconds. */
  readonly now: () => number;
}

const IO: KeyIo = {
  print: (text) => process.stdout.write(text),
  explain: (text) => process.stderr.write(text),
  now: Date.now,
};

const HELP = `
The key is printed once, on the first line, and nowhere kept: the GatewayKey has its hash. Without --out that follows on
standard output, to be put into the configuration; with it the file is written into FOLDER, which may be the one that
\`aigw run --keys\` reads.`;

/** Adds the commands. */
export function registerKey(program: Command): void {
  const key = program.command("key").description("make keys for callers of the gateway");
  key
    .command("new")
    .description("make a key and the GatewayKey that says who holds it")
    .option("--name <name>", "name of the GatewayKey (default: a random one)")
    .option("--namespace <namespace>", "its namespace", "default")
    .option("--owner <owner>", "who holds it, such as alice@example.com")
    .option("--team <team>", "the team it is for")
    .option("--user <user>", "the user it is for")
    .option(
      "--models <models>",
      "models it may ask for, with commas between; * at the end of a name for the rest",
      models,
    )
    .option("--expires <duration>", "how long it is good, such as 90d or 12h", expires)
    .option("--out <folder>", "write the GatewayKey into this folder")
    .option("--json", "print one JSON object")
    .addHelpText("after", HELP)
    .action(async (options: NewKeyOptions) => {
      process.exitCode = await makeKey(options, IO);
    });
  key
    .command("hash")
    .description("read a key from standard input and print its hash, for spec.hashes of a GatewayKey")
    .action(async () => {
      process.exitCode = printHash(await readText(process.stdin), IO);
    });
}

/** Makes a key; returns the process's exit code. */
export async function makeKey(options: NewKeyOptions, io: KeyIo): Promise<number> {
  const { name, namespace, owner, team, user, models: named, expires: expiresMs, out, json } = options;
  const expiresAt = expiresMs && wholeSeconds(io.now() + expiresMs);
  const given = { owner, team, user, models: named, expiresAt };
  const spec = Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined));
  const request = { name, namespace, spec };
  return out === undefined ? printKey(request, json === true, io) : await writeKey(request, out, json === true, io);
}

function printKey(request: KeyRequest, json: boolean, io: KeyIo): number {
  const key = newKey();
  const resource = keyResource(key, request);
  const faults = keyFaults(resource);
  for (const fault of faults) io.explain(`aigw: ${fault}\n`);
  if (faults.length > 0) return 1;
  io.print(json ? `${JSON.stringify({ key, resource })}\n` : `${key}\n---\n${keyYaml(resource)}`);
  return 0;
}

async function writeKey(request: KeyRequest, out: string, json: boolean, io: KeyIo): Promise<number> {
  try {
    const made = await new KeyFolder(out, io.now).create(request, async () => undefined);
    io.print(json ? `${JSON.stringify(made)}\n` : `${made.key}\n`);
    io.explain(`GatewayKey ${made.namespace}/${made.name} is in ${out}\n`);
    return 0;
  } catch (error) {
    if (!(error instanceof KeyFolderError)) throw error;
    io.explain(`aigw: ${error.message}\n`);
    return 1;
  }
}

/** Prints the hash of a key; returns the process's exit code. */
export function printHash(input: string, io: KeyIo): number {
  const key = input.trim();
  if (key === "" || /\s/.test(key)) {
    io.explain("aigw: one key is wanted on standard input\n");
    return 1;
  }
  io.print(`${keyDigest(key)}\n`);
  return 0;
}

function wholeSeconds(ms: number): string {
  return new Date(Math.ceil(ms / 1000) * 1000).toISOString().replace(".000Z", "Z");
}

function models(text: string): string[] {
  const names = text.split(",").map((name) => name.trim());
  if (names.includes("")) throw new InvalidArgumentError("names with commas between are wanted");
  return names;
}

const DAYS = /^([0-9]{1,5})d$/;
const DAY_MS = 86_400_000;

function expires(text: string): number {
  const [, days] = DAYS.exec(text) ?? [];
  const ms = days === undefined ? durationMs(text) : Number(days) * DAY_MS;
  if (!ms) throw new InvalidArgumentError("a duration such as 90d or 12h is wanted");
  return ms;
}
