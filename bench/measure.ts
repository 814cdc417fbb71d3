/** One measurement: load on a system, and what it cost the system. */
import type { Load, LoadGenerator } from "./load.ts";
import { cpuSeconds, residentMb } from "./processes.ts";
import { LOAD_CORE, type System, type SystemName } from "./systems.ts";
import type { Workload } from "./workloads.ts";

/** What one measurement yielded. */
export interface Sample extends Load {
  readonly system: SystemName;
  readonly workload: Workload["name"];
  /** Samples of the same turn were taken one after the other. */
  readonly turn: number;
  /** CPU microseconds of the system's processes per request or chunk; undefined for the direct call. */
  readonly cpuMicros: number | undefined;
  /** The same of the process that was started alone, without its children: in the Envoy host, without Envoy. */
  readonly ownMicros: number | undefined;
  /** Share of its core that the system used, 0 to 1. */
  readonly coreShare: number | undefined;
  /** Resident memory right after the load. */
  readonly residentMb: number | undefined;
}

/** What to measure, and how long. */
export interface Measurement {
  readonly system: System;
  readonly workload: Workload;
  readonly turn: number;
  readonly seconds: number;
}

/** Measures once. */
export async function measure(load: LoadGenerator, { system, workload, turn, seconds }: Measurement): Promise<Sample> {
  const { name, port, headers, process } = system;
  const before = process && cpuSeconds(process.pid);
  const result = await load.run(workload, { port, headers, cores: LOAD_CORE }, seconds);
  const after = process && cpuSeconds(process.pid);
  const spent = before && after && total(after) - total(before);
  const own = process && after && before && (after.get(process.pid) ?? 0) - (before.get(process.pid) ?? 0);
  return {
    system: name,
    workload: workload.name,
    turn,
    ...result,
    cpuMicros: spent === undefined ? undefined : (spent * 1e6) / result.units,
    ownMicros: own === undefined ? undefined : (own * 1e6) / result.units,
    coreShare: spent === undefined ? undefined : spent / result.seconds,
    residentMb: process && residentMb(process.pid).reduce((sum, mb) => sum + mb, 0),
  };
}

/** The middle value; undefined when there is none. */
export function median(values: readonly (number | undefined)[]): number | undefined {
  const sorted = values.filter((value) => value !== undefined).sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  const [low, high] = [sorted[middle - 1], sorted[middle]];
  return sorted.length % 2 === 0 && low !== undefined && high !== undefined ? (low + high) / 2 : high;
}

function total(seconds: ReadonlyMap<number, number>): number {
  return [...seconds.values()].reduce((sum, value) => sum + value, 0);
}
