import type { HeaderMap } from "../../wire/headers.ts";
import type { VendorError } from "../conversation/answer.ts";
import { isRecord, type JsonRecord } from "../conversation/read.ts";
import { errorText } from "../error-text.ts";
import { parseJson } from "../json-body.ts";

/**
 * A non-2xx answer: `{"error":{"code","message","status","details"}}`, from streams in an array of one.
 * https://docs.cloud.google.com/apis/design/errors#http_mapping
 */
export function readError(status: number, headers: HeaderMap, body: Uint8Array): VendorError {
  const error = errorIn(parseJson(body));
  if (error !== undefined) return vendorError(error, status);
  return { type: "GCPVertexAIBackendError", message: errorText(status, headers, body), status };
}

/** The error that a document reports, undefined when it reports none. */
export function errorIn(document: unknown): JsonRecord | undefined {
  const first: unknown = Array.isArray(document) ? document[0] : document;
  return isRecord(first) && isRecord(first["error"]) ? first["error"] : undefined;
}

/**
 * An error of Google's in no dialect.
 *
 * @param status The answer's; undefined inside a stream, where the error's own code tells it.
 */
export function vendorError(error: JsonRecord, status: number | undefined): VendorError {
  const { code, message, details } = error;
  const said = typeof message === "string" && message !== "" ? message : "the provider reported an error";
  const hasDetails = Array.isArray(details) && details.length > 0;
  const type = typeof error["status"] === "string" ? error["status"] : "GCPVertexAIBackendError";
  return {
    type,
    message: hasDetails ? `Error: ${said}\nDetails: ${JSON.stringify(details)}` : said,
    status: status ?? (typeof code === "number" && code >= 400 && code <= 599 ? code : 502),
  };
}
