import type { AnthropicErrorDocument } from "../../apischema/anthropic/error.ts";
import type { HeaderMap } from "../../wire/headers.ts";
import { errorDocument, errorText, isJsonError } from "../error-text.ts";
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

/** Leaves a JSON error as the provider sent it; anything else goes into an Anthropic error document. */
export function wrapAnthropicError(status: number, headers: HeaderMap, body: Uint8Array): ResponsePatch {
  if (isJsonError(headers, body)) return {};
  const document: AnthropicErrorDocument = {
    type: "error",
    error: {
      type: TYPE_BY_STATUS.get(status) ?? "internal_server_error",
      message: errorText(status, headers, body),
    },
    request_id: headers.get("request-id") ?? "",
  };
  return errorDocument(document);
}
