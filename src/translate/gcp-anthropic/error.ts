import type { HeaderMap } from "../../wire/headers.ts";
import type { VendorError } from "../conversation/answer.ts";
import { writeError } from "../conversation/messages/error.ts";
import { isRecord, type JsonRecord } from "../conversation/read.ts";
import { errorText } from "../error-text.ts";
import { jsonAnswer, parseJson } from "../json-body.ts";
import type { ResponsePatch } from "../translator.ts";

/** Type of errors that have none of their own: what comes from a proxy, mostly. */
export const UNNAMED = "GCPBackendError";

/**
 * A non-2xx answer, Claude's own (`error.type`) or Google's (`error.status`, from streams in an array of one).
 * https://docs.cloud.google.com/apis/design/errors#http_mapping
 */
export function readGcpError(status: number, headers: HeaderMap, body: Uint8Array): VendorError {
  const error = errorOf(body);
  const message = error?.["message"];
  if (error === undefined || typeof message !== "string") {
    return { type: UNNAMED, message: errorText(status, headers, body), status };
  }
  const type = error["type"] ?? error["status"];
  return { type: typeof type === "string" ? type : UNNAMED, message, status };
}

/** An error of Google's as Anthropic's callers read it; one that is Anthropic's already stays. */
export function wrapGcpError(status: number, headers: HeaderMap, body: Uint8Array, requestId: string): ResponsePatch {
  if (typeof errorOf(body)?.["type"] === "string") return {};
  return jsonAnswer(writeError(readGcpError(status, headers, body), requestId));
}

function errorOf(body: Uint8Array): JsonRecord | undefined {
  const document = parseJson(body);
  const first: unknown = Array.isArray(document) ? document[0] : document;
  return isRecord(first) && isRecord(first["error"]) ? first["error"] : undefined;
}
