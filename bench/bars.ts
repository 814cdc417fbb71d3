/** The speed the project holds itself to, judged on the ratios of one run. */
import type { Results } from "./report.ts";

/** One demand and whether it is met. */
export interface Verdict {
  readonly what: string;
  /** Undefined = not measured in this run. */
  readonly value: number | undefined;
  readonly bar: string;
  readonly verdict: "met, aim too" | "met" | "MISSED" | "not measured";
}

interface Bar {
  readonly what: string;
  readonly value: (results: Results) => number | undefined;
  readonly order: "at most" | "at least";
  readonly bar: number;
  readonly aim: number;
  readonly unit: string;
}

const BARS: readonly Bar[] = [
  {
    what: "unary 1 kB: CPU per request over Envoy's",
    value: ({ ratio }) => ratio("unary-1k", "aigw", "envoy"),
    order: "at most",
    bar: 2,
    aim: 1,
    unit: "×",
  },
  {
    what: "unary 1 kB: Portkey's CPU per request over ours",
    value: ({ ratio }) => ratio("unary-1k", "portkey", "aigw"),
    order: "at least",
    bar: 12,
    aim: 12,
    unit: "×",
  },
  {
    what: "unary 220 kB: CPU per request over Envoy's",
    value: ({ ratio }) => ratio("unary-220k", "aigw", "envoy"),
    order: "at most",
    bar: 2,
    aim: 1.3,
    unit: "×",
  },
  {
    what: "paced stream: CPU per chunk over Envoy's",
    value: ({ ratio }) => ratio("stream-paced", "aigw", "envoy"),
    order: "at most",
    bar: 1.5,
    aim: 0.9,
    unit: "×",
  },
  {
    what: "unary 1 kB: everything on over nothing on",
    value: ({ ratio }) => ratio("unary-1k", "aigw", "aigw-bare"),
    order: "at most",
    bar: 1.15,
    aim: 1.08,
    unit: "×",
  },
  {
    what: "paced stream: everything on over nothing on",
    value: ({ ratio }) => ratio("stream-paced", "aigw", "aigw-bare"),
    order: "at most",
    bar: 1.15,
    aim: 1.08,
    unit: "×",
  },
  ...(["anthropic", "bedrock"] as const).flatMap((dialect): Bar[] => [
    {
      what: `translated to ${dialect}, unary 1 kB: CPU over the passthrough's`,
      value: ({ ratio }) => ratio("unary-1k", `aigw-${dialect}`, "aigw"),
      order: "at most",
      bar: 1.8,
      aim: 1.8,
      unit: "×",
    },
    {
      what: `translated to ${dialect}, paced stream: CPU per chunk over the passthrough's`,
      value: ({ ratio }) => ratio("stream-paced", `aigw-${dialect}`, "aigw"),
      order: "at most",
      bar: 1.4,
      aim: 1.4,
      unit: "×",
    },
  ]),
  {
    what: "signing for AWS, unary 1 kB: CPU beyond that of an API key",
    value: ({ difference }) => difference("unary-1k", "aigw-bedrock-signed", "aigw-bedrock"),
    order: "at most",
    bar: 30,
    aim: 20,
    unit: " µs",
  },
  {
    what: "three limits and a budget, unary 1 kB: CPU over none",
    value: ({ ratio }) => ratio("unary-1k", "aigw-limits", "aigw"),
    order: "at most",
    bar: 1.15,
    aim: 1.15,
    unit: "×",
  },
  {
    what: "the same, counted in Redis",
    value: ({ ratio }) => ratio("unary-1k", "aigw-limits-redis", "aigw"),
    order: "at most",
    bar: 1.25,
    aim: 1.25,
    unit: "×",
  },
  ...(["aigw-limits", "aigw-limits-redis"] as const).map((system): Bar => {
    return {
      what: `${system}, paced stream: p99 to the first chunk beyond none`,
      value: ({ firstChunkAdded }) => firstChunkAdded("stream-paced", system, "aigw"),
      order: "at most",
      bar: 1,
      aim: 1,
      unit: " ms",
    };
  }),
  {
    what: "Envoy host, unary 1 kB: CPU per request over Envoy's",
    value: ({ ratio }) => ratio("unary-1k", "aigw-envoy", "envoy"),
    order: "at most",
    bar: 5.7,
    aim: 3.9,
    unit: "×",
  },
  {
    what: "Envoy host, unary 1 kB: the processor's CPU over Envoy's alone",
    value: ({ ownRatio }) => ownRatio("unary-1k", "aigw-envoy", "envoy"),
    order: "at most",
    bar: 1.8,
    aim: 0.65,
    unit: "×",
  },
  {
    what: "Envoy host, paced stream: CPU per chunk over Envoy's",
    value: ({ ratio }) => ratio("stream-paced", "aigw-envoy", "envoy"),
    order: "at most",
    bar: 2.9,
    aim: 1.6,
    unit: "×",
  },
  {
    what: "Envoy host, unary 220 kB: CPU per request over the embedded host's",
    value: ({ ratio }) => ratio("unary-220k", "aigw-envoy", "aigw"),
    order: "at most",
    bar: 2,
    aim: 2,
    unit: "×",
  },
  {
    what: "two cores over one",
    value: ({ twoCores }) => twoCores?.scaling,
    order: "at least",
    bar: 1.8,
    aim: 1.8,
    unit: "×",
  },
  {
    what: "idle memory of a process",
    value: ({ coldStart }) => coldStart?.idleMb,
    order: "at most",
    bar: 110,
    aim: 80,
    unit: " MB",
  },
  {
    what: "cold start to the first answer",
    value: ({ coldStart }) => coldStart?.firstAnswerMs,
    order: "at most",
    bar: 400,
    aim: 250,
    unit: " ms",
  },
];

/** Judges a run. */
export function judge(results: Results): Verdict[] {
  return BARS.map(({ what, value: read, order, bar, aim, unit }) => {
    const value = read(results);
    const meets = (limit: number) => value !== undefined && (order === "at most" ? value <= limit : value >= limit);
    const text = `${order} ${bar}${unit}${aim === bar ? "" : ` (aim ${aim}${unit})`}`;
    if (value === undefined) return { what, value, bar: text, verdict: "not measured" };
    return { what, value, bar: text, verdict: meets(aim) ? "met, aim too" : meets(bar) ? "met" : "MISSED" };
  });
}
