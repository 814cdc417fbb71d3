/**
 * The benchmark: every system side by side in one run, one core for the system and one for the provider and the clients.
 * `npm run bench -- --help` lists the options; README.md says how to read the result.
 */
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { judge } from "./bars.ts";
import { type ColdStart, measureColdStart, measureTwoCores, type TwoCores } from "./gateway-only.ts";
import { LoadGenerator } from "./load.ts";
import { measure, type Sample } from "./measure.ts";
import { pinningFault } from "./processes.ts";
import { formatReport, reportJson, resultsOf } from "./report.ts";
import {
  type Ground,
  LOAD_CORE,
  SYSTEM_NAMES,
  type System,
  type SystemName,
  startMock,
  startSystem,
} from "./systems.ts";
import { findWrk } from "./tools.ts";
import { WORKLOADS, type Workload } from "./workloads.ts";

const HELP = `npm run bench -- [OPTION…]

  --only a,b        these systems: ${SYSTEM_NAMES.join(", ")} (default: all but litellm)
  --litellm         LiteLLM as well (installs some hundred MB into .cache/)
  --workload a,b    these workloads: ${WORKLOADS.map(({ name }) => name).join(", ")} (default: all)
  --seconds N       how long each pair is measured in a round (default 3)
  --rounds N        how often everything is started, warmed up and measured (default 3)
  --quick           one round of one second, without cold start and second core
  --check           exit code 1 when a bar is missed or was not measured
  --help
`;

/** What a run is to do. */
interface Settings {
  readonly systems: readonly SystemName[];
  readonly workloads: readonly Workload[];
  readonly seconds: number;
  readonly rounds: number;
  readonly isQuick: boolean;
  /** Nothing was left out by an option. */
  readonly isWhole: boolean;
  readonly mustMeetBars: boolean;
}

/** As long as compilers need: in its first second a process takes three times as long for a request as in its fifth. */
const WARM_UP_SECONDS = 5;

const settings = settingsOf(process.argv.slice(2));
if (settings !== undefined) await run(settings);

async function run(settings: Settings): Promise<void> {
  const { systems: names, workloads, seconds, rounds, isQuick, isWhole, mustMeetBars } = settings;
  const root = join(import.meta.dirname, "..");
  const cache = join(root, ".cache");
  mkdirSync(join(cache, "bench"), { recursive: true });
  const tools = { cache, progress };
  const scratch = mkdtempSync(join(cache, "bench", "run-"));
  // Access logs of hundreds of megabytes are in it.
  process.on("exit", () => rmSync(scratch, { recursive: true, force: true }));
  const fault = pinningFault();
  if (fault !== undefined) progress(`systems and load share their cores (${fault}): expect noise`);
  const hasGateway = names.some((name) => name.startsWith("aigw"));
  if (hasGateway) execFileSync("npm", ["run", "--silent", "build"], { cwd: root, stdio: ["ignore", 2, 2] });

  const load = new LoadGenerator(await findWrk(tools), scratch);
  const mock = await startMock({ root, tools, scratch }, LOAD_CORE);
  const ground: Ground = { root, tools, scratch, mockPort: mock.port };
  const coldStart = hasGateway && !isQuick ? await alone("cold start", () => measureColdStart(ground)) : undefined;
  const { systems, samples } = await measureAll(load, ground, settings);
  const [unary] = workloads;
  const isScaled = hasGateway && !isQuick && unary?.name === "unary-1k";
  const twoCores: TwoCores | undefined = isScaled
    ? await alone("two cores", () => measureTwoCores(ground, load, { workload: unary, seconds, rounds }))
    : undefined;
  await mock.process.stop();

  const results = resultsOf({ systems, samples, coldStart, twoCores });
  process.stdout.write(`\n${formatReport(results)}`);
  // The file in the repository is of whole runs only.
  const folder = isWhole ? join("bench", "results") : join(".cache", "bench");
  mkdirSync(join(root, folder), { recursive: true });
  writeFileSync(join(root, folder, "latest.json"), reportJson(results, { seconds, rounds }));
  progress(`written: ${folder}/latest.json`);
  const isMet = judge(results).every(({ verdict }) => verdict.startsWith("met"));
  process.exitCode = mustMeetBars && !isMet ? 1 : 0;
}

/** Starts the systems; one that cannot be had here is left out, and said to be. */
async function startAll(names: readonly SystemName[], ground: Ground): Promise<System[]> {
  const systems: System[] = [];
  for (const name of names) {
    progress(`starting ${name}`);
    try {
      systems.push(await startSystem(name, ground));
    } catch (error) {
      progress(`${name} is left out: ${messageOf(error)}`);
    }
  }
  return systems;
}

/** Load that a system gets. */
interface Step {
  readonly workload: Workload;
  readonly system: System;
  readonly seconds: number;
  /** From 1 on in each round; 0 = it warms up. */
  readonly turn: number;
}

/** Measures every pair in every round. Each round has processes of its own: one is up to 20 % off another of the same kind. */
async function measureAll(
  load: LoadGenerator,
  ground: Ground,
  settings: Settings,
): Promise<{ readonly systems: readonly System[]; readonly samples: readonly Sample[] }> {
  const { rounds, seconds: turns } = settings;
  const all = new Map<SystemName, System>();
  const samples: Sample[] = [];
  const broken = new Set<string>();
  for (let round = 1; round <= rounds; round += 1) {
    const systems = await startAll(settings.systems, ground);
    for (const system of systems) if (!all.has(system.name)) all.set(system.name, system);
    for (const { workload, system, seconds, turn } of stepsOf(systems, settings)) {
      const pair = `${workload.name}, ${system.name}`;
      if (broken.has(pair)) continue;
      progress(`round ${round} of ${rounds}${turn === 0 ? ", warm-up" : ""}: ${pair}`);
      try {
        const sample = await measure(load, { system, workload, turn: (round - 1) * turns + turn, seconds });
        if (turn > 0) samples.push(sample);
      } catch (error) {
        progress(`left out from here on: ${pair}: ${messageOf(error)}`);
        broken.add(pair);
      }
    }
    for (const { process: started } of systems) await started?.stop();
  }
  return { systems: [...all.values()], samples };
}

/** One round. Each workload is warmed up by itself: after another one, compilers have to begin anew with part of the code. */
function* stepsOf(systems: readonly System[], { workloads, seconds, isQuick }: Settings): Generator<Step> {
  for (const workload of workloads) {
    for (const system of systems) yield { workload, system, seconds: isQuick ? seconds : WARM_UP_SECONDS, turn: 0 };
    // The machine drifts within seconds: what is compared is measured in short turns. A paced stream alone takes two seconds.
    const turns = workload.unit === "request" ? seconds : 1;
    for (let turn = 1; turn <= turns; turn += 1) {
      // Forth and back: none is always first.
      const inTurn = turn % 2 === 0 ? systems : systems.toReversed();
      for (const system of inTurn) yield { workload, system, seconds: seconds / turns, turn };
    }
  }
}

async function alone<T extends ColdStart | TwoCores>(
  what: string,
  measureIt: () => Promise<T>,
): Promise<T | undefined> {
  progress(what);
  try {
    return await measureIt();
  } catch (error) {
    progress(`${what} is left out: ${messageOf(error)}`);
    return undefined;
  }
}

function settingsOf(argv: string[]): Settings | undefined {
  const { values } = parseArgs({
    args: argv,
    options: {
      only: { type: "string" },
      workload: { type: "string" },
      seconds: { type: "string" },
      rounds: { type: "string" },
      litellm: { type: "boolean", default: false },
      quick: { type: "boolean", default: false },
      check: { type: "boolean", default: false },
      help: { type: "boolean", default: false },
    },
  });
  if (values.help) {
    process.stdout.write(HELP);
    return undefined;
  }
  const byDefault = SYSTEM_NAMES.filter((name) => name !== "litellm" || values.litellm);
  const workloadNames = WORKLOADS.map(({ name }) => name);
  const chosen = pick(values.workload, workloadNames, workloadNames);
  return {
    systems: pick(values.only, SYSTEM_NAMES, byDefault),
    workloads: WORKLOADS.filter(({ name }) => chosen.includes(name)),
    seconds: wholeNumber(values.seconds, values.quick ? 1 : 3),
    rounds: wholeNumber(values.rounds, values.quick ? 1 : 3),
    isQuick: values.quick,
    isWhole: values.only === undefined && values.workload === undefined && !values.quick,
    mustMeetBars: values.check,
  };
}

function pick<T extends string>(list: string | undefined, known: readonly T[], byDefault: readonly T[]): readonly T[] {
  if (list === undefined) return byDefault;
  const asked = list.split(",");
  const wrong = asked.find((name) => !known.some((other) => other === name));
  if (wrong !== undefined) throw new Error(`there is no "${wrong}"; there are ${known.join(", ")}`);
  return known.filter((name) => asked.includes(name));
}

function wholeNumber(text: string | undefined, byDefault: number): number {
  const value = text === undefined ? byDefault : Number(text);
  if (!Number.isInteger(value) || value < 1) throw new Error(`"${text}" is not a whole number from 1`);
  return value;
}

function messageOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.cause === undefined ? error.message : `${error.message} (${messageOf(error.cause)})`;
}

function progress(what: string): void {
  process.stderr.write(`bench: ${what}\n`);
}
