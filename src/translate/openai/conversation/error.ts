import type { HeaderMap } from "../../../wire/headers.ts";
import { nonEmptyString } from "../../answer-json.ts";
import type { VendorError } from "../../conversation/answer.ts";
import { isRecord, type JsonRecord } from "../../conversation/read.ts";
import { errorText } from "../../error-text.ts";
import { parseRecord } from "../../json-body.ts";

/** Reads a non-2xx answer: https://platform.openai.com/docs/guides/error-codes/api-errors */
export function readError(status: number, headers: HeaderMap, body: Uint8Array): VendorError {
  // Proxies answer with HTML or plain text.
  const document = parseRecord(body);
  const said = document === undefined ? undefined : errorOf(document, status);
  return said ?? { type: "OpenAIBackendError", message: errorText(status, headers, body), status };
}

/**
 * The error in a document, undefined when it holds none. Compatible servers also send it bare (`{"object":"error",…}`), as a string
 * (`{"error":"…"}`), or as FastAPI does (`{"detail":…}`).
 *
 * @param status For an error that does not bring its own.
 */
export function errorOf(document: JsonRecord, status: number): VendorError | undefined {
  const { error, detail } = document;
  if (isRecord(error)) return read(error, status);
  if (typeof error === "string" && error !== "") return plain(error, status);
  if (document["object"] === "error" || typeof document["message"] === "string") return read(document, status);
  if (typeof detail === "string") return plain(detail, status);
  return detail === undefined || detail === null ? undefined : plain(JSON.stringify(detail), status);
}

function read(error: JsonRecord, status: number): VendorError {
  const { code } = error;
  const ownStatus = typeof code === "number" && Number.isInteger(code) && code >= 400 && code <= 599 ? code : status;
  return {
    type: nonEmptyString(error["type"]) ?? "error",
    message: nonEmptyString(error["message"]) ?? "the provider reported an error without a message",
    code: typeof code === "number" ? String(code) : nonEmptyString(code),
    param: nonEmptyString(error["param"]),
    status: ownStatus,
  };
}

function plain(message: string, status: number): VendorError {
  return { type: "error", message, status };
}
