/**
 * Server-sent events on bytes, as the HTML standard's section "Parsing an event stream" has them
 * (https://html.spec.whatwg.org/multipage/server-sent-events.html): lines end in LF, CRLF or CR, a blank line ends an
 * event, lines that begin with a colon are comments, one BOM may stand at the start. Chunks may be cut anywhere.
 */
import { GatewayError } from "../errors/gateway-error.ts";
import { HeldBytes } from "./held-bytes.ts";

/** Most that is held back of an event that is not whole yet, in bytes. */
export const EVENT_BYTES_MAX = 8 * 1024 * 1024;

const LF = 0x0a;
const CR = 0x0d;
const COLON = 0x3a;
const SPACE = 0x20;
const NOTHING = Buffer.alloc(0);
const LINE_FEED = Buffer.from("\n");
const BLANK_LINE = Buffer.from("\n\n");
const BOM = Buffer.from("\uFEFF");
const DATA = Buffer.from("data");
const EVENT = Buffer.from("event");

/** The same bytes as a Buffer, whose searches are native. */
export function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/**
 * Cuts a stream into pieces made of whole events. What a chunk leaves incomplete is held back until the rest comes; a
 * chunk that ends where an event ends is passed as it is, without a copy.
 */
export class EventSplitter {
  readonly #held = new HeldBytes();

  /**
   * Takes a chunk and gives the whole events there are now, which may be none.
   *
   * @throws GatewayError `upstream_invalid` when an event is larger than {@link EVENT_BYTES_MAX}.
   */
  push(chunk: Uint8Array): Buffer {
    const bytes = asBuffer(chunk);
    if (this.#held.length > 0) return this.#join(bytes);
    if (endsInBlankLine(bytes, bytes.length)) return bytes;
    const end = lastEventEnd(bytes, 0);
    this.#hold(bytes.subarray(end));
    return bytes.subarray(0, end);
  }

  /** What is left when the stream has ended: an event without its blank line, or nothing. */
  end(): Buffer {
    return this.#held.take();
  }

  #join(chunk: Buffer): Buffer {
    const before = this.#held.length;
    const bytes = this.#held.append(chunk);
    // Up to three bytes of a blank line may have been held already.
    const end = lastEventEnd(bytes, Math.max(0, before - 3));
    if (end === 0) {
      checkEventBytes(bytes.length);
      return NOTHING;
    }
    this.#hold(end === bytes.length ? NOTHING : bytes.subarray(end));
    return bytes.subarray(0, end);
  }

  #hold(rest: Buffer): void {
    checkEventBytes(rest.length);
    this.#held.hold(rest);
  }
}

/** Throws `upstream_invalid` when an event is larger than {@link EVENT_BYTES_MAX}. */
export function checkEventBytes(bytes: number): void {
  if (bytes <= EVENT_BYTES_MAX) return;
  throw new GatewayError("upstream_invalid", `the provider sent an event larger than ${EVENT_BYTES_MAX} bytes`);
}

/** Whether a blank line ends at `end`. The first byte is always the start of a line. */
function endsInBlankLine(bytes: Buffer, end: number): boolean {
  if (end === 0 || bytes[end - 1] !== LF) return false;
  const lineStart = end > 1 && bytes[end - 2] === CR ? end - 2 : end - 1;
  return lineStart === 0 || bytes[lineStart - 1] === LF || bytes[lineStart - 1] === CR;
}

/**
 * The offset after the last blank line that ends beyond `from`, 0 when there is none. A CR as the last byte decides
 * nothing, as the LF of the same line end may follow in the next chunk.
 */
function lastEventEnd(bytes: Buffer, from: number): number {
  if (bytes.indexOf(CR, from) === -1) {
    if (endsInBlankLine(bytes, bytes.length)) return bytes.length;
    const last = bytes.subarray(from).lastIndexOf(BLANK_LINE);
    if (last !== -1) return from + last + BLANK_LINE.length;
    return from === 0 && bytes[0] === LF ? 1 : 0;
  }
  for (let end = bytes.length; end > from; end--) {
    const isLoneCr = bytes[end - 1] === CR && end < bytes.length && bytes[end] !== LF;
    if (isLoneCr ? startsLine(bytes, end - 1) : endsInBlankLine(bytes, end)) return end;
  }
  return 0;
}

function startsLine(bytes: Buffer, offset: number): boolean {
  return offset === 0 || bytes[offset - 1] === LF || bytes[offset - 1] === CR;
}

/** What is left of a stream at its end, with the blank line that it lacks. */
export function completeEvent(rest: Buffer): Buffer {
  const last = rest[rest.length - 1];
  if (last === CR && startsLine(rest, rest.length - 1)) return rest;
  return Buffer.concat([rest, last === LF ? LINE_FEED : BLANK_LINE]);
}

/**
 * Walks over the events of a piece of whole events, without copying. Blocks without a data line (comments, keep-alives)
 * are no events, as in the standard, and are stepped over. One cursor serves one stream.
 */
export class EventCursor {
  bytes: Buffer = NOTHING;
  /** Counts the pieces, so that searches in one know when it was replaced. */
  pieces = 0;
  /** The event with its blank line. */
  start = 0;
  end = 0;
  /** The value of the last `event:` line; -1 when there is none. */
  typeStart = -1;
  typeEnd = -1;
  /** From the first data line's value to the end of the last one's. */
  dataStart = -1;
  dataEnd = -1;
  dataLines = 0;
  #hasCr = false;
  #isAtStart = true;

  /** Begins with the next piece of the stream. */
  load(bytes: Buffer): void {
    this.bytes = bytes;
    this.#hasCr = bytes.indexOf(CR) !== -1;
    this.end = this.#isAtStart && startsWith(bytes, 0, BOM) ? BOM.length : 0;
    if (bytes.length > 0) this.#isAtStart = false;
    this.pieces += 1;
  }

  /** Moves to the next event; false when the piece has no more. */
  next(): boolean {
    const { bytes } = this;
    let line = this.end;
    this.#beginBlock(line);
    while (line < bytes.length) {
      const lineEnd = this.#lineEnd(line);
      const next = afterLineEnd(bytes, lineEnd);
      if (lineEnd === line) {
        this.end = next;
        if (this.dataLines > 0) return true;
        this.#beginBlock(next);
      } else {
        this.#readLine(line, lineEnd);
      }
      line = next;
    }
    this.end = bytes.length;
    return false;
  }

  /** Whether the event has an `event:` line with this value. */
  isType(type: Buffer): boolean {
    return (
      this.typeEnd - this.typeStart === type.length &&
      this.typeStart !== -1 &&
      startsWith(this.bytes, this.typeStart, type)
    );
  }

  /** Whether the event has an `event:` line with one of these values. */
  isOneOf(types: readonly Buffer[]): boolean {
    for (const type of types) if (this.isType(type)) return true;
    return false;
  }

  /** Whether the event's data is this one line. */
  isData(data: Buffer): boolean {
    return (
      this.dataLines === 1 &&
      this.dataEnd - this.dataStart === data.length &&
      startsWith(this.bytes, this.dataStart, data)
    );
  }

  /** The event's data; several lines are joined by LF, as the standard says. */
  data(): Buffer {
    const { bytes, dataStart, dataEnd, dataLines } = this;
    if (dataLines === 1) return bytes.subarray(dataStart, dataEnd);
    const parts: Buffer[] = [];
    for (let line = this.start; line < dataEnd; line = afterLineEnd(bytes, this.#lineEnd(line))) {
      const lineEnd = this.#lineEnd(line);
      const value = valueStart(bytes, line, lineEnd, DATA);
      if (value === -1) continue;
      if (parts.length > 0) parts.push(LINE_FEED);
      parts.push(bytes.subarray(value, lineEnd));
    }
    return Buffer.concat(parts);
  }

  #beginBlock(start: number): void {
    this.start = start;
    this.typeStart = -1;
    this.typeEnd = -1;
    this.dataLines = 0;
  }

  #readLine(line: number, lineEnd: number): void {
    const first = this.bytes[line];
    if (first === DATA[0]) {
      const value = valueStart(this.bytes, line, lineEnd, DATA);
      if (value === -1) return;
      if (this.dataLines === 0) this.dataStart = value;
      this.dataEnd = lineEnd;
      this.dataLines += 1;
    } else if (first === EVENT[0]) {
      const value = valueStart(this.bytes, line, lineEnd, EVENT);
      if (value === -1) return;
      this.typeStart = value;
      this.typeEnd = lineEnd;
    }
  }

  #lineEnd(from: number): number {
    const { bytes } = this;
    if (!this.#hasCr) {
      const lf = bytes.indexOf(LF, from);
      return lf === -1 ? bytes.length : lf;
    }
    let end = from;
    while (end < bytes.length && bytes[end] !== LF && bytes[end] !== CR) end++;
    return end;
  }
}

function afterLineEnd(bytes: Buffer, lineEnd: number): number {
  return lineEnd + (bytes[lineEnd] === CR && bytes[lineEnd + 1] === LF ? 2 : 1);
}

/** Where the value of a field begins if the line is that field's, else -1. */
function valueStart(bytes: Buffer, line: number, lineEnd: number, field: Buffer): number {
  const colon = line + field.length;
  if (colon > lineEnd || !startsWith(bytes, line, field)) return -1;
  if (colon === lineEnd) return lineEnd;
  if (bytes[colon] !== COLON) return -1;
  return colon + 1 < lineEnd && bytes[colon + 1] === SPACE ? colon + 2 : colon + 1;
}

function startsWith(bytes: Buffer, offset: number, prefix: Buffer): boolean {
  for (let i = 0; i < prefix.length; i++) if (bytes[offset + i] !== prefix[i]) return false;
  return true;
}

/**
 * Finds a needle event by event without going over any byte twice: the place found is kept until the cursor has passed
 * it. A needle that begins with a rare byte is found fastest.
 */
export class DataSearch {
  readonly #needle: Buffer;
  #piece = 0;
  #at = 0;

  constructor(needle: Buffer) {
    this.#needle = needle;
  }

  /** The offset after the needle's next place in the event's data at or beyond `from`, which may only grow; or -1. */
  after(event: EventCursor, from: number): number {
    if (this.#piece !== event.pieces || this.#at < from) {
      this.#piece = event.pieces;
      const at = event.bytes.indexOf(this.#needle, from);
      this.#at = at === -1 ? event.bytes.length : at;
    }
    const end = this.#at + this.#needle.length;
    return end <= event.dataEnd ? end : -1;
  }
}
