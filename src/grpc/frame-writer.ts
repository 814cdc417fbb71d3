/** Gathers the frames that answer one read of a connection, so that they leave in one write. */
import type { Duplex } from "node:stream";
import { FRAME, FRAME_HEAD_BYTES } from "./frames.ts";

/** Frames are gathered in buffers of this size. */
const SLAB_BYTES = 64 * 1024;
/** From this size on, bytes are passed to the socket where they are; below, copying is cheaper. */
const COPIED_BYTES_MAX = 8 * 1024;
/** Length of what precedes every gRPC message: a compression flag and the message's length. */
export const PREFIX_BYTES = 5;

/** The frames of one connection that wait to be written. */
export class FrameWriter {
  #slab: Buffer = Buffer.allocUnsafeSlow(SLAB_BYTES);
  /** Where the part of the slab begins that is not yet a piece, and where it ends. */
  #start = 0;
  #at = 0;
  /** What goes before that part. */
  #pieces: Uint8Array[] = [];

  /** Whether anything waits. */
  get empty(): boolean {
    return this.#at === this.#start && this.#pieces.length === 0;
  }

  /** A frame whose payload is ready. */
  frame(type: number, flags: number, stream: number, payload: Uint8Array): void {
    this.#ensure(FRAME_HEAD_BYTES + payload.length);
    this.#head(type, flags, stream, payload.length);
    this.#slab.set(payload, this.#at);
    this.#at += payload.length;
  }

  /** A frame whose payload is one number of 32 bits: RST_STREAM or WINDOW_UPDATE. */
  number(type: number, stream: number, value: number): void {
    this.#ensure(FRAME_HEAD_BYTES + 4);
    this.#head(type, 0, stream, 4);
    this.#at = this.#slab.writeUInt32BE(value, this.#at);
  }

  /** DATA with a whole message in it. */
  message(stream: number, message: Uint8Array): void {
    this.#ensure(FRAME_HEAD_BYTES + PREFIX_BYTES + Math.min(message.length, COPIED_BYTES_MAX));
    this.#head(FRAME.data, 0, stream, PREFIX_BYTES + message.length);
    this.#prefix(message.length);
    this.#append(message);
  }

  /** DATA with `length` bytes of a message and its prefix, from `offset` on. */
  part(stream: number, message: Uint8Array, offset: number, length: number): void {
    this.#ensure(FRAME_HEAD_BYTES + PREFIX_BYTES + Math.min(length, COPIED_BYTES_MAX));
    this.#head(FRAME.data, 0, stream, length);
    const end = offset + length - PREFIX_BYTES;
    if (offset >= PREFIX_BYTES) {
      this.#append(message.subarray(offset - PREFIX_BYTES, end));
      return;
    }
    const start = this.#at;
    this.#prefix(message.length);
    this.#slab.copyWithin(start, start + offset, this.#at);
    this.#at -= offset;
    if (end < 0) this.#at += end;
    else this.#append(message.subarray(0, end));
  }

  /** Writes what was gathered. */
  flush(socket: Duplex): void {
    if (this.#pieces.length === 0) {
      const bytes = this.#slab.subarray(this.#start, this.#at);
      this.#start = this.#at;
      socket.write(bytes);
      return;
    }
    this.#cut();
    const pieces = this.#pieces;
    this.#pieces = [];
    socket.cork();
    for (const piece of pieces) socket.write(piece);
    socket.uncork();
  }

  #head(type: number, flags: number, stream: number, length: number): void {
    const slab = this.#slab;
    const at = this.#at;
    slab[at] = length >>> 16;
    slab[at + 1] = length >>> 8;
    slab[at + 2] = length;
    slab[at + 3] = type;
    slab[at + 4] = flags;
    slab[at + 5] = stream >>> 24;
    slab[at + 6] = stream >>> 16;
    slab[at + 7] = stream >>> 8;
    slab[at + 8] = stream;
    this.#at = at + FRAME_HEAD_BYTES;
  }

  #prefix(messageBytes: number): void {
    this.#slab[this.#at] = 0;
    this.#at = this.#slab.writeUInt32BE(messageBytes, this.#at + 1);
  }

  #append(bytes: Uint8Array): void {
    if (bytes.length > COPIED_BYTES_MAX) {
      this.#cut();
      this.#pieces.push(bytes);
      return;
    }
    this.#slab.set(bytes, this.#at);
    this.#at += bytes.length;
  }

  #cut(): void {
    if (this.#at > this.#start) this.#pieces.push(this.#slab.subarray(this.#start, this.#at));
    this.#start = this.#at;
  }

  /** Makes sure that so many bytes can be written in one place. */
  #ensure(count: number): void {
    if (this.#slab.length - this.#at >= count) return;
    this.#cut();
    // The old slab belongs to the socket until it is written.
    this.#slab = Buffer.allocUnsafeSlow(Math.max(SLAB_BYTES, count));
    this.#start = 0;
    this.#at = 0;
  }
}
