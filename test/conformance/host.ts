/**
 * Conformance: the gateway's behaviour as a table of cases that know nothing of the host that serves them. A behaviour
 * that differs between two hosts is a bug, so every host runs the same cases. This file says what a host must offer.
 */

import type { Want } from "./case.ts";

/** An access-log line. */
export type LogLine = Readonly<Record<string, unknown>>;

/** A way to run the gateway. */
export interface Host {
  readonly name: string;
  /** What is seen otherwise at this host, by `group: case`; each is a case of its own and has its place in the docs. */
  readonly differences: ReadonlyMap<string, Difference>;
  /** Starts the gateway with a configuration (YAML, several documents) and variables, and waits until it serves. */
  start(config: string, env: Readonly<Record<string, string>>): Promise<RunningHost>;
}

/** A case that has to come out otherwise, because of what the host stands on. */
export interface Difference {
  readonly why: string;
  /** Replaces what the case wants. */
  readonly want: Want;
}

/** A gateway that serves. */
export interface RunningHost {
  readonly url: string;
  readonly adminUrl: string;
  /** Access-log lines so far. */
  logs(): readonly LogLine[];
  /** The first line the predicate accepts, as soon as it is written; rejects when it does not come. */
  log(predicate: (line: LogLine) => boolean): Promise<LogLine>;
  /** Ends the gateway; its exit code. */
  stop(): Promise<number | null>;
}
