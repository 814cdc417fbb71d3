/**
 * What Envoy's access log tells of requests that the external processing filter did not see to their end: bytes that never
 * became a request, callers that left, upstreams that broke off
 * (https://www.envoyproxy.io/docs/envoy/latest/api-v3/service/accesslog/v3/als.proto).
 */
import { GatewayError } from "../errors/gateway-error.ts";
import { DYNAMIC_METADATA } from "../exchange/envoy-names.ts";
import { Exchange } from "../exchange/exchange.ts";
import { settle } from "../exchange/settle.ts";
import { GRPC_STATUS, type GrpcHandler, type GrpcStream } from "../grpc/grpc.ts";
import { HeaderMap } from "../wire/headers.ts";
import { type AccessLogEntry, decodeAccessLogEntries } from "./codec/access-log-entry.ts";
import { ID_KEY, processOf } from "./exchange-id.ts";
import type { ExtProcHost } from "./host.ts";
import { localReplyError } from "./local-reply.ts";

/** Path of the service's only method. */
export const STREAM_ACCESS_LOGS = "/envoy.service.accesslog.v3.AccessLogService/StreamAccessLogs";
/** Says that a process passes on what another one should know. */
const FORWARDED_HEADER = "x-aigw-forwarded";

/** One log stream of one Envoy worker. */
export class AccessLogStream implements GrpcHandler {
  readonly #host: ExtProcHost;
  readonly #stream: GrpcStream;
  /** Streams to the processes whose requests were in this log. */
  readonly #onward = new Map<number, GrpcHandler>();

  constructor(host: ExtProcHost, stream: GrpcStream) {
    this.#host = host;
    this.#stream = stream;
  }

  onMessage(message: Uint8Array): void {
    const { self, others: peers } = this.#host.peers;
    const forwarded = this.#stream.headers.has(FORWARDED_HEADER);
    const others = new Set<number>();
    for (const entry of decodeAccessLogEntries(message)) {
      const id = String(entry.metadata.at(DYNAMIC_METADATA, ID_KEY) ?? "");
      const process = processOf(id);
      if (process === self) this.#host.ended(id, entry);
      else if (process >= 0) others.add(process);
      else if (forwarded) this.#host.recordedElsewhere(entry);
      // Which process had it, if any, is not said: each of them drops what it has of it.
      else if (!this.#host.endedUnnamed(entry)) for (const peer of peers) others.add(peer);
    }
    if (!forwarded) for (const process of others) this.#to(process)?.onMessage(message);
  }

  onEnd(): void {
    this.#stream.end(GRPC_STATUS.ok);
  }

  onClose(): void {
    for (const onward of this.#onward.values()) onward.onClose();
  }

  #to(process: number): GrpcHandler | undefined {
    const known = this.#onward.get(process);
    if (known !== undefined) return known;
    const headers = new Map([...this.#stream.headers, [FORWARDED_HEADER, "1"]]);
    // Nothing is ever answered on a log stream, and its end at the other process does not end it here.
    const quiet = { headers, send: () => undefined, end: () => this.#onward.delete(process) };
    const onward = this.#host.peers.forward(process, quiet);
    if (onward !== undefined) this.#onward.set(process, onward);
    return onward;
  }
}

/** Writes the record of a request that Envoy answered before it asked us. */
export function recordRefused(host: ExtProcHost, entry: AccessLogEntry): void {
  const { method, path: target, authority } = entry;
  const exchange = new Exchange(host.context, host.plan, {
    method,
    target,
    host: authority,
    headers: new HeaderMap(entry.requestId === "" ? [] : ["x-request-id", entry.requestId]),
    listener: "",
    peer: { address: undefined },
  });
  const { record } = exchange;
  const error = refusalOf(entry);
  record.status = entry.status;
  // A caller that left is no failure of ours: settle says so.
  if (entry.status !== 0) record.outcome = "error";
  record.errorType = error.code;
  record.errorMessage = `${error.message} (${entry.details})`;
  record.responseBytes = entry.responseBodyBytes;
  record.attempts = entry.attempts;
  settle(exchange, entry.status !== 0);
}

function refusalOf({ status, details }: AccessLogEntry): GatewayError {
  switch (status) {
    case 0:
      return new GatewayError("client_closed", "the caller left before it was answered");
    case 400:
      return new GatewayError("invalid_request", "malformed request: not valid HTTP");
    case 408:
      return new GatewayError("request_timeout", "the request did not arrive in time");
    case 413:
      return new GatewayError("body_too_large", "the request body is larger than this gateway takes");
    case 431:
      return new GatewayError("headers_too_large", "the request headers are larger than this gateway takes");
    default:
      return (
        localReplyError(details, status, new HeaderMap()) ??
        new GatewayError("internal", "Envoy answered before the processor could")
      );
  }
}
