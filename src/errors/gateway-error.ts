/**
 * The gateway's own failures. Every failure that a caller can see has a code of the closed union below; the table says
 * what the code means on the wire. Error replies of an upstream are data and never become a GatewayError.
 */

/** Wire dialect of the caller: decides the shape of an error body. */
export type Dialect = "openai" | "anthropic" | "gemini";

interface CodeMeaning {
  readonly httpStatus: number;
  /** gRPC status number (https://grpc.io/docs/guides/status-codes/). */
  readonly grpcStatus: number;
  /** `error.type` of the OpenAI-style envelope, as users of Envoy AI Gateway know it. */
  readonly openaiType: string;
  /** `error.type` of an Anthropic error (https://docs.anthropic.com/en/api/errors). */
  readonly anthropicType: string;
}

function meaning(httpStatus: number, grpcStatus: number, openaiType: string, anthropicType: string): CodeMeaning {
  return { httpStatus, grpcStatus, openaiType, anthropicType };
}

/** Every code with its HTTP status, gRPC status and the type names of both dialects. */
export const ERROR_CODES = {
  invalid_request: meaning(400, 3, "BadRequest", "invalid_request_error"),
  unauthorized: meaning(401, 16, "Unauthorized", "authentication_error"),
  forbidden: meaning(403, 7, "Forbidden", "permission_error"),
  unmetered: meaning(403, 7, "Forbidden", "permission_error"),
  model_not_found: meaning(404, 5, "NotFound", "not_found_error"),
  unknown_path: meaning(404, 5, "NotFound", "not_found_error"),
  method_not_allowed: meaning(405, 12, "MethodNotAllowed", "invalid_request_error"),
  request_timeout: meaning(408, 4, "RequestTimeout", "timeout_error"),
  body_too_large: meaning(413, 8, "RequestTooLarge", "request_too_large"),
  headers_too_large: meaning(431, 8, "RequestHeadersTooLarge", "request_too_large"),
  untranslatable: meaning(422, 3, "UnprocessableEntity", "invalid_request_error"),
  rate_limited: meaning(429, 8, "TooManyRequests", "rate_limit_error"),
  client_closed: meaning(499, 1, "ClientClosedRequest", "api_error"),
  internal: meaning(500, 13, "InternalServerError", "api_error"),
  credentials_unavailable: meaning(500, 13, "InternalServerError", "api_error"),
  unsupported: meaning(501, 12, "NotImplemented", "api_error"),
  upstream_invalid: meaning(502, 14, "BadGateway", "api_error"),
  upstream_reset_mid_stream: meaning(502, 14, "BadGateway", "api_error"),
  upstream_unavailable: meaning(503, 14, "ServiceUnavailable", "overloaded_error"),
  issuer_unavailable: meaning(503, 14, "ServiceUnavailable", "overloaded_error"),
  limits_unavailable: meaning(503, 14, "ServiceUnavailable", "overloaded_error"),
  unknown_listener: meaning(503, 14, "ServiceUnavailable", "overloaded_error"),
  shutting_down: meaning(503, 14, "ServiceUnavailable", "overloaded_error"),
  upstream_timeout: meaning(504, 4, "GatewayTimeout", "timeout_error"),
  stream_idle_timeout: meaning(504, 4, "GatewayTimeout", "timeout_error"),
} as const satisfies Record<string, CodeMeaning>;

/** Names of the gRPC statuses that the gateway uses: https://grpc.io/docs/guides/status-codes/ */
export const GRPC_STATUS_NAMES: ReadonlyMap<number, string> = new Map([
  [1, "CANCELLED"],
  [3, "INVALID_ARGUMENT"],
  [4, "DEADLINE_EXCEEDED"],
  [5, "NOT_FOUND"],
  [7, "PERMISSION_DENIED"],
  [8, "RESOURCE_EXHAUSTED"],
  [12, "UNIMPLEMENTED"],
  [13, "INTERNAL"],
  [14, "UNAVAILABLE"],
  [16, "UNAUTHENTICATED"],
]);

/** Closed union of the gateway's error codes; also the value of `error.type` in logs. */
export type ErrorCode = keyof typeof ERROR_CODES;

interface GatewayErrorOptions {
  /** Whether the message may be shown to the caller; otherwise the caller gets a fixed sentence. Default true. */
  readonly expose?: boolean;
  /** What went wrong underneath; for the log only. */
  readonly cause?: unknown;
  /** Extra response headers, e.g. `allow` on 405 and `retry-after` on 503. */
  readonly headers?: Readonly<Record<string, string>>;
}

/** A failure of the gateway or of the caller's request, with a stable code. */
export class GatewayError extends Error {
  override readonly name = "GatewayError";
  readonly code: ErrorCode;
  readonly expose: boolean;
  readonly headers: Readonly<Record<string, string>> | undefined;

  constructor(code: ErrorCode, message: string, options: GatewayErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.expose = options.expose ?? true;
    this.headers = options.headers;
  }

  get httpStatus(): number {
    return ERROR_CODES[this.code].httpStatus;
  }

  get grpcStatus(): number {
    return ERROR_CODES[this.code].grpcStatus;
  }

  /** Turns any throwable into a GatewayError; what is not one already becomes an unexposed `internal`. */
  static from(thrown: unknown): GatewayError {
    if (thrown instanceof GatewayError) return thrown;
    return new GatewayError("internal", "internal error", { expose: false, cause: thrown });
  }
}
