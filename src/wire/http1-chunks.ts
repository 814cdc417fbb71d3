/** The chunked transfer coding (RFC 9112 section 7.1), read incrementally. */
import { type FaultOf, isNameByte, isValueByte } from "./http1-fields.ts";

/** Longest line with a chunk's size and extensions. */
const CHUNK_LINE_BYTES_MAX = 16 * 1024;
/** Most bytes of all trailers of a message. */
const TRAILER_BYTES_MAX = 64 * 1024;
/** 2^48: more digits are no length of anything. */
const CHUNK_SIZE_DIGITS_MAX = 12;

const TAB = 0x09;
const LF = 0x0a;
const CR = 0x0d;
const SPACE = 0x20;
const QUOTE = 0x22;
const COLON = 0x3a;
const SEMICOLON = 0x3b;

const State = {
  size: 0,
  extension: 1,
  sizeLf: 2,
  /** `#left` bytes of this chunk to come. */
  data: 3,
  dataCr: 4,
  dataLf: 5,
  trailerStart: 6,
  trailerName: 7,
  trailerValue: 8,
  trailerLf: 9,
  endLf: 10,
  ended: 11,
} as const;
type State = (typeof State)[keyof typeof State];

/** Who wrote the chunks. Blanks behind a chunk's size are taken from servers, some of which pad it, and from no client. */
export type ChunkWriter = "client" | "server";

/**
 * Removes the framing of a body in chunks. Trailers are read over: no API of a model provider puts anything there, and they
 * are not forwarded.
 */
export class ChunkedReader {
  readonly #fault: FaultOf;
  readonly #takesBlanks: boolean;
  #state: State = State.size;
  #left = 0;
  /** Bytes of the line being read: digits of a chunk's size, extensions, trailers. */
  #lineBytes = 0;
  /** Whether the extension stands within quotes. */
  #isQuoted = false;

  /** Where the payload of the last read begins and ends, moved together in its memory. */
  payloadStart = 0;
  payloadEnd = 0;

  constructor(writer: ChunkWriter, fault: FaultOf) {
    this.#takesBlanks = writer === "server";
    this.#fault = fault;
  }

  get ended(): boolean {
    return this.#state === State.ended;
  }

  /** Makes ready for the next body. */
  reset(): void {
    this.#state = State.size;
    this.#left = 0;
    this.#lineBytes = 0;
  }

  /** Reads from `at` on; returns where it stopped, which is behind the body when it has ended. */
  read(bytes: Uint8Array, at: number): number {
    this.payloadStart = at;
    this.payloadEnd = at;
    let next = at;
    while (next < bytes.length && this.#state !== State.ended) {
      if (this.#state === State.data) {
        const end = Math.min(bytes.length, next + this.#left);
        this.#left -= end - next;
        if (this.#left === 0) this.#state = State.dataCr;
        this.#takePayload(bytes, next, end);
        next = end;
      } else {
        this.#takeFraming(bytes[next] as number);
        next += 1;
      }
    }
    return next;
  }

  /** Adds a piece to the payload of this read, closing the gap that framing leaves between pieces. */
  #takePayload(bytes: Uint8Array, start: number, end: number): void {
    if (this.payloadEnd === this.payloadStart) {
      this.payloadStart = start;
      this.payloadEnd = end;
    } else {
      bytes.copyWithin(this.payloadEnd, start, end);
      this.payloadEnd += end - start;
    }
  }

  /** Takes one byte between payloads. */
  #takeFraming(byte: number): void {
    switch (this.#state) {
      case State.size:
        this.#takeSizeByte(byte);
        return;
      case State.extension:
        this.#takeExtensionByte(byte);
        return;
      case State.sizeLf:
        this.#expectLf(byte, this.#left === 0 ? State.trailerStart : State.data);
        this.#lineBytes = 0;
        return;
      case State.dataCr:
        if (byte !== CR) throw this.#fault("chunk longer than its size");
        this.#state = State.dataLf;
        return;
      case State.dataLf:
        this.#expectLf(byte, State.size);
        return;
      default:
        this.#takeTrailerByte(byte);
    }
  }

  #takeSizeByte(byte: number): void {
    const value = hexValue(byte);
    if (value >= 0) {
      this.#left = this.#lineBytes === 0 ? value : this.#left * 16 + value;
      this.#lineBytes += 1;
      if (this.#lineBytes > CHUNK_SIZE_DIGITS_MAX) throw this.#fault("chunk size");
      return;
    }
    if (this.#lineBytes === 0) throw this.#fault("chunk size");
    if (byte === CR) this.#state = State.sizeLf;
    else if (byte === SEMICOLON || (this.#takesBlanks && (byte === SPACE || byte === TAB))) {
      this.#state = State.extension;
      this.#isQuoted = false;
    } else throw this.#fault("chunk size");
  }

  #takeExtensionByte(byte: number): void {
    this.#lineBytes += 1;
    if (this.#lineBytes > CHUNK_LINE_BYTES_MAX) throw this.#fault("chunk extension too large");
    // For some readers a line does not end within quotes.
    if (byte === CR && !this.#isQuoted) this.#state = State.sizeLf;
    else if (!isValueByte(byte)) throw this.#fault("chunk extension");
    else if (byte === QUOTE) this.#isQuoted = !this.#isQuoted;
  }

  #takeTrailerByte(byte: number): void {
    this.#lineBytes += 1;
    if (this.#lineBytes > TRAILER_BYTES_MAX) throw this.#fault("trailers too large");
    switch (this.#state) {
      case State.trailerStart:
        if (byte === CR) this.#state = State.endLf;
        else if (isNameByte(byte)) this.#state = State.trailerName;
        else throw this.#fault("trailer");
        return;
      case State.trailerName:
        if (byte === COLON) this.#state = State.trailerValue;
        else if (!isNameByte(byte)) throw this.#fault("trailer");
        return;
      case State.trailerValue:
        if (byte === CR) this.#state = State.trailerLf;
        else if (!isValueByte(byte)) throw this.#fault("trailer");
        return;
      case State.trailerLf:
        this.#expectLf(byte, State.trailerStart);
        return;
      default:
        this.#expectLf(byte, State.ended);
    }
  }

  #expectLf(byte: number, next: State): void {
    if (byte !== LF) throw this.#fault("line end");
    this.#state = next;
  }
}

function hexValue(byte: number): number {
  if (byte >= 0x30 && byte <= 0x39) return byte - 0x30;
  const letter = byte | 0x20;
  return letter >= 0x61 && letter <= 0x66 ? letter - 0x57 : -1;
}
