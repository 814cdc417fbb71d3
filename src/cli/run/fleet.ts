/** What the commands that serve are made of: processes, and what each of them does. */
import type { GrpcAddress } from "../../grpc/server.ts";
import type { MetricsSnapshot } from "../../telemetry/metrics.ts";
import type { Served } from "./served.ts";

/** What a process says about itself and its requests. */
export interface TelemetryOptions {
  /** `none`, `-` for standard output, or a file. */
  readonly accessLog: string;
  readonly metrics: boolean;
  readonly debug: boolean;
  readonly logFormat: "text" | "json";
}

/** Settings of a serving process; plain data, since it travels to worker processes. */
export interface ServeOptions extends TelemetryOptions {
  readonly door: HttpDoor | ProcessorDoor;
}

/** HTTP in, HTTP out: the embedded host. */
export interface HttpDoor {
  readonly kind: "http";
  readonly address: string;
  /** Overrides the listener's port; 0 = chosen by the system. */
  readonly port: number | undefined;
}

/** Envoy's external processor: the Envoy host. */
export interface ProcessorDoor {
  readonly kind: "processor";
  readonly listen: GrpcAddress;
  readonly tls: TlsFiles | undefined;
  readonly peers: ProcessorPeers;
}

/** The processes that answer the same Envoy, which pass on what another of them has to answer. */
export interface ProcessorPeers {
  /** Index of the process itself. */
  readonly self: number;
  /** Unix socket of each. */
  readonly sockets: readonly string[];
}

/** Paths of PEM files: the processor's own certificate, and the CA that signed its peers'. */
export interface TlsFiles {
  readonly cert: string;
  readonly key: string;
  readonly ca: string;
}

/** The processes that serve. */
export interface Fleet {
  /** Starts serving; resolves to the ports listened on. */
  start(served: Served): Promise<readonly number[]>;
  /**
   * Puts a configuration in force for requests that begin from now on; rejects when the old one stays in force. Resolves to
   * the ports listened on, undefined when they are those from the start.
   */
  reload(served: Served): Promise<readonly number[] | undefined>;
  /** Whether requests can be served at this moment, once it has started. */
  isReady(): boolean;
  /** What the user should know once it serves, a line each. */
  notes?(): readonly string[];
  /** Metrics of every process. */
  snapshots(): Promise<readonly MetricsSnapshot[]>;
  /** Finishes requests under way for at most `drainMs`, then ends. */
  stop(drainMs: number): Promise<void>;
}
