import { monotonicMs } from "../../wire/monotonic-clock.ts";

/** Bounds of a client's pools, per endpoint, and their clock. */
export interface ClientLimits {
  /** A stream holds its connection for minutes, so this also bounds the streams under way. */
  readonly connectionsMax: number;
  /** Requests that wait for a connection; what comes above is refused. */
  readonly waitingMax: number;
  /** Monotonic milliseconds. */
  readonly nowMs: () => number;
}

/** What holds where nothing else is asked for. */
export const DEFAULT_LIMITS: ClientLimits = {
  connectionsMax: 8_192,
  waitingMax: 1_024,
  nowMs: monotonicMs,
};
