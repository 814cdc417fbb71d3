/** The two halves of a translation: a client dialect, and a backend dialect. */
import type { HeaderMap } from "../../wire/headers.ts";
import type { TranslatorContext } from "../translator.ts";
import type { Answer, AnswerEvent, VendorError } from "./answer.ts";
import type { Conversation } from "./conversation.ts";
import type { FieldPaths, Losses } from "./losses.ts";

/** A dialect that callers speak. Stateless. */
export interface ClientCodec {
  readonly fields: FieldPaths;
  /**
   * Reads a request.
   *
   * @param document The body, parsed: an object.
   * @throws GatewayError `invalid_request` for what is wrong in the dialect itself, with the path of it.
   */
  readRequest(document: Readonly<Record<string, unknown>>): Conversation;
  /** A whole answer as the caller's dialect writes it. */
  writeAnswer(answer: Answer, context: AnswerContext): object;
  /** Makes the writer of one stream. */
  streamWriter(context: AnswerContext): StreamWriter;
  /** An error of the vendor's as the body of a non-2xx answer. */
  writeError(error: VendorError, context: AnswerContext): object;
}

/** What a client codec knows of the request when it writes the answer. */
export interface AnswerContext {
  /** Model for answers that name none: the one that was sent. */
  readonly model: string;
  /** Whether the caller asked for a usage chunk (OpenAI's `stream_options.include_usage`). */
  readonly includeUsage: boolean;
  /** The caller's request, parsed. */
  readonly request: Readonly<Record<string, unknown>>;
  readonly requestId: string;
  readonly newId: () => string;
  /** Unix seconds. */
  readonly now: () => number;
}

/** Writes one stream; SSE text, with `event:` lines where the dialect has them. What is written for one chunk of the upstream leaves together. */
export interface StreamWriter {
  /** The text for an event, "" for none. After `error` or `done` nothing more is asked for. */
  write(event: AnswerEvent): string;
}

/** A dialect that backends speak. Stateless. */
export interface BackendCodec {
  /** Names of functions that the vendor takes; undefined = any. Others are changed on the way, and back in the answer. */
  readonly toolNames?: RegExp;
  /**
   * Writes a request. What the dialect has no word for is noted in `losses`.
   *
   * @throws GatewayError `untranslatable` for what cannot be left out without changing what is asked (an image the vendor cannot
   *   take, a tool call without id).
   */
  writeRequest(conversation: Conversation, target: BackendTarget, losses: Losses): BackendRequest;
  /** A whole 2xx answer. Throws GatewayError `upstream_invalid` when it is none. `headers` are the upstream's. */
  readAnswer(body: Uint8Array, headers: HeaderMap, target: BackendTarget): Answer;
  /** Whether a stream may also come as one JSON array of its events. */
  readonly streamMayBeArray?: boolean;
  /** Makes the reader of one stream. */
  streamReader(headers: HeaderMap, target: BackendTarget): StreamReader;
  /** A non-2xx answer, whatever its body is. */
  readError(status: number, headers: HeaderMap, body: Uint8Array): VendorError;
}

/** What a backend codec knows beside the conversation. */
export interface BackendTarget {
  /** The model to ask: the override, else the caller's. */
  readonly model: string;
  readonly context: TranslatorContext;
}

/** A request for the backend. */
export interface BackendRequest {
  /** Path with query. */
  readonly path: string;
  readonly body: object;
  /** Headers to set; undefined = remove. */
  readonly headers?: readonly (readonly [string, string | undefined])[];
}

/** Reads one stream, however it is cut. */
export interface StreamReader {
  /**
   * Adds the events that are whole now to `out`. Throws GatewayError `upstream_invalid` for bytes that are no such stream; what was
   * added before stands, and nothing more is asked for.
   */
  push(chunk: Uint8Array, out: AnswerEvent[]): void;
  /** The upstream has ended: what was still open. `done` must have been emitted by then, or the answer counts as cut off. */
  end(out: AnswerEvent[]): void;
}
