/**
 * A byte scanner over a raw JSON document: it finds the few top-level members the gateway reads and checks the rest,
 * without building values and without copying. Edits in place (json-splice.ts) start from the offsets found here.
 *
 * What it accepts is JSON (RFC 8259), and a superset of it in one place only: inside strings that nobody asked for,
 * escapes and raw control characters are not checked. Where a string ends is never in doubt: at the first quote that an
 * even number of backslashes precedes, as for every parser.
 */
import { isUtf8 } from "node:buffer";
import { invariant } from "../errors/invariant.ts";
import { skipScalar } from "./json-scalar.ts";
import { skipString, startStrings } from "./json-scan-string.ts";

/** Deepest nesting of objects and arrays taken; the document's own object counts as one. */
export const DEPTH_MAX = 512;

const TAB = 0x09;
const LINE_FEED = 0x0a;
const CARRIAGE_RETURN = 0x0d;
const SPACE = 0x20;
const QUOTE = 0x22;
const COMMA = 0x2c;
const COLON = 0x3a;
const LOWER_CASE_BIT = 0x20;
const ARRAY_OPEN = 0x5b;
const BACKSLASH = 0x5c;
const ARRAY_CLOSE = 0x5d;
const OBJECT_OPEN = 0x7b;
const OBJECT_CLOSE = 0x7d;

/** Why a document was refused. */
export type JsonScanErrorKind = "syntax" | "depth" | "duplicate" | "utf8" | "not-object";

/** A document the scanner refuses; `offset` is the byte where it stopped, 0 for `utf8`. */
export class JsonScanError extends Error {
  override readonly name = "JsonScanError";
  readonly offset: number;
  readonly kind: JsonScanErrorKind;

  constructor(kind: JsonScanErrorKind, offset: number, message: string) {
    super(message);
    this.kind = kind;
    this.offset = offset;
  }
}

/** What {@link KeySet.find} answers for a key that is none of the set. */
const OTHER_KEY = -1;
/** Subtracted from: `LIKE_KEY - i` says that a key differs from key `i` by case only. */
const LIKE_KEY = -2;

/** Top-level keys of interest, prepared for comparison with raw bytes: printable ASCII without quotes and backslashes. */
export class KeySet {
  readonly keys: readonly string[];
  readonly #folded: readonly string[];
  readonly #bytes: readonly Uint8Array[];

  constructor(keys: readonly string[]) {
    this.keys = keys;
    this.#folded = keys.map(foldCase);
    this.#bytes = keys.map((key) => Buffer.from(key, "latin1"));
    invariant(
      keys.every((key) => /^[ !#-[\]-~]+$/.test(key)),
      "keys to scan for are plain ASCII",
    );
    invariant(new Set(this.#folded).size === keys.length, "keys to scan for differ by more than case");
  }

  /** Index of the key whose text stands at `from`…`to`, `LIKE_KEY - index` when only case differs, or OTHER_KEY. */
  find(bytes: Uint8Array, from: number, to: number): number {
    for (let i = from; i < to; i++) {
      const byte = bytes[i] as number;
      if (byte === BACKSLASH || byte >= 0x80) return this.#findDecoded(bytes, from, to);
    }
    const prepared = this.#bytes;
    const length = to - from;
    for (let i = 0; i < prepared.length; i++) {
      const key = prepared[i] as Uint8Array;
      if (key.length !== length) continue;
      const likeness = compare(bytes, from, key);
      if (likeness !== OTHER_KEY) return likeness === 0 ? i : LIKE_KEY - i;
    }
    return OTHER_KEY;
  }

  #findDecoded(bytes: Uint8Array, from: number, to: number): number {
    const key = parseSlice(bytes, from - 1, to + 1) as string;
    const exact = this.keys.indexOf(key);
    if (exact >= 0) return exact;
    const like = this.#folded.indexOf(foldCase(key));
    return like >= 0 ? LIKE_KEY - like : OTHER_KEY;
  }
}

/** 0 when the bytes are the key's, LIKE_KEY when they differ by case only, OTHER_KEY when they differ. */
function compare(bytes: Uint8Array, from: number, key: Uint8Array): number {
  let likeness = 0;
  for (let i = 0; i < key.length; i++) {
    const have = bytes[from + i] as number;
    const want = key[i] as number;
    if (have === want) continue;
    const lower = have | LOWER_CASE_BIT;
    if (lower !== (want | LOWER_CASE_BIT) || lower < 0x61 || lower > 0x7a) return OTHER_KEY;
    likeness = LIKE_KEY;
  }
  return likeness;
}

/** Both ways, because parsers that ignore case also take the long s for an s and the Kelvin sign for a k. */
function foldCase(text: string): string {
  return text.toLowerCase().toUpperCase();
}

/** What a value is, or `absent`. */
export type JsonKind = "string" | "number" | "boolean" | "null" | "object" | "array" | "absent";

/** A scanned document: offsets of the wanted members in its bytes. Nothing is copied, so the bytes must not change. */
export class ScannedObject {
  readonly bytes: Uint8Array;
  /** Position of the document's `{`. */
  readonly open: number;
  /** Position of the document's `}`. */
  readonly close: number;
  /** Whether the object has no members at all. */
  readonly empty: boolean;
  readonly #keys: readonly string[];
  readonly #places: Places;

  constructor(bytes: Uint8Array, keys: readonly string[], extent: Extent, places: Places) {
    this.bytes = bytes;
    this.open = extent.open;
    this.close = extent.close;
    this.empty = extent.empty;
    this.#keys = keys;
    this.#places = places;
  }

  has(key: string): boolean {
    return this.start(key) >= 0;
  }

  /** The value's first byte, -1 when absent. */
  start(key: string): number {
    return this.#place(key, VALUE_START);
  }

  /** After the value's last byte, -1 when absent. */
  end(key: string): number {
    return this.#place(key, VALUE_END);
  }

  /** The key's opening quote, -1 when absent. */
  keyStart(key: string): number {
    return this.#place(key, KEY_START);
  }

  /** The value when it is a string, undefined otherwise; throws JsonScanError when its escapes are not JSON. */
  string(key: string): string | undefined {
    const start = this.start(key);
    if (start < 0 || this.bytes[start] !== QUOTE) return undefined;
    const end = this.end(key);
    return isPlain(this.bytes, start + 1, end - 1)
      ? Buffer.prototype.utf8Slice.call(this.bytes, start + 1, end - 1)
      : (parseSlice(this.bytes, start, end) as string);
  }

  /** The value when it is true or false, undefined otherwise. */
  boolean(key: string): boolean | undefined {
    return this.kind(key) === "boolean" ? this.bytes[this.start(key)] === 0x74 : undefined;
  }

  kind(key: string): JsonKind {
    const start = this.start(key);
    if (start < 0) return "absent";
    switch (this.bytes[start]) {
      case QUOTE:
        return "string";
      case OBJECT_OPEN:
        return "object";
      case ARRAY_OPEN:
        return "array";
      case 0x74: // t
      case 0x66: // f
        return "boolean";
      case 0x6e: // n
        return "null";
      default:
        return "number";
    }
  }

  /** The value parsed, undefined when absent; throws JsonScanError when a string in it is not JSON. */
  json(key: string): unknown {
    const start = this.start(key);
    return start < 0 ? undefined : parseSlice(this.bytes, start, this.end(key));
  }

  #place(key: string, which: number): number {
    const index = this.#keys.indexOf(key);
    invariant(index >= 0, "only keys of the key set can be asked for");
    return this.#places[index * PLACE_SIZE + which] as number;
  }
}

interface Extent {
  readonly open: number;
  readonly close: number;
  readonly empty: boolean;
}

/** Per key: where the key starts, the value starts, the value ends, and a key that differs by case only; -1 = nowhere. */
type Places = number[];
const PLACE_SIZE = 4;
const KEY_START = 0;
const VALUE_START = 1;
const VALUE_END = 2;
const LIKE_START = 3;

/** Scans a whole document that must be one object; throws JsonScanError. A byte order mark before it is tolerated. */
export function scanObject(bytes: Uint8Array, keys: KeySet): ScannedObject {
  if (!isUtf8(bytes)) throw new JsonScanError("utf8", 0, "the text is not valid UTF-8");
  const bom = bytes.length >= 3 && bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf;
  startStrings(0);
  const open = skipSpace(bytes, bom ? 3 : 0);
  if (open === bytes.length) throw unexpected(bytes, open);
  if (bytes[open] !== OBJECT_OPEN) throw new JsonScanError("not-object", open, "the document is not a JSON object");
  const places: Places = [];
  for (let i = keys.keys.length * PLACE_SIZE; i > 0; i--) places.push(-1);
  const first = skipSpace(bytes, open + 1);
  const empty = bytes[first] === OBJECT_CLOSE;
  const close = empty ? first : scanMembers(bytes, first, keys, places);
  const after = skipSpace(bytes, close + 1);
  if (after !== bytes.length) throw unexpected(bytes, after);
  return new ScannedObject(bytes, keys.keys, { open, close, empty }, places);
}

/** Scans the members of the document's object from its first key on; returns where its `}` is. */
function scanMembers(bytes: Uint8Array, first: number, keys: KeySet, places: Places): number {
  let pos = first;
  for (;;) {
    const keyStart = pos;
    const keyEnd = skipKey(bytes, pos);
    const found = keys.find(bytes, keyStart + 1, keyEnd - 1);
    const start = skipColon(bytes, keyEnd);
    const end = skipNested(bytes, start, 1);
    if (found !== OTHER_KEY) notePlace(places, found, keyStart, start, end);
    pos = skipSpace(bytes, end);
    if (bytes[pos] === COMMA) pos = skipSpace(bytes, pos + 1);
    else if (bytes[pos] === OBJECT_CLOSE) return pos;
    else throw unexpected(bytes, pos);
  }
}

function notePlace(places: Places, found: number, keyStart: number, start: number, end: number): void {
  const base = (found >= 0 ? found : LIKE_KEY - found) * PLACE_SIZE;
  const exactBefore = places[base + KEY_START] as number;
  if (found < 0) places[base + LIKE_START] = keyStart;
  const likeBefore = places[base + LIKE_START] as number;
  if (exactBefore >= 0 || (found >= 0 && likeBefore >= 0)) {
    throw new JsonScanError("duplicate", keyStart, `a member is given twice, again at byte ${keyStart}`);
  }
  if (found < 0) return;
  places[base + KEY_START] = keyStart;
  places[base + VALUE_START] = start;
  places[base + VALUE_END] = end;
}

/** Offset after the value that starts at `offset`; throws JsonScanError. The bytes must be known to be UTF-8. */
export function skipValue(bytes: Uint8Array, offset: number): number {
  startStrings(offset);
  return skipNested(bytes, offset, 0);
}

/** How many elements the array at `offset` has; the document must have been scanned. */
export function countElements(bytes: Uint8Array, offset: number): number {
  startStrings(offset);
  let count = 0;
  let pos = skipSpace(bytes, offset + 1);
  while (bytes[pos] !== ARRAY_CLOSE) {
    count++;
    pos = skipSpace(bytes, skipNested(bytes, pos, 1));
    if (bytes[pos] === COMMA) pos = skipSpace(bytes, pos + 1);
  }
  return count;
}

/** Whether each container around the current value is an object; shared, because scanning never yields. */
const insideObject = new Uint8Array(DEPTH_MAX);

/** Skips the value at `start`, which `outer` containers surround, without recursion. */
function skipNested(bytes: Uint8Array, start: number, outer: number): number {
  let pos = start;
  let depth = outer;
  for (;;) {
    const byte = bytes[pos];
    if (byte === QUOTE) {
      pos = skipString(bytes, pos);
      if (pos < 0) throw unexpected(bytes, bytes.length);
    } else if (byte === OBJECT_OPEN || byte === ARRAY_OPEN) {
      if (depth === DEPTH_MAX) throw new JsonScanError("depth", pos, `the document is nested deeper than ${DEPTH_MAX}`);
      insideObject[depth++] = byte === OBJECT_OPEN ? 1 : 0;
      pos = skipSpace(bytes, pos + 1);
      // An opening bracket is two code points before its closing one, for both kinds.
      if (bytes[pos] !== byte + 2) {
        if (byte === OBJECT_OPEN) pos = skipColon(bytes, skipKey(bytes, pos));
        continue;
      }
      pos++;
      depth--;
    } else {
      pos = skipScalar(bytes, pos);
      if (pos < 0) throw unexpected(bytes, ~pos);
    }
    // The value is over; so are the containers that close here.
    for (;;) {
      if (depth === outer) return pos;
      pos = skipSpace(bytes, pos);
      const next = bytes[pos];
      const inObject = insideObject[depth - 1] === 1;
      if (next === COMMA) {
        pos = skipSpace(bytes, pos + 1);
        if (inObject) pos = skipColon(bytes, skipKey(bytes, pos));
        break;
      }
      if (next !== (inObject ? OBJECT_CLOSE : ARRAY_CLOSE)) throw unexpected(bytes, pos);
      pos++;
      depth--;
    }
  }
}

/** Skips the key that must start at `pos`. */
function skipKey(bytes: Uint8Array, pos: number): number {
  if (bytes[pos] !== QUOTE) throw unexpected(bytes, pos);
  const end = skipString(bytes, pos);
  if (end < 0) throw unexpected(bytes, bytes.length);
  return end;
}

/** Skips the colon after a key and the space around it. */
function skipColon(bytes: Uint8Array, keyEnd: number): number {
  const pos = skipSpace(bytes, keyEnd);
  if (bytes[pos] !== COLON) throw unexpected(bytes, pos);
  return skipSpace(bytes, pos + 1);
}

function skipSpace(bytes: Uint8Array, from: number): number {
  let pos = from;
  while (pos < bytes.length) {
    const byte = bytes[pos] as number;
    if (byte > SPACE || (byte !== SPACE && byte !== LINE_FEED && byte !== TAB && byte !== CARRIAGE_RETURN)) break;
    pos++;
  }
  return pos;
}

function unexpected(bytes: Uint8Array, pos: number): JsonScanError {
  const offset = Math.min(pos, bytes.length);
  const byte = bytes[offset];
  const what =
    byte === undefined
      ? "end of the text"
      : byte > SPACE && byte < 0x7f
        ? `character ${JSON.stringify(String.fromCharCode(byte))}`
        : `byte 0x${byte.toString(16).padStart(2, "0")}`;
  return new JsonScanError("syntax", offset, `unexpected ${what} at byte ${offset}`);
}

/** Whether the inside of a string stands for itself: neither escapes nor control characters, which JSON forbids. */
function isPlain(bytes: Uint8Array, start: number, end: number): boolean {
  for (let i = start; i < end; i++) {
    const byte = bytes[i] as number;
    if (byte === BACKSLASH || byte < SPACE) return false;
  }
  return true;
}

/** JSON.parse of a slice whose structure is already checked; only the inside of its strings can still be wrong. */
function parseSlice(bytes: Uint8Array, start: number, end: number): unknown {
  const text = Buffer.prototype.utf8Slice.call(bytes, start, end);
  try {
    return JSON.parse(text);
  } catch {
    // The parser's own message quotes the text, which may be a prompt; ours says only where.
    throw new JsonScanError("syntax", start, `bad escape or control character in the value at byte ${start}`);
  }
}
