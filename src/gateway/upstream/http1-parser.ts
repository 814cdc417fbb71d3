/** Incremental parser of HTTP/1.1 responses (RFC 9112): bytes in, head, payload and end out. It does no I/O. */
import type { HeaderMap } from "../../wire/headers.ts";
import { invalidAnswer } from "./failure.ts";
import { CHUNKED, parseHead, UNTIL_CLOSE } from "./http1-head.ts";

/** Told what a parser finds. */
export interface ResponseSink {
  onHead(status: number, headers: HeaderMap): void;
  /** Payload of one `read`, joined; at most one call per `read`. A part of what was read, so copy what is kept. */
  onData(chunk: Buffer): void;
  /** The message is complete; the parser may be reset in here. */
  onEnd(): void;
}

/** Most bytes of all heads of one response, and of its trailers. */
const HEAD_BYTES_MAX = 64 * 1024;
/** Longest line with a chunk's size and extensions. */
const CHUNK_LINE_BYTES_MAX = 16 * 1024;
/** 2^48: more digits are no length of anything. */
const CHUNK_SIZE_DIGITS_MAX = 12;

const HEAD_START = Buffer.from("HTTP/1.");
const HEAD_END = Buffer.from("\r\n\r\n");

const CR = 0x0d;
const LF = 0x0a;

const State = {
  head: 0,
  /** `#left` bytes of payload to come, then the end. */
  sized: 1,
  untilClose: 2,
  chunkSize: 3,
  chunkExtension: 4,
  chunkSizeLf: 5,
  /** `#left` bytes of this chunk to come. */
  chunkData: 6,
  chunkDataCr: 7,
  chunkDataLf: 8,
  trailerStart: 9,
  trailer: 10,
  trailerLf: 11,
  endLf: 12,
  ended: 13,
} as const;
type State = (typeof State)[keyof typeof State];

/** Parses one response after the other; `reset` before each. */
export class Http1Parser {
  readonly #sink: ResponseSink;
  #state: State = State.ended;
  /** Start of a head that came in pieces. */
  #partial: Buffer | undefined;
  #headBytes = 0;
  #left = 0;
  /** Bytes of the line being read: digits of a chunk's size, extensions, trailers. */
  #lineBytes = 0;
  /** Where this read's payload begins and ends, moved together in the read's own buffer. */
  #payloadStart = 0;
  #payloadEnd = 0;
  #persistent = false;

  /** Whether a byte of the response has come. */
  begun = false;
  /** Whether the final head has been handed on. */
  answered = false;
  /** Once the message has ended: whether the connection may carry another one. */
  reusable = false;
  /** How long the peer says it keeps an idle connection. */
  keepAliveMs: number | undefined;

  constructor(sink: ResponseSink) {
    this.#sink = sink;
  }

  /** Makes ready for the next response. */
  reset(): void {
    this.#state = State.head;
    this.#partial = undefined;
    this.#headBytes = 0;
    this.begun = false;
    this.answered = false;
    this.reusable = false;
    this.keepAliveMs = undefined;
  }

  /**
   * Takes what one read of the connection brought. Chunk framing is removed in its memory, and payload is handed on as a
   * part of it; nothing of it is kept afterwards.
   *
   * @throws GatewayError `upstream_invalid`.
   */
  read(bytes: Buffer): void {
    this.begun = true;
    this.#payloadStart = 0;
    this.#payloadEnd = 0;
    let at = 0;
    while (this.#state === State.head) {
      at = this.#readHead(bytes, at);
      if (at < 0) return;
    }
    if (this.#state >= State.chunkSize && this.#state < State.ended) at = this.#readChunks(bytes, at);
    else if (this.#state === State.sized) at = this.#readSized(bytes, at);
    else if (this.#state === State.untilClose) at = this.#takePayload(bytes, at, bytes.length);

    if (this.#payloadEnd > this.#payloadStart) this.#sink.onData(bytes.subarray(this.#payloadStart, this.#payloadEnd));
    if (this.#state !== State.ended) return;
    // Bytes that nobody asked for may be the start of anything: the next response must not be read from them.
    this.reusable = this.#persistent && at === bytes.length;
    this.#sink.onEnd();
  }

  /** Takes the end of the connection; tells whether the response is whole by that. */
  readEnd(): boolean {
    if (this.#state !== State.untilClose) return false;
    this.#state = State.ended;
    this.#sink.onEnd();
    return true;
  }

  /** Reads a head from `at` on. Returns where it ends, or -1 when more bytes are needed. */
  #readHead(bytes: Buffer, at: number): number {
    const partial = this.#partial;
    if (partial === undefined) {
      const end = bytes.indexOf(HEAD_END, at);
      if (end < 0) return this.#keepPartial(at === 0 ? bytes : bytes.subarray(at));
      this.#takeHead(bytes.subarray(at, end + 2));
      return end + 4;
    }
    const joined = Buffer.concat([partial, bytes.subarray(at)]);
    const end = joined.indexOf(HEAD_END, Math.max(0, partial.length - 3));
    if (end < 0) return this.#keepPartial(joined);
    this.#partial = undefined;
    this.#takeHead(joined.subarray(0, end + 2));
    return at + end + 4 - partial.length;
  }

  #keepPartial(bytes: Buffer): -1 {
    if (this.#headBytes + bytes.length > HEAD_BYTES_MAX) throw invalidAnswer("headers too large");
    // What is no HTTP from its first bytes on is refused at once, not waited for.
    const known = Math.min(bytes.length, HEAD_START.length);
    if (bytes.compare(HEAD_START, 0, known, 0, known) !== 0) throw invalidAnswer("status line");
    this.#partial = Buffer.from(bytes);
    return -1;
  }

  #takeHead(bytes: Buffer): void {
    this.#headBytes += bytes.length;
    if (this.#headBytes > HEAD_BYTES_MAX) throw invalidAnswer("headers too large");
    const head = parseHead(bytes);
    // We never offer an upgrade, so a switch of protocols answers nothing we asked (RFC 9110 section 15.2.2).
    if (head.status === 101) throw invalidAnswer("unasked upgrade");
    if (head.status < 200) return;
    this.#persistent = head.persistent;
    this.keepAliveMs = head.keepAliveMs;
    this.#left = head.bodyBytes;
    this.#lineBytes = 0;
    if (head.bodyBytes === CHUNKED) {
      this.#left = 0;
      this.#state = State.chunkSize;
    } else if (head.bodyBytes === UNTIL_CLOSE) this.#state = State.untilClose;
    else this.#state = head.bodyBytes === 0 ? State.ended : State.sized;
    this.answered = true;
    this.#sink.onHead(head.status, head.headers);
  }

  #readSized(bytes: Buffer, at: number): number {
    const end = Math.min(bytes.length, at + this.#left);
    this.#left -= end - at;
    if (this.#left === 0) this.#state = State.ended;
    return this.#takePayload(bytes, at, end);
  }

  /** Adds a piece to the payload of this read, closing the gap that framing leaves between pieces. */
  #takePayload(bytes: Buffer, start: number, end: number): number {
    if (this.#payloadEnd === this.#payloadStart) {
      this.#payloadStart = start;
      this.#payloadEnd = end;
    } else {
      bytes.copyWithin(this.#payloadEnd, start, end);
      this.#payloadEnd += end - start;
    }
    return end;
  }

  /** Reads chunk framing and payload (RFC 9112 section 7.1) from `at` on; returns where it stopped. */
  #readChunks(bytes: Buffer, at: number): number {
    let next = at;
    while (next < bytes.length && this.#state !== State.ended) {
      if (this.#state === State.chunkData) {
        const end = Math.min(bytes.length, next + this.#left);
        this.#left -= end - next;
        if (this.#left === 0) this.#state = State.chunkDataCr;
        next = this.#takePayload(bytes, next, end);
      } else {
        this.#takeFraming(bytes[next] as number);
        next += 1;
      }
    }
    return next;
  }

  /** Takes one byte between payloads. */
  #takeFraming(byte: number): void {
    switch (this.#state) {
      case State.chunkSize:
        this.#takeSizeByte(byte);
        return;
      case State.chunkExtension:
        this.#lineBytes += 1;
        if (this.#lineBytes > CHUNK_LINE_BYTES_MAX) throw invalidAnswer("chunk extension too large");
        if (byte === CR) this.#state = State.chunkSizeLf;
        else if (byte === LF || byte === 0) throw invalidAnswer("chunk extension");
        return;
      case State.chunkSizeLf:
        this.#expectLf(byte, this.#left === 0 ? State.trailerStart : State.chunkData);
        this.#lineBytes = 0;
        return;
      case State.chunkDataCr:
        if (byte !== CR) throw invalidAnswer("chunk longer than its size");
        this.#state = State.chunkDataLf;
        return;
      case State.chunkDataLf:
        this.#expectLf(byte, State.chunkSize);
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
      if (this.#lineBytes > CHUNK_SIZE_DIGITS_MAX) throw invalidAnswer("chunk size");
      return;
    }
    if (this.#lineBytes === 0) throw invalidAnswer("chunk size");
    if (byte === CR) this.#state = State.chunkSizeLf;
    else if (byte === 0x3b || byte === 0x20 || byte === 0x09) this.#state = State.chunkExtension;
    else throw invalidAnswer("chunk size");
  }

  /** Trailers are read over: no API of a model provider puts anything there, and they are not forwarded. */
  #takeTrailerByte(byte: number): void {
    this.#lineBytes += 1;
    if (this.#lineBytes > HEAD_BYTES_MAX) throw invalidAnswer("trailers too large");
    switch (this.#state) {
      case State.trailerStart:
        if (byte === LF || byte === 0) throw invalidAnswer("trailer");
        this.#state = byte === CR ? State.endLf : State.trailer;
        return;
      case State.trailer:
        if (byte === LF || byte === 0) throw invalidAnswer("trailer");
        if (byte === CR) this.#state = State.trailerLf;
        return;
      case State.trailerLf:
        this.#expectLf(byte, State.trailerStart);
        return;
      default:
        this.#expectLf(byte, State.ended);
    }
  }

  #expectLf(byte: number, next: State): void {
    if (byte !== LF) throw invalidAnswer("line end");
    this.#state = next;
  }
}

function hexValue(byte: number): number {
  if (byte >= 0x30 && byte <= 0x39) return byte - 0x30;
  const letter = byte | 0x20;
  return letter >= 0x61 && letter <= 0x66 ? letter - 0x57 : -1;
}
