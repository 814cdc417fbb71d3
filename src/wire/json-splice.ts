/**
 * Edits in place of a scanned JSON document: the bytes of one member change, every other byte stays as the caller wrote
 * it, unknown fields, number spellings and white space included.
 */
import { invariant } from "../errors/invariant.ts";
import type { ScannedObject } from "./json-scan.ts";

const COMMA = 0x2c;
const SPACE = 0x20;

/** Replaces the value of a top-level member by `json`, or appends the member at the end of the object. */
export function setField(scanned: ScannedObject, key: string, json: string): Uint8Array {
  const start = scanned.start(key);
  if (start >= 0) return splice(scanned.bytes, start, scanned.end(key), json);
  const end = endOfContent(scanned.bytes, scanned.close);
  return splice(scanned.bytes, end, end, `${scanned.empty ? "" : ","}${JSON.stringify(key)}:${json}`);
}

/** Removes a top-level member with its comma; an absent one leaves the very same bytes. */
export function removeField(scanned: ScannedObject, key: string): Uint8Array {
  return scanned.has(key) ? removeItem(scanned.bytes, scanned.keyStart(key), scanned.end(key)) : scanned.bytes;
}

/**
 * Sets and removes several top-level members, keys of the scan all of them.
 *
 * @param edits JSON by key; undefined removes.
 */
export function editFields(scanned: ScannedObject, edits: Readonly<Record<string, string | undefined>>): Uint8Array {
  let { bytes } = scanned;
  let isEmpty = scanned.empty;
  let end = endOfContent(bytes, scanned.close);
  for (const [key, json] of Object.entries(edits)) {
    if (json === undefined || scanned.has(key)) continue;
    const member = `${isEmpty ? "" : ","}${JSON.stringify(key)}:${json}`;
    bytes = splice(bytes, end, end, member);
    end += Buffer.byteLength(member);
    isEmpty = false;
  }
  // From the last one to the first, so that the places of those before stay where the scan found them.
  const present = Object.keys(edits).filter((key) => scanned.has(key));
  for (const key of present.sort((a, b) => scanned.start(b) - scanned.start(a))) {
    const json = edits[key];
    bytes =
      json === undefined
        ? removeItem(bytes, scanned.keyStart(key), scanned.end(key))
        : splice(bytes, scanned.start(key), scanned.end(key), json);
  }
  return bytes;
}

/** Removes the array element or object member at `start`…`end` and the comma that set it apart, if there is one. */
export function removeItem(bytes: Uint8Array, start: number, end: number): Uint8Array {
  const before = endOfContent(bytes, start);
  if (bytes[before - 1] === COMMA) return splice(bytes, before - 1, end, "");
  let after = startOfContent(bytes, end);
  if (bytes[after] !== COMMA) return splice(bytes, start, end, "");
  after = startOfContent(bytes, after + 1);
  return splice(bytes, start, after, "");
}

/** Position after the last byte before `pos` that is not white space: where an item is appended before a bracket. */
export function endOfContent(bytes: Uint8Array, pos: number): number {
  let end = pos;
  while ((bytes[end - 1] as number) <= SPACE) end--;
  return end;
}

/** Position of the first byte from `pos` on that is not white space. */
export function startOfContent(bytes: Uint8Array, pos: number): number {
  let start = pos;
  while ((bytes[start] as number) <= SPACE) start++;
  return start;
}

/** A copy of the bytes with `text` in place of `from`…`to`. */
export function splice(bytes: Uint8Array, from: number, to: number, text: string): Uint8Array {
  invariant(from <= to && to <= bytes.length, "a splice lies inside the bytes");
  const length = Buffer.byteLength(text);
  const out = Buffer.allocUnsafe(bytes.length - (to - from) + length);
  out.set(bytes.subarray(0, from));
  out.write(text, from);
  out.set(bytes.subarray(to), from + length);
  return out;
}
