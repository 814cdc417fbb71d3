/** One worker process per core behind one port; a worker that dies is replaced. */
import cluster, { type Worker } from "node:cluster";
import { invariant } from "../../errors/invariant.ts";
import type { Demand } from "../../ratelimit/admission.ts";
import { answerCall } from "../../ratelimit/ipc-store.ts";
import { MemoryStore } from "../../ratelimit/memory-store.ts";
import type { Logger } from "../../telemetry/logger.ts";
import type { Configuration } from "../load.ts";
import type { Fleet, LimitReport, ProcessSnapshot, ServeOptions } from "./fleet.ts";
import type { CountersAnswer, CountersCall, FromWorker, ToWorker } from "./messages.ts";
import type { Served } from "./served.ts";

/** Wait before a worker that died is replaced, so that one that cannot live does not spin. */
const RESPAWN_MS = 500;
/** A worker that does not answer a scrape in this time is left out of it. */
const SNAPSHOT_MS = 2_000;

type Request<T = ToWorker> = T extends ToWorker ? Omit<T, "id"> : never;

/** Supervises workers. Connections are handed to them in turn. */
export class ClusterFleet implements Fleet {
  readonly #size: number;
  readonly #options: (slot: number) => ServeOptions;
  readonly #log: Logger;
  /** With the slot of each, which its replacement takes over. */
  readonly #workers = new Map<Worker, number>();
  readonly #waiting = new Map<number, (answer: FromWorker) => void>();
  /** Of all workers together. */
  readonly #counters = new MemoryStore({ nowMs: Date.now });
  #nextId = 1;
  #configuration: Configuration | undefined;
  #stopping = false;

  /** @param options Settings of the worker of a slot, from 0 to below `size`. */
  constructor(size: number, options: (slot: number) => ServeOptions, log: Logger) {
    this.#size = size;
    this.#options = options;
    this.#log = log;
    cluster.setupPrimary({ args: [] });
    cluster.on("message", (worker, message: FromWorker | CountersCall) => {
      if ("call" in message) void this.#count(worker, message);
      else this.#waiting.get(message.id)?.(message);
    });
    cluster.on("exit", (worker, code, signal) => this.#lost(worker, signal ?? `exit code ${code}`));
  }

  async start(served: Served): Promise<readonly number[]> {
    this.#configuration = served.configuration;
    // All listen on the same ports, also where the system chooses them (node:cluster shares those too).
    const [first = 0, ...others] = Array.from({ length: this.#size }, (_, slot) => slot);
    const started = this.#spawn(first);
    // Alone: of several that find a Unix socket which nobody listens on any more, each would replace the other's.
    if (this.#options(first).door.kind !== "http") await started;
    const [ports = []] = await Promise.all([started, ...others.map((slot) => this.#spawn(slot))]);
    return ports;
  }

  async reload(served: Served): Promise<undefined> {
    this.#configuration = served.configuration;
    const configuration = served.configuration;
    await Promise.all([...this.#workers.keys()].map((worker) => this.#ask(worker, { do: "reload", configuration })));
  }

  isReady(): boolean {
    return this.#workers.size > 0;
  }

  async snapshots(): Promise<readonly ProcessSnapshot[]> {
    return (await this.#askAll({ do: "snapshot" })).flatMap(({ snapshot }) => snapshot ?? []);
  }

  async limits(demands: readonly Demand[]): Promise<readonly LimitReport[]> {
    return (await this.#askAll({ do: "limits", demands })).flatMap(({ limits }) => limits ?? []);
  }

  async stop(drainMs: number): Promise<void> {
    this.#stopping = true;
    await Promise.allSettled([...this.#workers.keys()].map((worker) => this.#ask(worker, { do: "stop", drainMs })));
  }

  async #spawn(slot: number): Promise<readonly number[]> {
    invariant(this.#configuration, "a worker needs a configuration");
    const worker = cluster.fork();
    this.#workers.set(worker, slot);
    const start = { do: "start", options: this.#options(slot), configuration: this.#configuration } as const;
    const { ports } = await this.#ask(worker, start);
    return ports ?? [];
  }

  /** What those answer that can. */
  async #askAll(request: Request): Promise<FromWorker[]> {
    const asked = [...this.#workers.keys()].map((worker) => this.#ask(worker, request, SNAPSHOT_MS));
    const answers = await Promise.allSettled(asked);
    return answers.flatMap((answer) => (answer.status === "fulfilled" ? [answer.value] : []));
  }

  #ask(worker: Worker, request: Request, timeoutMs?: number): Promise<FromWorker> {
    const id = this.#nextId++;
    return new Promise<FromWorker>((resolve, reject) => {
      const finish = (answer: FromWorker) => {
        clearTimeout(timer);
        worker.removeListener("exit", lost);
        this.#waiting.delete(id);
        if (answer.error === undefined) resolve(answer);
        else reject(new Error(answer.error));
      };
      const lost = () => finish({ id, error: "the worker process ended" });
      const timer = timeoutMs && setTimeout(() => finish({ id, error: "the worker did not answer" }), timeoutMs);
      this.#waiting.set(id, finish);
      worker.once("exit", lost);
      worker.send({ id, ...request });
    });
  }

  async #count(worker: Worker, { call }: CountersCall): Promise<void> {
    const answer = await answerCall(this.#counters, call);
    if (worker.isConnected()) worker.send({ do: "answer", answer } satisfies CountersAnswer);
  }

  #lost(worker: Worker, how: string): void {
    const slot = this.#workers.get(worker);
    this.#workers.delete(worker);
    if (this.#stopping || slot === undefined) return;
    this.#log.error("a worker process ended and is being replaced", { how });
    setTimeout(() => {
      if (this.#stopping) return;
      this.#spawn(slot).catch((error: unknown) => this.#log.error("a worker could not be replaced", { error }));
    }, RESPAWN_MS);
  }
}
