/** Bodies that are one JSON document: what translators read and write. */
import { GatewayError } from "../errors/gateway-error.ts";
import type { BackendRequest } from "./conversation/codec.ts";
import { isRecord, type JsonRecord } from "./conversation/read.ts";
import type { RequestPatch, ResponsePatch } from "./translator.ts";

/** The headers of such a body. */
export const JSON_HEADERS = [["content-type", "application/json"]] as const;

/** What bytes say as JSON, undefined when they are none. */
export function parseJson(bytes: Uint8Array): unknown {
  try {
    return parse(bytes);
  } catch {
    // Who asks knows what it should have been.
    return undefined;
  }
}

/** What bytes say as a JSON object, undefined when they are none. */
export function parseRecord(bytes: Uint8Array): JsonRecord | undefined {
  const value = parseJson(bytes);
  return isRecord(value) ? value : undefined;
}

/** A caller's request. Admission has read the top level; what is inside may still be no JSON: throws `invalid_request`. */
export function parseDocument(raw: Uint8Array): JsonRecord {
  try {
    return parse(raw) as JsonRecord;
  } catch (error) {
    throw new GatewayError("invalid_request", "malformed request: the body is not JSON", { cause: error });
  }
}

/** The edits that make a request the backend's. */
export function jsonRequest({ path, body, headers = [] }: BackendRequest): RequestPatch {
  return { path, headers: [...JSON_HEADERS, ...headers], body: Buffer.from(JSON.stringify(body)) };
}

/** The edits that put a document in the place of an answer's body. */
export function jsonAnswer(document: object): ResponsePatch {
  return { headers: JSON_HEADERS, body: Buffer.from(JSON.stringify(document)) };
}

function parse(bytes: Uint8Array): unknown {
  return JSON.parse(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString());
}
