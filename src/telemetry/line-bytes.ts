/** A log line made byte by byte in memory that is used again: as a text it is three times its size in garbage, and putting
 * the parts of the text together takes as long as making them. */
import { unitAt } from "../wire/unit-at.ts";
import { escapeText, isPlainUnit } from "./escape-text.ts";

/**
 * A part of a line that is known beforehand, in words of eight bytes, of which the last is filled up. They are moved as doubles,
 * the widest there is: no eight bytes of printable ASCII are one of those that are not a number, whose bits may change on the way.
 */
export interface Literal {
  readonly words: Float64Array;
  readonly length: number;
}

const WORD_BYTES = 8;
const ZERO = 48;
const POINT = 46;

/** Largest number whose digits are made here, in 32-bit arithmetic. */
const FAST_NUMBER_MAX = 999_999_999;

/** Prepares a part of a line; printable ASCII and newlines only. */
export function literal(text: string): Literal {
  const bytes = Buffer.alloc(Math.ceil(text.length / WORD_BYTES) * WORD_BYTES);
  bytes.write(text, "latin1");
  const words = Float64Array.from({ length: bytes.length / WORD_BYTES }, (_, i) => bytes.readDoubleLE(i * WORD_BYTES));
  return { words, length: text.length };
}

const QUOTE = literal('"');

/** The line being made; its maker keeps within its room. */
export class LineBytes {
  readonly bytes: Uint8Array;
  readonly #view: DataView;
  /** How much of `bytes` is the line; set it back to take something back. */
  length = 0;

  /** @param bytesMax Longest line. */
  constructor(bytesMax: number) {
    this.bytes = new Uint8Array(bytesMax + WORD_BYTES);
    this.#view = new DataView(this.bytes.buffer);
  }

  /** Appends a prepared part. Its last word may reach behind the end, where the next part goes. */
  literal({ words, length }: Literal): void {
    const view = this.#view;
    let at = this.length;
    for (let i = 0; i < words.length; i++, at += WORD_BYTES) view.setFloat64(at, words[i] as number, true);
    this.length += length;
  }

  /** Appends a text as {@link escapeText} gives it. */
  text(text: string, lengthMax: number): void {
    if (text.length > lengthMax || !this.#appendPlain(text)) this.#append(escapeText(text, lengthMax));
  }

  /** Appends a member with a text, nothing for an empty one; `key` comes with its comma, colon and the opening quote. */
  member(key: Literal, text: string, lengthMax: number): void {
    if (text === "") return;
    this.literal(key);
    this.text(text, lengthMax);
    this.literal(QUOTE);
  }

  /** What was appended from a place on, to be appended again; must be ASCII. */
  literalFrom(start: number): Literal {
    return literal(Buffer.from(this.bytes.buffer, start, this.length - start).toString("latin1"));
  }

  /** Appends a finite number as JSON has it. */
  number(value: number): void {
    if (value >= 0 && value <= FAST_NUMBER_MAX && (value | 0) === value) this.#digits(value, digitsOf(value));
    else this.#append(String(value));
  }

  /** Appends a whole number below 1000 with its leading zeros. */
  threeDigits(value: number): void {
    this.#digits(value, 3);
  }

  /** Appends milliseconds to the microsecond; from whole numbers, since the shortest text of a fraction takes long to find. */
  millis(ms: number): void {
    const micros = Math.round(Math.max(0, ms) * 1000);
    const whole = Math.floor(micros / 1000);
    this.number(whole);
    this.bytes[this.length++] = POINT;
    this.threeDigits(micros - whole * 1000);
  }

  /** Appends a text that needs no escape; otherwise appends nothing and says so. */
  #appendPlain(text: string): boolean {
    const { bytes } = this;
    let at = this.length;
    const { length } = text;
    for (let i = 0; i < length; i++) {
      const unit = unitAt(text, i);
      if (!isPlainUnit(unit)) return false;
      bytes[at++] = unit;
    }
    this.length = at;
    return true;
  }

  #append(ascii: string): void {
    const { length } = ascii;
    for (let i = 0; i < length; i++) this.bytes[this.length++] = unitAt(ascii, i);
  }

  #digits(value: number, count: number): void {
    const { bytes } = this;
    const start = this.length;
    let rest = value | 0;
    for (let at = start + count - 1; at >= start; at--) {
      const tenth = (rest / 10) | 0;
      bytes[at] = ZERO + rest - tenth * 10;
      rest = tenth;
    }
    this.length = start + count;
  }
}

function digitsOf(value: number): number {
  let count = 1;
  for (let bound = 10; value >= bound; bound *= 10) count++;
  return count;
}
