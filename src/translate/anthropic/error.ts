import type { AnthropicErrorDocument } from "../../apischema/anthropic/error.ts";
import type { HeaderMap } from "../../wire/headers.ts";
import type { VendorError } from "../conversation/answer.ts";
import { isRecord } from "../conversation/read.ts";
import { errorText, isJsonError } from "../error-text.ts";
import { jsonAnswer, parseJson } from "../json-body.ts";
import type { ResponsePatch } from "../translator.ts";

/** Error types by status, as callers of the reference gateway know them; others are `internal_server_error`. */
const TYPE_BY_STATUS: ReadonlyMap<number, string> = new Map([
  [400, "invalid_request_error"],
  [401, "authentication_error"],
  [403, "permission_error"],
  [404, "not_found_error"],
  [413, "request_too_large"],
  [429, "rate_limit_error"],
  [500, "internal_server_error"],
  [503, "service_unavailable_error"],
  [529, "overloaded_error"],
]);

/** The error type of a status. */
export function anthropicErrorType(status: number): string {
  return TYPE_BY_STATUS.get(status) ?? "internal_server_error";
}

/** Leaves a JSON error as the provider sent it; anything else goes into an Anthropic error document. */
export function wrapAnthropicError(
  status: number,
  headers: HeaderMap,
  body: Uint8Array,
  requestId: string,
): ResponsePatch {
  if (isJsonError(headers, body)) return {};
  const document: AnthropicErrorDocument = {
    type: "error",
    error: {
      type: anthropicErrorType(status),
      message: errorText(status, headers, body),
    },
    request_id: headers.get("request-id") ?? requestId,
  };
  return jsonAnswer(document);
}

/** https://docs.anthropic.com/en/api/errors#http-errors */
const STATUS_BY_TYPE: ReadonlyMap<unknown, number> = new Map([
  ["invalid_request_error", 400],
  ["authentication_error", 401],
  ["billing_error", 402],
  ["permission_error", 403],
  ["not_found_error", 404],
  ["request_too_large", 413],
  ["rate_limit_error", 429],
  ["api_error", 500],
  ["timeout_error", 504],
  ["overloaded_error", 529],
]);

/** A non-2xx answer of Anthropic's, in no dialect. */
export function readAnthropicError(status: number, headers: HeaderMap, body: Uint8Array): VendorError {
  const error = errorIn(parseJson(body));
  if (error !== undefined) return { ...error, status };
  return { type: "AnthropicBackendError", message: errorText(status, headers, body), status };
}

/** The error a document (or the event of a stream) reports, undefined when it reports none. */
export function errorIn(document: unknown): VendorError | undefined {
  if (!isRecord(document) || !isRecord(document["error"])) return undefined;
  const { type, message } = document["error"];
  return {
    type: typeof type === "string" && type !== "" ? type : "error",
    message: typeof message === "string" && message !== "" ? message : "the provider reported an error",
    status: STATUS_BY_TYPE.get(type) ?? 502,
  };
}
