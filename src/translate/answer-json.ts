import { JsonScanError, KeySet, type ScannedObject, scanObject } from "../wire/json-scan.ts";

const NO_KEYS = new KeySet([]);

/** Scans an object inside a scanned one; undefined where the key holds none. Throws JsonScanError. */
export function scanInner(outer: ScannedObject, key: string, keys: KeySet): ScannedObject | undefined {
  if (outer.kind(key) !== "object") return undefined;
  return scanObject(outer.bytes.subarray(outer.start(key), outer.end(key)), keys);
}

/** Whether the bytes are one whole JSON object. */
export function isWholeObject(bytes: Uint8Array): boolean {
  try {
    scanObject(bytes, NO_KEYS);
    return true;
  } catch (error) {
    if (error instanceof JsonScanError) return false;
    throw error;
  }
}

/** Whether a key is there with a value other than null. */
export function holds(scanned: ScannedObject, key: string): boolean {
  const kind = scanned.kind(key);
  return kind !== "absent" && kind !== "null";
}

/** A string that says something, else undefined. */
export function nonEmptyString(value: unknown): string | undefined {
  return typeof value === "string" && value !== "" ? value : undefined;
}
