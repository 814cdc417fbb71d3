import type { HeaderMap } from "../wire/headers.ts";
import { isWholeObject } from "./answer-json.ts";

/** Most of a provider's error text that is shown to a caller, in bytes. */
export const ERROR_TEXT_BYTES_MAX = 64 * 1024;

/** Whether an error body is a JSON object and labelled as one, so that a caller's SDK can read it as it is. */
export function isJsonError(headers: HeaderMap, body: Uint8Array): boolean {
  const contentType = headers.get("content-type");
  return contentType?.toLowerCase().includes("application/json") === true && isWholeObject(body);
}

/**
 * An error body that is no JSON, as a message: HTML pages (of proxies and load balancers, for human eyes and full of
 * internals) and empty bodies are replaced by a sentence, long text is cut.
 */
export function errorText(status: number, headers: HeaderMap, body: Uint8Array): string {
  const text = decode(body);
  if (text === "") return `the provider answered with status ${status} and no body`;
  if (headers.get("content-type")?.toLowerCase().includes("html") === true || text.startsWith("<")) {
    return `the provider answered with status ${status} and an HTML page`;
  }
  return text;
}

function decode(body: Uint8Array): string {
  // `stream` leaves out a character that the cut went through.
  const isCut = body.length > ERROR_TEXT_BYTES_MAX;
  const decoder = new TextDecoder();
  return decoder.decode(body.subarray(0, ERROR_TEXT_BYTES_MAX), { stream: isCut }).trim();
}
