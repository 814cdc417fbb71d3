/**
 * Cuts what a client sends into frames (RFC 9113 section 4), however the bytes are cut by the network. DATA is passed on in
 * the pieces in which it arrives, header blocks whole, everything else as one frame.
 */
import { ConnectionFault, FLAG, FRAME, FRAME_BYTES_MAX, FRAME_HEAD_BYTES, HTTP2_ERROR } from "./frames.ts";

/** What a client sends first (RFC 9113 section 3.4). */
const PREFACE = Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "latin1");
/** Largest frame that is not DATA, and largest header block. */
const CONTROL_BYTES_MAX = 64 * 1024;
/** Frames a header block may come in; empty ones would cost us and not the peer. */
const CONTINUATIONS_MAX = 64;
/** Weight and dependency in HEADERS, deprecated (RFC 9113 section 5.3). */
const PRIORITY_BYTES = 5;

/** One frame, or a piece of a DATA frame; the same object every time, valid during the call only. */
export interface Frame {
  readonly type: number;
  readonly flags: number;
  readonly stream: number;
  /** Length of the whole payload as flow control counts it, padding included. */
  readonly length: number;
  /** The payload, or its piece: `bytes` from `start` to `end`. */
  readonly bytes: Buffer;
  readonly start: number;
  readonly end: number;
  /** Whether a DATA frame has no further piece. */
  readonly last: boolean;
}

/** Takes the frames. */
export interface FrameSink {
  /** A piece of a DATA frame; every such frame has a last piece, if need be an empty one. */
  data(frame: Frame): void;
  /** A whole header block: HEADERS with all its CONTINUATIONs, without padding and priority. */
  headers(frame: Frame): void;
  /** Any other known frame that means something to a server. */
  control(frame: Frame): void;
}

/** Reads one connection; throws `ConnectionFault` when the peer breaks the rules. */
export class FrameReader implements Frame {
  type = 0;
  flags = 0;
  stream = 0;
  length = 0;
  bytes: Buffer = PREFACE;
  start = 0;
  end = 0;
  last = true;

  readonly #sink: FrameSink;
  #prefaceBytes = 0;
  /** A frame of which only the beginning is there, and how much that is. */
  #held: Buffer = Buffer.allocUnsafeSlow(64);
  #heldBytes = 0;
  /** What is still to come of the frame being passed on or skipped, and how much of that is not to be passed on. */
  #left = 0;
  #ignored = 0;
  /** The beginning of a header block whose end is still to come. */
  #block: Buffer[] = [];
  #blockBytes = 0;
  #blockStream = 0;
  #blockFlags = 0;

  constructor(sink: FrameSink) {
    this.#sink = sink;
  }

  /** Takes the next bytes of the connection. */
  read(bytes: Buffer): void {
    let at = this.#prefaceBytes < PREFACE.length ? this.#preface(bytes) : 0;
    while (at < bytes.length) {
      if (this.#left > 0) at = this.#pass(bytes, at);
      else if (this.#heldBytes > 0) at = this.#hold(bytes, at);
      else {
        const need = bytesNeeded(bytes, at, bytes.length);
        if (at + need > bytes.length) at = this.#hold(bytes, at);
        else {
          this.#begin(bytes, at, at + need);
          at += need;
        }
      }
    }
  }

  #preface(bytes: Buffer): number {
    const known = this.#prefaceBytes;
    const length = Math.min(PREFACE.length - known, bytes.length);
    if (PREFACE.compare(bytes, 0, length, known, known + length) !== 0) {
      throw new ConnectionFault(HTTP2_ERROR.protocol, "not HTTP/2");
    }
    this.#prefaceBytes += length;
    return length;
  }

  /** Keeps the beginning of a frame until there is enough of it. */
  #hold(bytes: Buffer, from: number): number {
    let at = from;
    for (;;) {
      const need = bytesNeeded(this.#held, 0, this.#heldBytes);
      const count = Math.min(need - this.#heldBytes, bytes.length - at);
      if (need > this.#held.length) {
        const grown = Buffer.allocUnsafeSlow(need);
        this.#held.copy(grown, 0, 0, this.#heldBytes);
        this.#held = grown;
      }
      bytes.copy(this.#held, this.#heldBytes, at, at + count);
      this.#heldBytes += count;
      at += count;
      if (this.#heldBytes < need) return at;
      // With its head complete, a frame may turn out to need more.
      if (need === bytesNeeded(this.#held, 0, this.#heldBytes)) break;
    }
    const end = this.#heldBytes;
    this.#heldBytes = 0;
    this.#begin(this.#held, 0, end);
    return at;
  }

  /** A frame of which there is enough: all of it, or the head of DATA or of what is skipped. */
  #begin(bytes: Buffer, at: number, end: number): void {
    const type = bytes[at + 3] ?? 0;
    this.type = type;
    this.flags = bytes[at + 4] ?? 0;
    this.length = lengthAt(bytes, at);
    this.stream = bytes.readUInt32BE(at + 5) & 0x7fffffff;
    this.bytes = bytes;
    this.start = at + FRAME_HEAD_BYTES;
    this.end = end;
    if (this.#blockStream !== 0 && (type !== FRAME.continuation || this.stream !== this.#blockStream)) {
      throw new ConnectionFault(HTTP2_ERROR.protocol, "a frame between the parts of a header block");
    }
    if (type === FRAME.data) this.#beginData();
    else if (type === FRAME.headers) this.#beginHeaders();
    else if (type === FRAME.continuation) this.#continueHeaders();
    else if (isControl(type)) this.#sink.control(this);
    else this.#left = this.#ignored = this.length;
  }

  #beginData(): void {
    const padded = (this.flags & FLAG.padded) !== 0;
    const padding = padded ? (this.bytes[this.start] ?? 0) : 0;
    this.#left = padded ? this.length - 1 : this.length;
    this.#ignored = padding;
    if (padding > this.#left) throw new ConnectionFault(HTTP2_ERROR.protocol, "more padding than frame");
    if (this.#left > padding) return;
    this.last = true;
    this.start = this.end;
    this.#sink.data(this);
  }

  /** Passes on what there is of a DATA frame, or skips. */
  #pass(bytes: Buffer, at: number): number {
    const content = this.#left - this.#ignored;
    const count = Math.min(content > 0 ? content : this.#left, bytes.length - at);
    this.#left -= count;
    if (content <= 0) {
      this.#ignored = this.#left;
      return at + count;
    }
    this.bytes = bytes;
    this.start = at;
    this.end = at + count;
    this.last = count === content;
    this.#sink.data(this);
    return at + count;
  }

  #beginHeaders(): void {
    if ((this.flags & FLAG.padded) !== 0) {
      this.end -= this.bytes[this.start] ?? 0;
      this.start += 1;
    }
    if ((this.flags & FLAG.priority) !== 0) this.start += PRIORITY_BYTES;
    if (this.start > this.end) throw new ConnectionFault(HTTP2_ERROR.protocol, "more padding than frame");
    if (this.stream === 0) throw new ConnectionFault(HTTP2_ERROR.protocol, "HEADERS without a stream");
    if ((this.flags & FLAG.endHeaders) !== 0) {
      this.#sink.headers(this);
      return;
    }
    this.#blockStream = this.stream;
    this.#blockFlags = this.flags;
    this.#addToBlock();
  }

  #continueHeaders(): void {
    if (this.#blockStream === 0) throw new ConnectionFault(HTTP2_ERROR.protocol, "CONTINUATION of nothing");
    this.#addToBlock();
    if ((this.flags & FLAG.endHeaders) === 0) return;
    this.type = FRAME.headers;
    this.flags = this.#blockFlags | FLAG.endHeaders;
    this.bytes = Buffer.concat(this.#block);
    this.start = 0;
    this.end = this.bytes.length;
    this.#block = [];
    this.#blockBytes = 0;
    this.#blockStream = 0;
    this.#sink.headers(this);
  }

  #addToBlock(): void {
    this.#blockBytes += this.end - this.start;
    if (this.#blockBytes > CONTROL_BYTES_MAX || this.#block.length > CONTINUATIONS_MAX) {
      throw new ConnectionFault(HTTP2_ERROR.enhanceYourCalm, "header block too large");
    }
    this.#block.push(Buffer.from(this.bytes.subarray(this.start, this.end)));
  }
}

/** How many bytes of the frame that begins at `at` must be there at once; more may be asked for when more is there. */
function bytesNeeded(bytes: Buffer, at: number, end: number): number {
  if (end - at < FRAME_HEAD_BYTES) return FRAME_HEAD_BYTES;
  const length = lengthAt(bytes, at);
  const type = bytes[at + 3] ?? 0;
  if (length > FRAME_BYTES_MAX) throw new ConnectionFault(HTTP2_ERROR.frameSize, "frame too large");
  if (type === FRAME.data) {
    if (((bytes[at + 4] ?? 0) & FLAG.padded) === 0) return FRAME_HEAD_BYTES;
    if (length === 0) throw new ConnectionFault(HTTP2_ERROR.frameSize, "padding without its length");
    return FRAME_HEAD_BYTES + 1;
  }
  if (type !== FRAME.headers && type !== FRAME.continuation && !isControl(type)) return FRAME_HEAD_BYTES;
  if (length > CONTROL_BYTES_MAX) throw new ConnectionFault(HTTP2_ERROR.enhanceYourCalm, "frame too large");
  return FRAME_HEAD_BYTES + length;
}

/** Whether frames of a type are taken whole; PRIORITY and unknown ones are skipped (RFC 9113 sections 5.3 and 5.5). */
function isControl(type: number): boolean {
  return type >= FRAME.reset && type <= FRAME.windowUpdate;
}

function lengthAt(bytes: Buffer, at: number): number {
  return ((bytes[at] ?? 0) << 16) | ((bytes[at + 1] ?? 0) << 8) | (bytes[at + 2] ?? 0);
}
