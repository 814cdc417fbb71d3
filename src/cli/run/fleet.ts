/** What `aigw run` serves with: one process, or one per core. */
import type { MetricsSnapshot } from "../../telemetry/metrics.ts";
import type { Served } from "./served.ts";

/** Settings of a serving process; plain data, since it travels to worker processes. */
export interface ServeOptions {
  readonly host: string;
  /** Overrides the listener's port; 0 = chosen by the system. */
  readonly port: number | undefined;
  /** `none`, `-` for standard output, or a file. */
  readonly accessLog: string;
  readonly metrics: boolean;
  readonly debug: boolean;
  readonly logFormat: "text" | "json";
}

/** The processes that serve. */
export interface Fleet {
  /** Starts serving; resolves to the ports listened on. */
  start(served: Served): Promise<readonly number[]>;
  /** Puts a configuration in force for requests that begin from now on. */
  reload(served: Served): Promise<void>;
  /** Metrics of every process. */
  snapshots(): Promise<readonly MetricsSnapshot[]>;
  /** Finishes requests under way for at most `drainMs`, then ends. */
  stop(drainMs: number): Promise<void>;
}
