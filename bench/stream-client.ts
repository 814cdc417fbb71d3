/**
 * Load of streaming clients, from `node:net`: each connection asks for one stream after the other until the time is up, and
 * reads each to its end. Takes its task as JSON in the first argument and prints a {@link StreamLoad} as JSON.
 */
import { createConnection, type Socket } from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import { monotonicMicros } from "./clock.ts";
import type { Load } from "./load.ts";
import { CHUNKS_PER_STREAM } from "./workloads.ts";

/** What to do. */
export interface StreamTask {
  readonly port: number;
  /** The whole HTTP request. */
  readonly request: string;
  readonly clients: number;
  readonly rampMs: number;
  /** No stream begins later than this. */
  readonly seconds: number;
  /** Chunks carry the time of their sending; else quantiles are of whole streams. */
  readonly isPaced: boolean;
}

const TILDE = 0x7e;
const STAMP_DIGITS = 16;
const STATUS_OK = Buffer.from("HTTP/1.1 200 ");
const HEAD_END = Buffer.from("\r\n\r\n");
const STREAM_END = Buffer.from("0\r\n\r\n");

const task = JSON.parse(process.argv[2] ?? "") as StreamTask;
const firstChunkMicros: number[] = [];
const latencyMicros: number[] = [];
let streams = 0;
let chunks = 0;
let endsAt = 0;

/** Reads one stream; `done` is called at its end, or with what is wrong. */
class Stream {
  readonly #startedAt = monotonicMicros();
  readonly #done: (fault?: string) => void;
  #head: Buffer | undefined = Buffer.alloc(0);
  #chunks = 0;
  #tail = Buffer.alloc(0);

  constructor(socket: Socket, done: (fault?: string) => void) {
    this.#done = done;
    socket.write(task.request);
  }

  read(bytes: Buffer): void {
    const now = monotonicMicros();
    let at = 0;
    if (this.#head !== undefined) {
      const head = Buffer.concat([this.#head, bytes]);
      const end = head.indexOf(HEAD_END);
      this.#head = head;
      if (end < 0) return;
      if (!head.subarray(0, STATUS_OK.length).equals(STATUS_OK)) {
        this.#done(head.toString("latin1", 0, 500));
        return;
      }
      at = end + HEAD_END.length - (head.length - bytes.length);
      this.#head = undefined;
    }
    this.#count(bytes, at, now);
    this.#tail = Buffer.concat([this.#tail, bytes]).subarray(-STREAM_END.length);
    if (this.#tail.equals(STREAM_END)) this.#end(now);
  }

  #count(bytes: Buffer, from: number, now: number): void {
    for (let at = bytes.indexOf(TILDE, from); at >= 0; at = bytes.indexOf(TILDE, at + 1)) {
      if (this.#chunks === 0) firstChunkMicros.push(now - this.#startedAt);
      this.#chunks += 1;
      // A stamp that is cut between two reads is left out.
      const isWhole = at + STAMP_DIGITS < bytes.length;
      if (task.isPaced && isWhole)
        latencyMicros.push(now - Number(bytes.toString("latin1", at + 1, at + 1 + STAMP_DIGITS)));
    }
  }

  #end(now: number): void {
    if (this.#chunks !== CHUNKS_PER_STREAM) {
      this.#done(`a stream ended after ${this.#chunks} chunks`);
      return;
    }
    chunks += this.#chunks;
    streams += 1;
    if (!task.isPaced) latencyMicros.push(now - this.#startedAt);
    this.#done();
  }
}

/** One stream after the other over one connection. */
async function client(): Promise<void> {
  const socket = createConnection({ host: "127.0.0.1", port: task.port, noDelay: true });
  let stream: Stream | undefined;
  const ended = Promise.withResolvers<void>();
  const next = (fault?: string): void => {
    if (fault !== undefined) ended.reject(new Error(fault));
    else if (performance.now() < endsAt) stream = new Stream(socket, next);
    else ended.resolve();
  };
  socket.on("data", (bytes: Buffer) => stream?.read(bytes));
  socket.on("error", ended.reject);
  socket.on("close", () => ended.reject(new Error("the connection was closed in mid-stream")));
  socket.on("connect", () => next());
  try {
    await ended.promise;
  } finally {
    socket.destroy();
  }
}

async function run(): Promise<Load> {
  const startedAt = performance.now();
  endsAt = startedAt + task.seconds * 1000;
  await Promise.all(
    Array.from({ length: task.clients }, async (_, index) => {
      await delay((task.rampMs * index) / task.clients);
      await client();
    }),
  );
  return {
    requests: streams,
    units: chunks,
    seconds: (performance.now() - startedAt) / 1000,
    latencyMs: quantiles(latencyMicros),
    firstChunkMs: quantiles(firstChunkMicros),
  };
}

function quantiles(micros: number[]): { p50: number; p99: number } {
  const sorted = Float64Array.from(micros).sort();
  const at = (share: number) => (sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0) / 1000;
  return { p50: at(0.5), p99: at(0.99) };
}

try {
  process.stdout.write(`${JSON.stringify(await run())}\n`);
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : error}\n`);
  process.exit(1);
}
