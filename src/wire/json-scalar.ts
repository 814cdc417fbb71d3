const PLUS = 0x2b;
const MINUS = 0x2d;
const DOT = 0x2e;
const ZERO = 0x30;
const NINE = 0x39;
const LOWER_CASE_BIT = 0x20;
const LOWER_E = 0x65;

/** Offset after the number, true, false or null that starts at `pos`; `~offset` of the first byte that does not fit. */
export function skipScalar(bytes: Uint8Array, pos: number): number {
  switch (bytes[pos]) {
    case 0x74: // t
      return skipLiteral(bytes, pos, "true");
    case 0x66: // f
      return skipLiteral(bytes, pos, "false");
    case 0x6e: // n
      return skipLiteral(bytes, pos, "null");
    default:
      return skipNumber(bytes, pos);
  }
}

function skipLiteral(bytes: Uint8Array, start: number, word: string): number {
  for (let i = 0; i < word.length; i++) {
    if (bytes[start + i] !== word.charCodeAt(i)) return ~(start + i);
  }
  return start + word.length;
}

/** Skips a number by the grammar of RFC 8259 section 6. */
function skipNumber(bytes: Uint8Array, start: number): number {
  let pos = bytes[start] === MINUS ? start + 1 : start;
  pos = bytes[pos] === ZERO ? pos + 1 : skipDigits(bytes, pos);
  if (pos >= 0 && bytes[pos] === DOT) pos = skipDigits(bytes, pos + 1);
  if (pos >= 0 && pos < bytes.length && ((bytes[pos] as number) | LOWER_CASE_BIT) === LOWER_E) {
    pos++;
    if (bytes[pos] === PLUS || bytes[pos] === MINUS) pos++;
    pos = skipDigits(bytes, pos);
  }
  return pos;
}

/** Skips one digit or more. */
function skipDigits(bytes: Uint8Array, start: number): number {
  let pos = start;
  while (pos < bytes.length && (bytes[pos] as number) >= ZERO && (bytes[pos] as number) <= NINE) pos++;
  return pos === start ? ~pos : pos;
}
