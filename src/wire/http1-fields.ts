/**
 * What requests and responses of HTTP/1.1 have in common in their heads: header lines, and what they say of the body's
 * length and the connection's future (RFC 9112 sections 5 and 6). Nothing is repaired: what two readers could read in two
 * ways is a fault.
 */
import { unitAt } from "./unit-at.ts";

/** Makes the error for bytes that are no HTTP; `reason` is a fixed phrase, never what was received. */
export type FaultOf = (reason: string) => Error;

/** Told of each header line of a head. */
export interface FieldSink {
  /** `name` is lower case; the value stands at `start` of the head. */
  takeField(name: string, value: string, start: number): void;
}

/** Length of a body that comes in chunks. */
export const CHUNKED = -1;

const TAB = 0x09;
const LF = 0x0a;
const CR = 0x0d;
const SPACE = 0x20;
const COLON = 0x3a;
const DEL = 0x7f;
const UPPER_A = 0x41;
const UPPER_Z = 0x5a;

/** 1 for a byte that may stand in a header's name (RFC 9110 section 5.6.2). */
const NAME_BYTE = new Uint8Array(256);
for (const byte of Buffer.from("!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")) {
  NAME_BYTE[byte] = 1;
}
/** 1 for a byte that may stand in a header's value (RFC 9110 section 5.5). */
const VALUE_BYTE = new Uint8Array(256).fill(1, SPACE);
VALUE_BYTE[TAB] = 1;
VALUE_BYTE[DEL] = 0;

/** Whether a byte may stand in a header's name. */
export function isNameByte(byte: number): boolean {
  return NAME_BYTE[byte] === 1;
}

/** Whether a byte may stand in a header's value. */
export function isValueByte(byte: number): boolean {
  return VALUE_BYTE[byte] === 1;
}

/** Whether a text may be a header's value, written as latin1. (For texts as short a regular expression takes five times as long.) */
export function isFieldValue(text: string): boolean {
  const { length } = text;
  for (let i = 0; i < length; i++) if (VALUE_BYTE[unitAt(text, i)] !== 1) return false;
  return true;
}

/** Whether a text may be a header's name, and is in lower case. */
export function isLowerFieldName(text: string): boolean {
  const { length } = text;
  for (let i = 0; i < length; i++) {
    const code = unitAt(text, i);
    if (NAME_BYTE[code] !== 1 || (code >= UPPER_A && code <= UPPER_Z)) return false;
  }
  return length > 0;
}

/** `Number` of more digits would not be exact. */
const LENGTH_DIGITS_MAX = 15;
const DIGITS = /^\d+$/;

/**
 * Reads the header lines of a head.
 *
 * @param bytes Up to and with the line end of the last header.
 * @param text The same as latin1: looked at as bytes and cut as text, each is the faster way.
 * @param at Where the first header line starts.
 */
export function readFields(bytes: Uint8Array, text: string, at: number, sink: FieldSink, fault: FaultOf): void {
  let next = at;
  while (next < bytes.length) {
    const colon = endOfName(bytes, next, fault);
    const name = text.slice(next, colon).toLowerCase();
    let start = colon + 1;
    while (isBlank(bytes[start])) start += 1;
    next = endOfLine(bytes, start, fault);
    let end = next - 2;
    while (end > start && isBlank(bytes[end - 1])) end -= 1;
    sink.takeField(name, text.slice(start, end), start);
  }
}

/**
 * Where the name that starts at `at` ends.
 *
 * A folded line starts with a space, so it has no name; a space before the colon is no part of one either. Both are to be
 * refused or replaced (RFC 9112 sections 5.1 and 5.2).
 */
function endOfName(bytes: Uint8Array, at: number, fault: FaultOf): number {
  let end = at;
  while (NAME_BYTE[bytes[end] as number] === 1) end += 1;
  if (end === at || bytes[end] !== COLON) throw fault("header name");
  return end;
}

/** Where the line after the one of `at` starts; what stands between is checked. */
export function endOfLine(bytes: Uint8Array, at: number, fault: FaultOf): number {
  let end = at;
  while (VALUE_BYTE[bytes[end] as number] === 1) end += 1;
  if (bytes[end] !== CR || bytes[end + 1] !== LF) throw fault("header value");
  return end + 2;
}

function isBlank(byte: number | undefined): boolean {
  return byte === SPACE || byte === TAB;
}

/** Gathers what the headers say about the body's length and the connection's future. */
export class Framing {
  readonly #fault: FaultOf;
  readonly #isVersion11: boolean;
  #length: number | undefined;
  #coding: string | undefined;
  #closes = false;
  #keepsOpen = false;
  /** Headers that `connection` names as its own. */
  readonly named: string[] = [];

  constructor(isVersion11: boolean, fault: FaultOf) {
    this.#isVersion11 = isVersion11;
    this.#fault = fault;
  }

  take(name: string, value: string): void {
    switch (name) {
      case "content-length":
        // Several equal lengths could be taken for one; who sends them has a fault that hides worse ones.
        if (this.#length !== undefined) throw this.#fault("repeated content-length");
        if (!DIGITS.test(value) || value.length > LENGTH_DIGITS_MAX) throw this.#fault("content-length");
        this.#length = Number(value);
        return;
      case "transfer-encoding":
        if (this.#coding !== undefined) throw this.#fault("repeated transfer-encoding");
        this.#coding = value.toLowerCase();
        return;
      case "connection":
        this.#takeConnection(value);
        return;
      default:
        return;
    }
  }

  #takeConnection(value: string): void {
    for (const part of value.toLowerCase().split(",")) {
      const option = part.trim();
      if (option === "close") this.#closes = true;
      else if (option === "keep-alive") this.#keepsOpen = true;
      else if (option !== "") this.named.push(option);
    }
  }

  /** Length of the body, CHUNKED, or undefined where the headers say nothing. */
  bodyBytes(): number | undefined {
    const coding = this.#coding;
    if (coding === undefined) return this.#length;
    if (coding !== "chunked") throw this.#fault("transfer-encoding");
    if (this.#length !== undefined) throw this.#fault("content-length with transfer-encoding");
    return CHUNKED;
  }

  /** Whether the connection may carry a further message. */
  get persistent(): boolean {
    // A transfer coding in HTTP/1.0 is a fault after which the connection has to be closed (RFC 9112 section 6.1).
    return !this.#closes && (this.#isVersion11 || (this.#keepsOpen && this.#coding === undefined));
  }
}
