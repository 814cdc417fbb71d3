/** Load of one workload on one address: `wrk` for unary requests, `stream-client.ts` for streams. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { runToEnd } from "./processes.ts";
import type { StreamTask } from "./stream-client.ts";
import type { Wrk } from "./tools.ts";
import type { Workload } from "./workloads.ts";

/** Quantiles in milliseconds. */
export interface Quantiles {
  readonly p50: number;
  readonly p99: number;
}

/** What the clients saw. */
export interface Load {
  readonly requests: number;
  /** What the workload counts: requests or chunks. */
  readonly units: number;
  readonly seconds: number;
  readonly latencyMs: Quantiles;
  /** From a request to the first chunk of its answer; streams only. */
  readonly firstChunkMs?: Quantiles;
}

/** Where load goes, and from where. */
export interface Target {
  readonly port: number;
  /** What a client of this system has to send beyond the usual. */
  readonly headers: Readonly<Record<string, string>>;
  /** Cores of the load generator. */
  readonly cores: string;
}

/** Sends load for some seconds; rejects when any answer was not as it should be. */
export class LoadGenerator {
  readonly #wrk: Wrk;
  readonly #scratch: string;

  constructor(wrk: Wrk, scratch: string) {
    this.#wrk = wrk;
    this.#scratch = scratch;
  }

  run(workload: Workload, target: Target, seconds: number): Promise<Load> {
    return workload.unit === "request" ? this.#unary(workload, target, seconds) : stream(workload, target, seconds);
  }

  async #unary(workload: Workload, { port, headers, cores }: Target, seconds: number): Promise<Load> {
    const body = join(this.#scratch, `${workload.name}.json`);
    writeFileSync(body, workload.body());
    const script = join(import.meta.dirname, "wrk.lua");
    const lines = Object.entries({ ...clientHeaders(), ...headers }).map(([name, value]) => `${name}: ${value}`);
    const url = `http://127.0.0.1:${port}${PATH}`;
    const options = [
      "-t",
      "1",
      "-c",
      String(workload.clients),
      "-d",
      `${seconds}s`,
      "--timeout",
      "10s",
      "-s",
      script,
      url,
    ];
    const { command, env } = this.#wrk;
    const printed = await runToEnd(
      { name: "wrk", command, args: [...options, "--", body, ...lines], cores, env },
      seconds + GRACE_SECONDS,
    );
    const line = printed.split("\n").find((candidate) => candidate.startsWith("{")) ?? "{}";
    const figures = JSON.parse(line) as Record<
      "requests" | "seconds" | "p50" | "p99" | "badStatus" | "socketErrors",
      number
    >;
    if (figures.badStatus + figures.socketErrors > 0 || figures.requests === 0) {
      const { requests, badStatus, socketErrors } = figures;
      throw new Error(`of ${requests} answers ${badStatus} had a bad status; ${socketErrors} errors of connections`);
    }
    const { requests, p50, p99 } = figures;
    return { requests, units: requests, seconds: figures.seconds, latencyMs: { p50, p99 } };
  }
}

/** How long answers may take after the last request of a run. */
const GRACE_SECONDS = 20;
const PATH = "/v1/chat/completions";

/** One request as the clients send it, for a workload with one body. */
export function httpRequest(workload: Workload, headers: Readonly<Record<string, string>>): string {
  const body = workload.body();
  const all = { host: "127.0.0.1", ...clientHeaders(), ...headers, "content-length": String(Buffer.byteLength(body)) };
  const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}\r\n`);
  return `POST ${PATH} HTTP/1.1\r\n${lines.join("")}\r\n${body}`;
}

async function stream(workload: Workload, { port, headers, cores }: Target, seconds: number): Promise<Load> {
  const { clients, rampMs } = workload;
  const request = httpRequest(workload, headers);
  // A ramp is over before the time counts.
  const task: StreamTask = { port, request, clients, rampMs, seconds: seconds + rampMs / 1000, isPaced: rampMs > 0 };
  const script = join(import.meta.dirname, "stream-client.ts");
  const args = [script, JSON.stringify(task)];
  return JSON.parse(
    await runToEnd({ name: "stream client", command: process.execPath, args, cores }, task.seconds + GRACE_SECONDS),
  ) as Load;
}

function clientHeaders(): Record<string, string> {
  return {
    accept: "application/json",
    "content-type": "application/json",
    "user-agent": "bench/1.0",
    authorization: "Bearer sk-client",
  };
}
