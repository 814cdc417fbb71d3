/** What is measured of this gateway alone: its start, its memory, and what a second core brings. */
import type { LoadGenerator } from "./load.ts";
import { median } from "./measure.ts";
import { cpuSeconds, freePort, residentMb, start } from "./processes.ts";
import { BOTH_CORES, firstAnswer, type Ground, gatewayLaunch, startMock } from "./systems.ts";
import type { Workload } from "./workloads.ts";

/** Start and memory of the built gateway with everything on. */
export interface ColdStart {
  /** From the start of the process to its first good answer, on a machine at rest, code cache filled. */
  readonly firstAnswerMs: number;
  /** Resident memory of the one process after that answer and a second at rest. */
  readonly idleMb: number;
}

/** What a second worker brings. */
export interface TwoCores {
  /** Requests that two cores could carry over those that one could, from CPU time: see the README. */
  readonly scaling: number;
  /** The same from requests/s, where load generator and mock take their share of the two cores. */
  readonly rawScaling: number;
  /** CPU time of the busier worker over that of both: 0.5 when the work is shared evenly. */
  readonly busierShare: number;
  /** Resident memory of each process of the fleet of two. */
  readonly residentMb: readonly number[];
}

const COLD_STARTS = 5;
/** Each worker sees half of the requests, so it takes longer until its code is optimized. */
const WARM_UP_ROUNDS = 2;
const REST_MS = 1_000;

/** Starts the gateway again and again. */
export async function measureColdStart(ground: Ground): Promise<ColdStart> {
  const times: number[] = [];
  const memory: number[] = [];
  for (let i = 0; i <= COLD_STARTS; i += 1) {
    const port = await freePort();
    const launch = gatewayLaunch(ground, { name: "aigw-cold", config: "aigw", port, workers: 1, cores: undefined });
    const startedAt = performance.now();
    const gateway = start(launch, ground.scratch);
    await firstAnswer(port, {}, gateway);
    // The first start fills Node's cache of compiled code, as any user's first start does.
    if (i > 0) times.push(performance.now() - startedAt);
    await new Promise((resolve) => setTimeout(resolve, REST_MS));
    memory.push(Math.max(...residentMb(gateway.pid)));
    await gateway.stop();
  }
  return { firstAnswerMs: median(times) ?? 0, idleMb: median(memory) ?? 0 };
}

/** Runs the gateway with one worker and with two, each time with mock and load generator on the same two cores. */
export async function measureTwoCores(
  ground: Ground,
  load: LoadGenerator,
  { workload, seconds, rounds }: { readonly workload: Workload; readonly seconds: number; readonly rounds: number },
): Promise<TwoCores> {
  const mock = await startMock(ground, BOTH_CORES);
  const fleets = await Promise.all([1, 2].map((workers) => startFleet({ ...ground, mockPort: mock.port }, workers)));
  const pairs: (readonly [FleetSample, FleetSample])[] = [];
  for (let round = 0; round < WARM_UP_ROUNDS + rounds; round += 1) {
    const pair = [await loadFleet(fleets[0]), await loadFleet(fleets[1])] as const;
    if (round >= WARM_UP_ROUNDS) pairs.push(pair);
  }
  const resident = residentMb(fleets[1]?.process.pid ?? 0);
  for (const { process } of [...fleets, mock]) await process.stop();
  return {
    scaling: median(pairs.map(([one, two]) => (2 * one.cpuMicros) / two.cpuMicros)) ?? 0,
    rawScaling: median(pairs.map(([one, two]) => two.perSecond / one.perSecond)) ?? 0,
    busierShare: median(pairs.map(([, two]) => two.busierShare)) ?? 0,
    residentMb: resident,
  };

  async function loadFleet(fleet: Awaited<ReturnType<typeof startFleet>> | undefined): Promise<FleetSample> {
    if (fleet === undefined) throw new Error("no such fleet");
    const before = cpuSeconds(fleet.process.pid);
    const result = await load.run(workload, { port: fleet.port, headers: {}, cores: BOTH_CORES }, seconds);
    const spent = [...cpuSeconds(fleet.process.pid)].map(([id, value]) => value - (before.get(id) ?? 0));
    const total = spent.reduce((sum, value) => sum + value, 0);
    return {
      cpuMicros: (total * 1e6) / result.requests,
      perSecond: result.requests / result.seconds,
      busierShare: Math.max(...spent) / total,
    };
  }
}

interface FleetSample {
  /** Of all processes of the fleet, per request. */
  readonly cpuMicros: number;
  readonly perSecond: number;
  readonly busierShare: number;
}

async function startFleet(ground: Ground, workers: number) {
  const port = await freePort();
  const name = `aigw-workers-${workers}`;
  const process = start(
    gatewayLaunch(ground, { name, config: "aigw", port, workers, cores: BOTH_CORES }),
    ground.scratch,
  );
  await firstAnswer(port, {}, process);
  return { port, process };
}
