/** How a connection's failure is told. The sentences are fixed: names, addresses and system texts are in the cause. */
import { GatewayError } from "../../errors/gateway-error.ts";

/** How far an exchange had come when its connection failed. */
export type Progress = "connecting" | "waiting" | "answering";

/** The error for a connection that ended too early; `cause` is what the system said, undefined for a plain close. */
export function connectionLost(progress: Progress, cause: unknown): GatewayError {
  if (progress === "connecting")
    return new GatewayError("upstream_unavailable", "the upstream cannot be reached", { cause });
  if (progress === "waiting") {
    return new GatewayError("upstream_unavailable", "the upstream closed the connection before it answered", { cause });
  }
  return new GatewayError("upstream_reset_mid_stream", "the upstream's answer ended before it was complete", { cause });
}

/** The error for an endpoint that took longer than the configuration allows to accept a connection, TLS included. */
export function connectTimeout(): GatewayError {
  return new GatewayError("upstream_timeout", "connecting to the upstream took too long");
}

/** The error for bytes that are no HTTP; `reason` is a fixed phrase, never what was received. */
export function invalidAnswer(reason: string, cause?: unknown): GatewayError {
  return new GatewayError("upstream_invalid", `the upstream's answer is not valid HTTP: ${reason}`, { cause });
}

/** The error for a request that finds every connection taken and the queue full. */
export function tooManyWaiting(): GatewayError {
  return new GatewayError("upstream_unavailable", "too many requests are waiting for the upstream");
}
