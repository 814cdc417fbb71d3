import { loadQuoteFinder, type QuoteFinder } from "./quote-finder.ts";

const QUOTE = 0x22;
const BACKSLASH = 0x5c;

/** Bytes that a scan goes before it is worth the finder's first block. */
const FINDER_AFTER = 1024;
/** Loaded when first needed; undefined also where it cannot be. Shared, like what follows, because scanning never yields. */
let finder: QuoteFinder | undefined;
let finderLoaded = false;
/** Position from which the scan under way may turn to the finder, and the finder once it has. */
let finderFrom = 0;
let active: QuoteFinder | undefined;

/** To be called before the strings of a document, or of a value in it, are skipped from `offset` on. */
export function startStrings(offset: number): void {
  finderFrom = offset + FINDER_AFTER;
  active = undefined;
}

/**
 * Lets the finder take the scan over, if there is one. Done at the first escaped quote: where there are some, there are
 * many; where there are none, the native search is faster than anything.
 */
function turnToFinder(): void {
  if (!finderLoaded) finder = loadQuoteFinder();
  finderLoaded = true;
  finder?.reset();
  active = finder;
}

/** Bytes of a string that are looked at one by one; a call of the native search pays only for what lies beyond. */
const NEAR_BYTES = 16;
const indexOf = Buffer.prototype.indexOf;

/** Offset after the string whose opening quote is at `open`, -1 when it is not closed; to be called from front to back. */
export function skipString(bytes: Uint8Array, open: number): number {
  let pos = open;
  while (active === undefined) {
    pos++;
    const near = Math.min(bytes.length, pos + NEAR_BYTES);
    while (pos < near && bytes[pos] !== QUOTE) pos++;
    if (pos === near) pos = indexOf.call(bytes, QUOTE, pos);
    if (pos < 0) return -1;
    if (bytes[pos - 1] !== BACKSLASH || !isEscaped(bytes, pos)) return pos + 1;
    if (pos >= finderFrom) turnToFinder();
  }
  const close = active.closing(bytes, pos);
  return close < 0 ? -1 : close + 1;
}

/** Whether an odd number of backslashes precedes the quote; the string's opening quote ends the search. */
function isEscaped(bytes: Uint8Array, quote: number): boolean {
  let pos = quote - 1;
  while (bytes[pos] === BACKSLASH) pos--;
  return ((quote - pos) & 1) === 0;
}
