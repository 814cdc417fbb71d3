import { isRecord, type JsonRecord } from "../../conversation/read.ts";

/** What a provider sent as a JSON object, undefined where it is none. */
export function parseRecord(bytes: Uint8Array): JsonRecord | undefined {
  try {
    const parsed: unknown = JSON.parse(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString());
    return isRecord(parsed) ? parsed : undefined;
  } catch {
    // Callers say what it should have been.
    return undefined;
  }
}
