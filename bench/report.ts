/** What a run found: medians, ratios, the printed tables and the JSON file. */
import { cpus, release } from "node:os";
import { judge, type Verdict } from "./bars.ts";
import type { ColdStart, TwoCores } from "./gateway-only.ts";
import { median, type Sample } from "./measure.ts";
import type { System, SystemName } from "./systems.ts";
import { WORKLOADS, type Workload } from "./workloads.ts";

/** What was measured. */
export interface Measured {
  readonly systems: readonly System[];
  readonly samples: readonly Sample[];
  readonly coldStart: ColdStart | undefined;
  readonly twoCores: TwoCores | undefined;
}

/** What was measured, and how systems compare. */
export interface Results extends Measured {
  /** CPU of one system over another's: the median over the turns of the ratio within a turn, which outlives drift. */
  ratio(workload: Workload["name"], system: SystemName, base: SystemName): number | undefined;
  /** The same with only the CPU of the system's first process, without its children. */
  ownRatio(workload: Workload["name"], system: SystemName, base: SystemName): number | undefined;
  /** CPU of one system beyond another's, in microseconds a request or chunk: the median over the turns. */
  difference(workload: Workload["name"], system: SystemName, base: SystemName): number | undefined;
  /** How much later one system's first chunks come than another's, p99 in milliseconds: the median over the turns. */
  firstChunkAdded(workload: Workload["name"], system: SystemName, base: SystemName): number | undefined;
}

/** Medians of a system under one workload. */
interface Row {
  readonly workload: Workload["name"];
  readonly system: SystemName;
  readonly cpuOverEnvoy: number | undefined;
  readonly cpuMicrosPerRequest: number | undefined;
  readonly cpuMicrosPerChunk: number | undefined;
  readonly requestsPerSecond: number | undefined;
  readonly latencyP50Ms: number | undefined;
  readonly latencyP99Ms: number | undefined;
  readonly firstChunkP50Ms: number | undefined;
  readonly firstChunkP99Ms: number | undefined;
  readonly residentMb: number | undefined;
  readonly coreShare: number | undefined;
}

/** Makes samples comparable. */
export function resultsOf(measured: Measured): Results {
  const { samples } = measured;
  const turns = [...new Set(samples.map((sample) => sample.turn))];
  const sampleOf = (workload: Workload["name"], name: SystemName, turn: number) =>
    samples.find((s) => s.workload === workload && s.system === name && s.turn === turn);
  const compared =
    (part: "cpuMicros" | "ownMicros", compare: (own: number, other: number) => number) =>
    (workload: Workload["name"], system: SystemName, base: SystemName) =>
      median(
        turns.map((turn) => {
          const own = sampleOf(workload, system, turn)?.[part];
          const other = sampleOf(workload, base, turn)?.cpuMicros;
          return own === undefined || other === undefined || other === 0 ? undefined : compare(own, other);
        }),
      );
  const quotient = (own: number, other: number): number => own / other;
  return {
    ...measured,
    ratio: compared("cpuMicros", quotient),
    ownRatio: compared("ownMicros", quotient),
    difference: compared("cpuMicros", (own, other) => own - other),
    firstChunkAdded: (workload, system, base) =>
      median(
        turns.map((turn) => {
          const own = sampleOf(workload, system, turn)?.firstChunkMs?.p99;
          const other = sampleOf(workload, base, turn)?.firstChunkMs?.p99;
          return own === undefined || other === undefined ? undefined : own - other;
        }),
      ),
  };
}

/** The run as text: a table for each workload, then the gateway alone, then the bars. */
export function formatReport(results: Results): string {
  const rows = rowsOf(results);
  const tables = WORKLOADS.flatMap((workload) => {
    const own = rows.filter((row) => row.workload === workload.name);
    return own.length > 0 ? [formatWorkload(workload, own)] : [];
  });
  const alone: string[] = [];
  const { coldStart, twoCores } = results;
  if (coldStart)
    alone.push(
      `cold start to the first answer ${fixed(coldStart.firstAnswerMs)} ms, idle ${fixed(coldStart.idleMb)} MB`,
    );
  if (twoCores) {
    const memory = twoCores.residentMb.map((mb) => fixed(mb)).join(", ");
    const { scaling, rawScaling, busierShare } = twoCores;
    alone.push(
      `two workers over one: ${fixed(scaling, 2)}× by CPU time, ${fixed(rawScaling, 2)}× in requests/s beside the load`,
    );
    alone.push(`the busier of the two has ${fixed(busierShare * 100)} % of the work; memory by process: ${memory} MB`);
  }
  if (alone.length > 0) tables.push(["this gateway alone", ...alone.map((line) => `  ${line}`)].join("\n"));
  return `${[...tables, formatVerdicts(judge(results))].join("\n\n")}\n`;
}

/** The run as data. */
export function reportJson(results: Results, settings: object): string {
  const { coldStart, twoCores, systems } = results;
  const report = {
    date: new Date().toISOString(),
    machine: { cpu: cpus()[0]?.model.trim(), cores: cpus().length, kernel: release(), node: process.version },
    settings,
    systems: systems.map(({ name, version, idleMb }) => ({ name, version, idleMb: rounded(idleMb) })),
    bars: judge(results).map((verdict) => ({ ...verdict, value: rounded(verdict.value) })),
    rows: rowsOf(results).map(roundedValues),
    coldStart: coldStart && roundedValues(coldStart),
    twoCores: twoCores && { ...roundedValues(twoCores), residentMb: twoCores.residentMb.map(rounded) },
    samples: results.samples.map(({ latencyMs, firstChunkMs, ...sample }) => ({
      ...roundedValues(sample),
      latencyMs: roundedValues(latencyMs),
      firstChunkMs: firstChunkMs && roundedValues(firstChunkMs),
    })),
  };
  return `${JSON.stringify(report, null, 1)}\n`;
}

function rowsOf(results: Results): Row[] {
  return WORKLOADS.flatMap((workload) =>
    results.systems.flatMap(({ name }) => {
      const samples = results.samples.filter((sample) => sample.workload === workload.name && sample.system === name);
      if (samples.length === 0) return [];
      const of = (value: (sample: Sample) => number | undefined) => median(samples.map(value));
      const perUnit = of((sample) => sample.cpuMicros);
      const units = samples[0] ? samples[0].units / samples[0].requests : 1;
      return [
        {
          workload: workload.name,
          system: name,
          cpuOverEnvoy: results.ratio(workload.name, name, "envoy"),
          cpuMicrosPerRequest: perUnit === undefined ? undefined : perUnit * units,
          cpuMicrosPerChunk: workload.unit === "chunk" ? perUnit : undefined,
          requestsPerSecond: of((sample) => sample.requests / sample.seconds),
          latencyP50Ms: of((sample) => sample.latencyMs.p50),
          latencyP99Ms: of((sample) => sample.latencyMs.p99),
          firstChunkP50Ms: of((sample) => sample.firstChunkMs?.p50),
          firstChunkP99Ms: of((sample) => sample.firstChunkMs?.p99),
          residentMb: of((sample) => sample.residentMb),
          coreShare: of((sample) => sample.coreShare),
        },
      ];
    }),
  );
}

function formatWorkload(workload: Workload, rows: readonly Row[]): string {
  const isStream = workload.unit === "chunk";
  const columns: readonly (readonly [title: string, cell: (row: Row) => string])[] = [
    [workload.name, (row) => row.system],
    ["× Envoy", (row) => fixed(row.cpuOverEnvoy, 2)],
    ...(isStream ? [["CPU µs/chunk", (row: Row) => fixed(row.cpuMicrosPerChunk, 1)] as const] : []),
    ["CPU µs/req", (row) => fixed(row.cpuMicrosPerRequest, 1)],
    ["req/s", (row) => fixed(row.requestsPerSecond)],
    ["p50 ms", (row) => fixed(row.latencyP50Ms, 2)],
    ["p99 ms", (row) => fixed(row.latencyP99Ms, 2)],
    ...(isStream ? [["TTFT p50", (row: Row) => fixed(row.firstChunkP50Ms, 2)] as const] : []),
    ...(isStream ? [["TTFT p99", (row: Row) => fixed(row.firstChunkP99Ms, 2)] as const] : []),
    ["RSS MB", (row) => fixed(row.residentMb)],
    ["core %", (row) => fixed(row.coreShare && row.coreShare * 100)],
  ];
  const table = formatTable([
    columns.map(([title]) => title),
    ...rows.map((row) => columns.map(([, cell]) => cell(row))),
  ]);
  return `${workload.about}; p50 and p99 of ${workload.latency}\n${table}`;
}

function formatVerdicts(verdicts: readonly Verdict[]): string {
  const lines = verdicts.map(({ what, value, bar, verdict }) => [
    what,
    fixed(value, value && value < 20 ? 2 : 0),
    bar,
    verdict,
  ]);
  return formatTable([["bar", "value", "wanted", ""], ...lines]);
}

/** Columns side by side: the first to the left, the others to the right. */
function formatTable(lines: readonly (readonly string[])[]): string {
  const widths = (lines[0] ?? []).map((_, column) => Math.max(...lines.map((line) => line[column]?.length ?? 0)));
  const pad = (cell: string, column: number) =>
    column === 0 ? cell.padEnd(widths[0] ?? 0) : cell.padStart(widths[column] ?? 0);
  return lines.map((line) => `  ${line.map(pad).join("  ")}`.trimEnd()).join("\n");
}

function fixed(value: number | undefined, digits = 0): string {
  return value === undefined ? "–" : value.toFixed(digits);
}

function rounded(value: number | undefined): number | undefined {
  return value === undefined ? undefined : Number(value.toPrecision(4));
}

function roundedValues(values: object): object {
  const pairs = Object.entries(values).map(([name, value]) => [
    name,
    typeof value === "number" ? rounded(value) : value,
  ]);
  return Object.fromEntries(pairs);
}
