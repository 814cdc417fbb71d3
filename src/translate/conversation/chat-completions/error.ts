import type { VendorError } from "../answer.ts";

/**
 * An error in the envelope of OpenAI's callers, in an answer of its own or inside a stream. `code` is the vendor's, else the status
 * as text.
 */
export function writeError({ type, message, code, param, status }: VendorError): object {
  return { type: "error", error: { type, code: code ?? String(status), message, param } };
}
