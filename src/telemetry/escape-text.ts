/** Texts inside JSON literals of log lines: printable ASCII only, so that a length is a byte count and no terminal is
 * misled. */

/** A text that stands in a JSON literal as it is. */
const PLAIN = /^[ !#-[\]-~]*$/;

/** Whether a UTF-16 unit is one of those that such a text is made of. */
export function isPlainUnit(unit: number): boolean {
  return unit >= 0x20 && unit <= 0x7e && unit !== 0x22 && unit !== 0x5c;
}

/** What JSON.stringify lets through and a log line should not hold. */
const NOT_ASCII = /[^ -~]/g;

/** Stands at the end of a text that was cut. */
const CUT = "...";

/**
 * Escapes a text for a JSON literal, without the quotes; what lies outside printable ASCII becomes an escape.
 *
 * @param lengthMax Longest result; a longer text is cut between characters and ends in `...`.
 */
export function escapeText(text: string, lengthMax: number): string {
  if (text.length <= lengthMax && PLAIN.test(text)) return text;
  // Every unit yields at least one: what lies behind the limit cannot matter.
  const escaped = escapeAll(text.length > lengthMax ? text.slice(0, lengthMax + 1) : text);
  return escaped.length <= lengthMax ? escaped : cut(text, lengthMax - CUT.length);
}

function escapeAll(text: string): string {
  return JSON.stringify(text).slice(1, -1).replace(NOT_ASCII, unicodeEscape);
}

function unicodeEscape(unit: string): string {
  return `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`;
}

function cut(text: string, lengthMax: number): string {
  let kept = "";
  for (const character of text) {
    const escaped = escapeAll(character);
    if (kept.length + escaped.length > lengthMax) break;
    kept += escaped;
  }
  return kept + CUT;
}
