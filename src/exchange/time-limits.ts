/** Default time limits, fit for models: reasoning may be silent for minutes, and a stream may run for hours. */
import type { RuleTimeouts } from "../config/runtime-config.ts";
import { GatewayError } from "../errors/gateway-error.ts";
import type { RequestRecord } from "../telemetry/request-record.ts";

/** Longest silence while a caller sends its body. */
export const BODY_IDLE_MS = 60_000;
/** Longest wait for the first byte of an answer; what the vendors' own SDKs wait. */
const FIRST_BYTE_MS = 600_000;
/** Longest silence inside an answer. */
const IDLE_MS = 300_000;

/** The limits of one request in milliseconds; Infinity = none. */
export interface TimeLimits {
  readonly firstByteMs: number;
  readonly idleMs: number;
  /** From the request's arrival to the answer's end. */
  readonly totalMs: number;
}

/** A rule's timeouts over the defaults. A rule's 0 means "no limit", as in Gateway API. */
export function timeLimits(timeouts: RuleTimeouts): TimeLimits {
  const idleMs = limit(timeouts.streamIdleMs, IDLE_MS);
  const firstByteMs = limit(timeouts.backendRequestMs, FIRST_BYTE_MS);
  return {
    // A stream's idle limit also holds before its first byte, as Envoy's per-try idle timeout does.
    firstByteMs: timeouts.streamIdleMs === undefined ? firstByteMs : Math.min(firstByteMs, idleMs),
    idleMs,
    totalMs: limit(timeouts.requestMs, Number.POSITIVE_INFINITY),
  };
}

/**
 * The error a request has to end with because it takes too long; undefined while it is in time.
 *
 * @param lastByteMs When the upstream last sent something.
 */
export function overdue(
  limits: TimeLimits,
  { startMs, attemptMs, firstByteMs }: RequestRecord,
  lastByteMs: number,
  nowMs: number,
): GatewayError | undefined {
  if (nowMs - startMs > limits.totalMs) {
    return new GatewayError("upstream_timeout", "the request took longer than the route allows");
  }
  if (firstByteMs === 0) {
    // Before the attempt, what is waited for has limits of its own.
    if (attemptMs === 0 || nowMs - attemptMs <= limits.firstByteMs) return undefined;
    return new GatewayError("upstream_timeout", "the provider did not begin to answer in time");
  }
  if (nowMs - lastByteMs <= limits.idleMs) return undefined;
  return new GatewayError("stream_idle_timeout", "the provider's answer stopped arriving");
}

function limit(configured: number | undefined, byDefault: number): number {
  if (configured === undefined) return byDefault;
  return configured === 0 ? Number.POSITIVE_INFINITY : configured;
}
