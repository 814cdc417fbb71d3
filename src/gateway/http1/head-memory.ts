import { HeaderMap } from "../../wire/headers.ts";
import type { ParsedHead } from "./request-head.ts";

/** A head that is larger is not kept: it would be kept for each connection. */
const REMEMBERED_BYTES_MAX = 4 * 1024;
/** Fewer than make a number inexact. */
const LENGTH_DIGITS_MAX = 15;

const ZERO = 0x30;

/**
 * The last head of a connection. Agents send the same one with every request but for the length of its body, so comparing
 * bytes usually tells all that parsing would. Equal bytes mean equal heads: nothing else is ever taken from it.
 */
export class HeadMemory {
  #head: ParsedHead | undefined;
  #bytes: Buffer = Buffer.alloc(0);
  /** Where the digits of content-length begin and end in the bytes; both at the end of the head without one. */
  #lengthStart = 0;
  #lengthEnd = 0;
  /** Where content-length stands in the headers. */
  #lengthIndex = -1;

  /** Where the head that {@link recall} found ends. */
  end = 0;

  /** Keeps a head; `bytes` are all of it, with the empty line. */
  keep(head: ParsedHead, bytes: Buffer): void {
    this.#head = undefined;
    if (bytes.length > REMEMBERED_BYTES_MAX) return;
    this.#head = { ...head, headers: head.headers.clone() };
    this.#bytes = Buffer.from(bytes);
    this.#lengthIndex = head.headers.flat.findIndex((text, i) => i % 2 === 0 && text === "content-length");
    this.#lengthStart = head.lengthAt < 0 ? bytes.length : head.lengthAt;
    this.#lengthEnd = this.#lengthStart;
    while (isDigit(bytes[this.#lengthEnd])) this.#lengthEnd += 1;
  }

  /** The head at `at`, when it is the last one but for its content-length, and all of it is there. */
  recall(bytes: Buffer, at: number): ParsedHead | undefined {
    const head = this.#head;
    if (head === undefined) return undefined;
    const known = this.#bytes;
    const lengthStart = at + this.#lengthStart;
    if (lengthStart > bytes.length || bytes.compare(known, 0, this.#lengthStart, at, lengthStart) !== 0)
      return undefined;
    if (this.#lengthIndex < 0) {
      this.end = lengthStart;
      return { ...head, headers: head.headers.clone() };
    }
    let bodyBytes = 0;
    let next = lengthStart;
    for (; isDigit(bytes[next]); next++) bodyBytes = bodyBytes * 10 + (bytes[next] as number) - ZERO;
    const end = next + known.length - this.#lengthEnd;
    if (next === lengthStart || next - lengthStart > LENGTH_DIGITS_MAX || end > bytes.length) return undefined;
    if (bytes.compare(known, this.#lengthEnd, known.length, next, end) !== 0) return undefined;
    const flat = head.headers.flat.slice();
    flat[this.#lengthIndex + 1] = bytes.toString("latin1", lengthStart, next);
    this.end = end;
    return { ...head, bodyBytes, headers: new HeaderMap(flat) };
  }
}

function isDigit(byte: number | undefined): boolean {
  return byte !== undefined && byte >= ZERO && byte <= ZERO + 9;
}
