/**
 * What the embedded host needs from a connection to a backend, whatever the HTTP version: send one request whose body is
 * whole in memory, be told head, body chunks, end or failure, and be able to pause or abort. Callbacks, not promises: a
 * chunk costs a call.
 */
import type { GatewayError } from "../../errors/gateway-error.ts";
import type { HeaderMap } from "../../wire/headers.ts";

/** A request ready for the wire. */
export interface UpstreamRequest {
  readonly method: string;
  /** Path with query. */
  readonly path: string;
  /** Without host, content-length and hop-by-hop headers: those are the connection's own. */
  readonly headers: HeaderMap;
  readonly body: Uint8Array;
}

/** Told what comes back; after onEnd or onError nothing more is called. */
export interface UpstreamHandler {
  /** The final answer's head (1xx are dropped); header names lower case, hop-by-hop headers removed. */
  onHead(status: number, headers: HeaderMap): void;
  /** Payload bytes without transfer framing. The memory is the handler's to keep. */
  onData(chunk: Uint8Array): void;
  onEnd(): void;
  /** `upstream_unavailable` before a head, `upstream_reset_mid_stream` after, `upstream_invalid` for bytes that are no
   * HTTP, `upstream_timeout` when connecting took too long. */
  onError(error: GatewayError): void;
}

/** A request under way. */
export interface UpstreamCall {
  /** Whether the whole request is known to have left, so that its body's memory is not read any more; known at onEnd. */
  readonly isSent: boolean;
  /** Ends the exchange now; the handler is not called again. Safe at any time and more than once. */
  abort(): void;
  /** Stops and starts reading from the connection (the caller's back-pressure). */
  pause(): void;
  resume(): void;
}

/** A pool of connections to one backend. */
export interface UpstreamClient {
  send(request: UpstreamRequest, handler: UpstreamHandler): UpstreamCall;
  /** Closes idle connections now and others when their call ends. */
  close(): void;
}
