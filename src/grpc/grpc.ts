/**
 * gRPC over HTTP/2 for one kind of peer: an Envoy that we trust, on a Unix socket, loopback or mTLS. Only the server's side
 * and only what such a peer uses; why our own: docs/decisions/2026-11-21-grpc-server.md.
 *
 * This file is the contract between the server and the services on it.
 */

/** Status codes of gRPC (https://grpc.github.io/grpc/core/md_doc_statuscodes.html), those that are used here. */
export const GRPC_STATUS = {
  ok: 0,
  cancelled: 1,
  invalidArgument: 3,
  deadlineExceeded: 4,
  resourceExhausted: 8,
  unimplemented: 12,
  internal: 13,
  unavailable: 14,
} as const;

/** What a service may do with one call. */
export interface GrpcStream {
  /** Request headers by lower-case name, pseudo headers included. */
  readonly headers: ReadonlyMap<string, string>;
  /** Sends one message; it is written together with all that is sent while the same bytes are read. Ignored after the end. */
  send(message: Uint8Array): void;
  /** Ends the call with trailers; only the first call has an effect. */
  end(status: number, message?: string): void;
}

/** What a service is told of one call. Nothing is told after `onClose`. */
export interface GrpcHandler {
  /** A whole message; its memory is the handler's until `onClose`. What this throws ends the call with `internal`. */
  onMessage(message: Uint8Array): void;
  /** The peer has sent its last message. */
  onEnd(): void;
  /** The call is over: ended by us, cancelled by the peer, or its connection is gone. Told once. */
  onClose(): void;
}

/** A method by its full path, `/package.Service/Method`: makes the handler of one call. */
export type GrpcMethods = ReadonlyMap<string, (stream: GrpcStream) => GrpcHandler>;
