/** The one place that turns a throwable into what a caller sees: a whole answer, or an event inside a stream. */
import { type Dialect, ERROR_CODES, GatewayError } from "./gateway-error.ts";

/** An answer made by the gateway itself. */
export interface RenderedError {
  readonly status: number;
  /** Alternating lower-case names and values, content-length included. */
  readonly headers: string[];
  readonly body: Buffer;
}

/** What a caller reads instead of a message that is not meant for it. */
const HIDDEN_MESSAGE = "the gateway could not complete this request";

/**
 * Renders any throwable in the caller's dialect.
 *
 * OpenAI callers get the envelope `{"type":"error","error":{"type","code","message"}}` with the status as a string in
 * `code`; Anthropic callers get `{"type":"error","error":{"type","message"},"request_id"}`
 * (https://docs.anthropic.com/en/api/errors). A path nobody serves has no dialect: its answer is plain text.
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
 * @param named Whether the stream's events carry `event:` lines (Anthropic and OpenAI Responses streams do).
 */
export function renderStreamError(thrown: unknown, dialect: Dialect, requestId: string, named: boolean): Buffer {
  const document = JSON.stringify(errorDocument(GatewayError.from(thrown), dialect, requestId));
  return Buffer.from(`${named ? "event: error\n" : ""}data: ${document}\n\n`);
}

function errorDocument(error: GatewayError, dialect: Dialect, requestId: string): object {
  const meaning = ERROR_CODES[error.code];
  const message = error.expose ? error.message : HIDDEN_MESSAGE;
  return dialect === "anthropic"
    ? { type: "error", error: { type: meaning.anthropicType, message }, request_id: requestId }
    : { type: "error", error: { type: meaning.openaiType, code: String(meaning.httpStatus), message } };
}
