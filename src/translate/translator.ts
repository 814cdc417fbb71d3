/**
 * The translator contract: client dialect ↔ backend dialect, pure and synchronous. One translator serves one attempt and
 * is never shared. `undefined` always means "unchanged".
 */
import type { ParsedRequest } from "../endpoints/endpoint.ts";
import { emptyUsage, type TokenUsage } from "../usage/token-usage.ts";
import type { HeaderMap } from "../wire/headers.ts";

/** Everything a translator may know besides the bytes; nothing is set later. */
export interface TranslatorContext {
  /** The backend's `schema.prefix` or `schema.version`, as its descriptor reads them. */
  readonly prefix: string | undefined;
  readonly version: string | undefined;
  /** `modelNameOverride` of the chosen backend. */
  readonly modelOverride: string | undefined;
  readonly requestHeaders: HeaderMap;
  /** The request's id, as the caller finds it in the answer's head. */
  readonly requestId: string;
  readonly newId: () => string;
  /** Unix time in seconds. */
  readonly now: () => number;
}

/** Edits to a request for the upstream. */
export interface RequestPatch {
  /** Path with query, e.g. `/v1/chat/completions`. Always written: the caller's own path never reaches a backend. */
  readonly path: string;
  /** Headers to set; undefined value = remove. */
  readonly headers?: readonly (readonly [string, string | undefined])[];
  readonly body?: Uint8Array;
}

/** Edits to an answer that is not a stream, or to response headers. */
export interface ResponsePatch {
  /** Replaces the upstream's status: set for an error that came with a 2xx. */
  readonly status?: number;
  readonly headers?: readonly (readonly [string, string | undefined])[];
  readonly body?: Uint8Array;
}

/** How far a streamed or unary answer has come. */
export type AnswerState =
  /** Nothing that ends the answer was seen. */
  | "open"
  /** The provider said it is done (`[DONE]`, `message_stop`, a finish reason, a whole JSON document). */
  | "complete"
  /** The provider reported an error inside a 200 answer. */
  | "failed";

/** What a translator has read from the answer so far; one object per translator, changed in place. */
export interface AnswerFacts {
  state: AnswerState;
  readonly usage: TokenUsage;
  /** The model as the provider answered it, undefined until said. */
  responseModel: string | undefined;
  /** Events of a stream so far, and their bytes; they feed the estimate when no usage ever comes. */
  events: number;
  eventBytes: number;
  /** Bytes of what the model said, known only where the answer is translated; a better estimate than from events. */
  textBytes?: number;
  /** The provider's own error type, when state is `failed`. */
  errorType: string | undefined;
}

/** One attempt's translation, both ways. Usage and state are read from {@link facts} at any time. */
export interface Translator {
  readonly facts: AnswerFacts;
  /** Fields of the request that the backend was not told, as paths into the body; whole once {@link request} has returned. */
  readonly losses: readonly string[];
  /** Whether a backend's stream may also come as one JSON array of its events. */
  readonly streamMayBeArray?: boolean;
  request(raw: Uint8Array, body: ParsedRequest): RequestPatch;
  /** Called once with the upstream's answer head, for 2xx. */
  responseHeaders(status: number, headers: HeaderMap): ResponsePatch;
  /**
   * A whole 2xx answer that is not a stream, already decoded (no content-encoding). Throws GatewayError
   * `upstream_invalid` when it is not a whole document of the backend's dialect.
   */
  responseBody(body: Uint8Array): ResponsePatch;
  /**
   * A chunk of a 2xx stream, cut anywhere; returns the bytes the caller gets for it, which may be empty and may share
   * memory with the chunk. Only whole events are ever returned: what is incomplete waits for the next chunk.
   * Throws GatewayError `upstream_invalid` on an event over the size cap.
   */
  streamChunk(chunk: Uint8Array): Uint8Array;
  /** The upstream's end of stream: the last bytes for the caller. Afterwards `facts.state` is final. */
  streamEnd(): Uint8Array;
  /** A non-2xx answer, decoded. */
  responseError(status: number, headers: HeaderMap, body: Uint8Array): ResponsePatch;
}

/** Makes the translator of one attempt. */
export type TranslatorFactory = (context: TranslatorContext) => Translator;

/** Facts of an answer of which nothing has come yet. */
export function emptyFacts(): AnswerFacts {
  return {
    state: "open",
    usage: emptyUsage(),
    responseModel: undefined,
    events: 0,
    eventBytes: 0,
    errorType: undefined,
  };
}
