/** One attempt of a request as the filter of the chosen backend's cluster tells it. */
import { GatewayError } from "../errors/gateway-error.ts";
import { BACKEND_ATTRIBUTE, DYNAMIC_METADATA } from "../exchange/envoy-names.ts";
import { GRPC_STATUS, type GrpcHandler, type GrpcStream } from "../grpc/grpc.ts";
import { decodeProcessingRequest } from "./codec/decode.ts";
import { encodeProcessingResponse } from "./codec/encode.ts";
import type { HeadersRequest, ProcessingResponse } from "./codec/messages.ts";
import { ID_KEY, processOf } from "./exchange-id.ts";
import type { ExtProcHost } from "./host.ts";
import { attemptMetadata, named } from "./metadata.ts";
import { lost } from "./refusal.ts";
import { attemptEdits, FILTER_ATTRIBUTES } from "./request-edits.ts";
import type { RequestUnderWay } from "./request-under-way.ts";
import { waitFor } from "./wait-for.ts";

/** An attempt, from its head to the message that lets it go on. */
export class UpstreamStream implements GrpcHandler {
  readonly #host: ExtProcHost;
  readonly #stream: GrpcStream;
  /** The call at the process that admitted the request, when that is not this one. */
  #forwarded: GrpcHandler | undefined;
  #closed = false;

  constructor(host: ExtProcHost, stream: GrpcStream) {
    this.#host = host;
    this.#stream = stream;
  }

  onMessage(message: Uint8Array): void {
    if (this.#forwarded !== undefined) {
      this.#forwarded.onMessage(message);
      return;
    }
    const request = decodeProcessingRequest(message);
    if (request.phase !== "request_headers") {
      this.#send({ answer: { phase: request.phase } });
      return;
    }
    const id = String(request.metadata.at(DYNAMIC_METADATA, ID_KEY) ?? "");
    const process = processOf(id);
    if (process !== this.#host.peers.self) this.#forwarded = this.#host.peers.forward(process, this.#stream);
    if (this.#forwarded === undefined) this.#attempt(id, request);
    else this.#forwarded.onMessage(message);
  }

  onEnd(): void {
    this.#closed = true;
    if (this.#forwarded === undefined) this.#stream.end(GRPC_STATUS.ok);
    else this.#forwarded.onEnd();
  }

  onClose(): void {
    this.#closed = true;
    // What there is to be known of the request, its router stream knows.
    this.#forwarded?.onClose();
  }

  #attempt(id: string, request: HeadersRequest): void {
    const admitted = this.#host.requests.get(id);
    if (admitted === undefined) {
      this.#send(lost(new GatewayError("shutting_down", "the process that admitted the request is gone")));
      return;
    }
    const { attributes, headers, metadata } = request;
    try {
      const backendId = String(attributes.at(FILTER_ATTRIBUTES, BACKEND_ATTRIBUTE) ?? "");
      const ready = admitted.prepareAt(backendId, metadata);
      if (ready instanceof Promise) {
        waitFor(ready, this.#stream, {
          goOn: () => this.#closed || this.#begin(admitted, backendId, headers),
          fail: (error) => this.#closed || this.#send(admitted.refuse(error)),
        });
      } else this.#begin(admitted, backendId, headers);
    } catch (error) {
      this.#send(admitted.refuse(error));
    }
  }

  #begin(admitted: RequestUnderWay, backendId: string, headers: readonly string[]): void {
    try {
      const attempt = admitted.attemptAt(backendId);
      const { exchange } = admitted;
      // Envoy keeps the length that an attempt before may have given the body.
      const isReplaced = attempt.body !== exchange.body || exchange.record.attempts > 1;
      this.#send({
        answer: {
          phase: "request_headers",
          replace: isReplaced,
          headers: attemptEdits(headers, attempt, false),
          body: isReplaced ? { kind: "replace", body: attempt.body } : undefined,
        },
        dynamicMetadata: named(attemptMetadata(exchange, isReplaced ? attempt.body.length : undefined)),
      });
    } catch (error) {
      this.#send(admitted.refuse(error));
    }
  }

  #send(response: ProcessingResponse): void {
    this.#stream.send(encodeProcessingResponse(response));
  }
}
