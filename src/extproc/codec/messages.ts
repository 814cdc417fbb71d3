/**
 * The messages of Envoy's external processing filter
 * (https://www.envoyproxy.io/docs/envoy/v1.40.0/api-v3/service/ext_proc/v3/external_processor.proto), as far as the
 * processor uses them. Around five of them go by for each HTTP request, so the codec beside this file is written by hand:
 * the generated code costs several times as much. What it understands is checked against the generated code in tests.
 *
 * Header values are bytes, kept as Latin-1 strings like Node keeps them.
 */
import type { StructMap } from "./struct.ts";

/** A phase in which Envoy sends headers. */
export type HeadersPhase = "request_headers" | "response_headers";
/** A phase in which Envoy sends a body or a part of one. */
export type BodyPhase = "request_body" | "response_body";
/** A phase in which Envoy sends trailers. */
export type TrailersPhase = "request_trailers" | "response_trailers";
/** What a ProcessingRequest is about, and what the answer to it must be about. */
export type Phase = HeadersPhase | BodyPhase | TrailersPhase;

/** How bodies are sent (`ProcessingMode.BodySendMode`). */
export type BodyMode = "NONE" | "STREAMED" | "BUFFERED" | "BUFFERED_PARTIAL" | "FULL_DUPLEX_STREAMED" | "GRPC";
/** Whether headers or trailers are sent (`ProcessingMode.HeaderSendMode`). */
export type HeaderMode = "DEFAULT" | "SEND" | "SKIP";

/** What Envoy says of the filter's configuration; only in the first message of a stream. */
export interface ProtocolConfig {
  readonly requestBodyMode: BodyMode;
  readonly responseBodyMode: BodyMode;
  readonly sendBodyWithoutWaitingForHeaderResponse: boolean;
}

interface AnyRequest {
  /** The attributes that the filter asks for: `attributes.at("envoy.filters.http.ext_proc", "xds.cluster_name")`. */
  readonly attributes: StructMap;
  /** Dynamic metadata that the filter forwards: `metadata.at("io.envoy.ai_gateway", "key")`. */
  readonly metadata: StructMap;
  /** Envoy does not wait for an answer, and ignores it. */
  readonly observabilityMode: boolean;
  readonly protocolConfig: ProtocolConfig | undefined;
}

/** Headers of the request or of the answer, pseudo headers (`:path`, `:status`) included. */
export interface HeadersRequest extends AnyRequest {
  readonly phase: HeadersPhase;
  /** Alternating names and values, names in lower case as Envoy keeps them. */
  readonly headers: string[];
  /** No body follows. */
  readonly endOfStream: boolean;
}

/** A body, or a chunk of one when bodies are streamed. */
export interface BodyRequest extends AnyRequest {
  readonly phase: BodyPhase;
  /** A view of the message's memory. */
  readonly body: Uint8Array;
  readonly endOfStream: boolean;
}

/** Trailers of the request or of the answer. */
export interface TrailersRequest extends AnyRequest {
  readonly phase: TrailersPhase;
  /** Alternating names and values. */
  readonly headers: string[];
}

/** One message of Envoy's. */
export type ProcessingRequest = HeadersRequest | BodyRequest | TrailersRequest;

/** Changes of headers; a header that is set replaces all its values. */
export interface HeaderMutation {
  /** Alternating names and values. */
  readonly set?: readonly string[] | undefined;
  readonly remove?: readonly string[] | undefined;
}

/** What becomes of a body: replaced, emptied, or, with full duplex streaming, sent as a further chunk. */
export type BodyMutation =
  | { readonly kind: "replace"; readonly body: Uint8Array }
  | { readonly kind: "clear" }
  | { readonly kind: "stream"; readonly body: Uint8Array; readonly endOfStream: boolean };

/** The answer to headers or a body. */
export interface CommonAnswer {
  readonly phase: HeadersPhase | BodyPhase;
  /** Whether the body in this answer to headers stands for the whole body, which is then not sent (CONTINUE_AND_REPLACE). */
  readonly replace?: boolean | undefined;
  readonly headers?: HeaderMutation | undefined;
  readonly body?: BodyMutation | undefined;
  /** Envoy looks for the route again. */
  readonly clearRouteCache?: boolean | undefined;
}

/** The answer to trailers. */
export interface TrailersAnswer {
  readonly phase: TrailersPhase;
  readonly headers?: HeaderMutation | undefined;
}

/** Ends the HTTP request with this reply instead of any other. */
export interface ImmediateAnswer {
  readonly phase: "immediate";
  readonly status: number;
  readonly headers?: HeaderMutation | undefined;
  readonly body?: Uint8Array | undefined;
  /** What `response.code_details` and Envoy's access log then show; spaces become underscores. */
  readonly details?: string | undefined;
}

/** Which parts Envoy sends from now on. What is absent goes as Envoy takes an absent field: bodies are not sent. */
export interface ProcessingMode {
  readonly requestHeaders?: HeaderMode | undefined;
  readonly responseHeaders?: HeaderMode | undefined;
  readonly requestBody?: BodyMode | undefined;
  readonly responseBody?: BodyMode | undefined;
  readonly requestTrailers?: HeaderMode | undefined;
  readonly responseTrailers?: HeaderMode | undefined;
}

/** Dynamic metadata: namespace → key → value. */
export type DynamicMetadata = Readonly<Record<string, Readonly<Record<string, string | number>>>>;

/** One message to Envoy. */
export interface ProcessingResponse {
  readonly answer: CommonAnswer | TrailersAnswer | ImmediateAnswer;
  readonly dynamicMetadata?: DynamicMetadata | undefined;
  /** Taken only in an answer to headers, and only where the filter allows it (`allow_mode_override`). */
  readonly modeOverride?: ProcessingMode | undefined;
}
