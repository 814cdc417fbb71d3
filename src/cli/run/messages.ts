/** What the supervising process and its workers say to each other. */
import type { Demand } from "../../ratelimit/admission.ts";
import type { StoreAnswer, StoreCall } from "../../ratelimit/ipc-store.ts";
import type { Configuration } from "../load.ts";
import type { LimitReport, ProcessSnapshot, ServeOptions } from "./fleet.ts";

/** Supervisor → worker. Every request carries an id that its answer repeats. */
export type ToWorker =
  | { readonly id: number; readonly do: "start"; readonly options: ServeOptions; readonly configuration: Configuration }
  | { readonly id: number; readonly do: "reload"; readonly configuration: Configuration }
  | { readonly id: number; readonly do: "snapshot" }
  | { readonly id: number; readonly do: "limits"; readonly demands: readonly Demand[] }
  | { readonly id: number; readonly do: "stop"; readonly drainMs: number };

/** Supervisor → worker, when it asked about counters. */
export interface CountersAnswer {
  readonly do: "answer";
  readonly answer: StoreAnswer;
}

/** Worker → supervisor, about the counters that all workers share. */
export interface CountersCall {
  readonly call: StoreCall;
}

/** Worker → supervisor, when a request of {@link ToWorker} is done. */
export interface FromWorker {
  readonly id: number;
  /** Message of the failure; undefined = done. */
  readonly error?: string;
  readonly ports?: readonly number[];
  readonly snapshot?: ProcessSnapshot;
  readonly limits?: LimitReport;
}
