/** What the commands that serve are made of: processes, and what each of them does. */
import type { CredentialHealth } from "../../backend-auth/credential-health.ts";
import type { GrpcAddress } from "../../grpc/server.ts";
import type { Demand } from "../../ratelimit/admission.ts";
import type { LimitReading } from "../../ratelimit/limiter.ts";
import type { LimitOptions } from "../../ratelimit/open-limiter.ts";
import type { KnownCounter } from "../../ratelimit/remembered.ts";
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
  readonly limits: LimitOptions;
  readonly door: HttpDoor | ProcessorDoor | RateLimitDoor;
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
  /** Whether Envoy's own filter counts those limits that it can count. */
  readonly limitsInEnvoy: boolean;
  readonly peers: ProcessorPeers;
}

/** Envoy's rate limit protocol. */
export interface RateLimitDoor {
  readonly kind: "rate-limit";
  readonly listen: GrpcAddress;
  readonly tls: TlsFiles | undefined;
}

/** The processes that answer the same Envoy, which pass on what another of them has to answer. */
export interface ProcessorPeers {
  /** Index of the process itself. */
  readonly self: number;
  /** Unix socket of each. */
  readonly sockets: readonly string[];
}

/** Paths of PEM files: the server's own certificate, and the CA that signed its peers'. */
export interface TlsFiles {
  readonly cert: string;
  readonly key: string;
  readonly ca: string;
}

/** How a process is at one moment; plain data, which travels from workers to their supervisor. */
export interface ProcessSnapshot {
  readonly metrics: MetricsSnapshot;
  readonly credentials: readonly CredentialHealth[];
}

/** What a process knows of limits; plain data as well. */
export interface LimitReport {
  /** How the counters that were asked about stand, in their order. */
  readonly readings: readonly LimitReading[];
  /** Counters it knows of. */
  readonly known: readonly KnownCounter[];
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
  /** How every process is. */
  snapshots(): Promise<readonly ProcessSnapshot[]>;
  /** What every process knows of limits, and of the counters of some demands. */
  limits(demands: readonly Demand[]): Promise<readonly LimitReport[]>;
  /** Finishes requests under way for at most `drainMs`, then ends. */
  stop(drainMs: number): Promise<void>;
}
