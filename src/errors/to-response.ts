/** The one place that turns a throwable into what a caller sees: a whole answer, or an event inside a stream. */
import { type Dialect, ERROR_CODES, type ErrorCode, GatewayError, GRPC_STATUS_NAMES } from "./gateway-error.ts";

/** An answer made by the gateway itself. */
export interface RenderedError {
  readonly status: number;
  /** Alternating lower-case names and values, content-length included. */
  readonly headers: string[];
  readonly body: Buffer;
}

/** How the events of a stream are written: server-sent events with or without `event:` lines, or items of one JSON array. */
export type StreamFraming = "sse" | "named-sse" | "json-array";

/** What a caller reads instead of a message that is not meant for it. */
const HIDDEN_MESSAGE = "the gateway could not complete this request";

/**
 * Renders any throwable in the caller's dialect.
 *
 * OpenAI callers get the envelope `{"type":"error","error":{"type","code","message"}}` with the status as a string in
 * `code`; Anthropic callers get `{"type":"error","error":{"type","message"},"request_id"}`
 * (https://docs.anthropic.com/en/api/errors); Gemini callers get `{"error":{"code","message","status"}}`
 * (https://docs.cloud.google.com/apis/design/errors#http_mapping). A path nobody serves has no dialect: its answer is plain text.
 */
export function renderError(thrown: unknown, dialect: Dialect, requestId: string): RenderedError {
  const error = GatewayError.from(thrown);
  const plain = error.code === "unknown_path";
  const body = Buffer.from(plain ? error.message : JSON.stringify(errorDocument(error, dialect, requestId)));
  const headers = [
    "content-type",
    plain ? "text/plain; charset=utf-8" : "application/json",
    "content-length",
    String(body.length),
    "x-request-id",
    requestId,
  ];
  for (const [name, value] of Object.entries(error.headers ?? {})) headers.push(name, value);
  return { status: error.httpStatus, headers, body };
}

/**
 * Renders a throwable as the last event of a stream whose head is already sent, so that the caller's SDK raises instead
 * of taking a cut answer for a whole one.
 *
 * @param isFirst Whether nothing of the stream was sent yet.
 */
export function renderStreamError(
  thrown: unknown,
  caller: { readonly dialect: Dialect; readonly requestId: string; readonly framing: StreamFraming },
  isFirst: boolean,
): Buffer {
  const document = JSON.stringify(errorDocument(GatewayError.from(thrown), caller.dialect, caller.requestId));
  if (caller.framing === "json-array") return Buffer.from(`${isFirst ? "[" : ",\r\n"}${document}]`);
  return Buffer.from(`${caller.framing === "named-sse" ? "event: error\n" : ""}data: ${document}\n\n`);
}

function errorDocument(error: GatewayError, dialect: Dialect, requestId: string): object {
  return errorBody(error.code, error.expose ? error.message : HIDDEN_MESSAGE, { dialect, requestId });
}

/** The body of an error in a dialect. */
export function errorBody(
  code: ErrorCode,
  message: string,
  { dialect, requestId }: { readonly dialect: Dialect; readonly requestId: string },
): object {
  const { httpStatus, grpcStatus, openaiType, anthropicType } = ERROR_CODES[code];
  switch (dialect) {
    case "anthropic":
      return { type: "error", error: { type: anthropicType, message }, request_id: requestId };
    case "gemini":
      return { error: { code: httpStatus, message, status: GRPC_STATUS_NAMES.get(grpcStatus) ?? "UNKNOWN" } };
    case "openai":
      return { type: "error", error: { type: openaiType, code: String(httpStatus), message } };
  }
}
