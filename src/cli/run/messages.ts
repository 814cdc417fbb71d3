/** What the supervising process and its workers say to each other. */
import type { MetricsSnapshot } from "../../telemetry/metrics.ts";
import type { Configuration } from "../load.ts";
import type { ServeOptions } from "./fleet.ts";

/** Supervisor → worker. Every request carries an id that its answer repeats. */
export type ToWorker =
  | { readonly id: number; readonly do: "start"; readonly options: ServeOptions; readonly configuration: Configuration }
  | { readonly id: number; readonly do: "reload"; readonly configuration: Configuration }
  | { readonly id: number; readonly do: "snapshot" }
  | { readonly id: number; readonly do: "stop"; readonly drainMs: number };

/** Worker → supervisor. */
export interface FromWorker {
  readonly id: number;
  /** Message of the failure; undefined = done. */
  readonly error?: string;
  readonly ports?: readonly number[];
  readonly snapshot?: MetricsSnapshot;
}
