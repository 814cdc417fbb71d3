/**
 * The wire format of Protobuf (https://protobuf.dev/programming-guides/encoding/): a reader that copies nothing, and a
 * writer that writes from the end to the start, so that the length of what is nested is known when it must be written.
 * For the few messages of the request path; everything else uses the generated code.
 */
import { invariant } from "../errors/invariant.ts";
import { unitAt } from "./unit-at.ts";

/** Bytes that are not the message they should be. */
export class ProtobufError extends Error {
  override readonly name = "ProtobufError";
}

/** Wire types by their number; groups (3 and 4) are gone from proto3 and refused. */
export const WIRE_TYPE = { varint: 0, fixed64: 1, bytes: 2, fixed32: 5 } as const;

const TWO_32 = 2 ** 32;
const VARINT_BYTES_MAX = 10;
const SHORT_STRING_LENGTH = 64;

/** The key of a field of bytes, a string or a message. */
export function bytesKey(field: number): number {
  return (field << 3) | WIRE_TYPE.bytes;
}

/** The key of a field of an integer, a bool or an enum. */
export function varintKey(field: number): number {
  return (field << 3) | WIRE_TYPE.varint;
}

/** The key of a double. */
export function doubleKey(field: number): number {
  return (field << 3) | WIRE_TYPE.fixed64;
}

/** Reads fields one after the other; a key that is not known is given to `skip`. */
export class ProtobufReader {
  readonly bytes: Buffer;
  position: number;
  /** Where the message that is being read ends. */
  end: number;

  constructor(message: Uint8Array, start = 0, end: number = message.length) {
    this.bytes = Buffer.isBuffer(message)
      ? message
      : Buffer.from(message.buffer, message.byteOffset, message.byteLength);
    this.position = start;
    this.end = end;
  }

  /** The next key, or 0 at the end of the message. */
  key(): number {
    if (this.position >= this.end) return 0;
    const key = this.varint();
    if (key < 8 || key >= TWO_32) throw new ProtobufError(`field key ${key} at byte ${this.position}`);
    return key;
  }

  /** An unsigned number; above 2^53 its nearest double. */
  varint(): number {
    const { bytes, end } = this;
    let { position } = this;
    let value = 0;
    let factor = 1;
    const limit = Math.min(end, position + VARINT_BYTES_MAX);
    while (position < limit) {
      const byte = bytes[position++] as number;
      if (byte < 0x80) {
        this.position = position;
        return value + byte * factor;
      }
      value += (byte - 0x80) * factor;
      factor *= 128;
    }
    throw new ProtobufError(`${limit === end ? "cut off" : "overlong"} number at byte ${this.position}`);
  }

  bool(): boolean {
    return this.varint() !== 0;
  }

  double(): number {
    const start = this.#advance(8);
    return this.bytes.readDoubleLE(start);
  }

  /** The end of a field of bytes, whose start is then the reader's position. */
  length(): number {
    const length = this.varint();
    if (length > this.end - this.position) {
      throw new ProtobufError(
        `field of ${length} bytes at byte ${this.position}, where ${this.end - this.position} are left`,
      );
    }
    return this.position + length;
  }

  /** A view of a field's bytes. */
  view(): Buffer {
    const end = this.length();
    const view = this.bytes.subarray(this.position, end);
    this.position = end;
    return view;
  }

  string(): string {
    const end = this.length();
    const text = this.bytes.toString("utf8", this.position, end);
    this.position = end;
    return text;
  }

  /** Goes into a nested message; its end is where `leave` must be called with what this returns. */
  enter(): number {
    const outer = this.end;
    this.end = this.length();
    return outer;
  }

  /** Comes back from a nested message. */
  leave(outer: number): void {
    this.position = this.end;
    this.end = outer;
  }

  /** Calls `read` with the key of each field that is left; `read` must read the field or skip it. */
  eachField(read: (key: number) => void): void {
    for (let key = this.key(); key !== 0; key = this.key()) read(key);
  }

  /** The same for the fields of the nested message that comes next. */
  eachNestedField(read: (key: number) => void): void {
    const outer = this.enter();
    this.eachField(read);
    this.leave(outer);
  }

  skip(key: number): void {
    const type = key & 7;
    if (type === WIRE_TYPE.bytes) this.position = this.length();
    else if (type === WIRE_TYPE.varint) this.varint();
    else if (type === WIRE_TYPE.fixed64) this.#advance(8);
    else if (type === WIRE_TYPE.fixed32) this.#advance(4);
    else throw new ProtobufError(`wire type ${type} at byte ${this.position}`);
  }

  #advance(count: number): number {
    const start = this.position;
    if (count > this.end - start) throw new ProtobufError(`cut off after byte ${this.end}`);
    this.position = start + count;
    return start;
  }
}

/**
 * Writes a message from its end to its start: last field first, and of a field its value before its key. The room must be
 * known beforehand; an upper bound will do.
 */
export class ProtobufWriter {
  readonly #bytes: Buffer;
  #position: number;

  /** `room` is the most bytes that will be written. */
  constructor(room: number) {
    this.#bytes = Buffer.allocUnsafe(room);
    this.#position = room;
  }

  /** Where a nested message ends that is written next; given to `close` when its first field is written. */
  open(): number {
    return this.#position;
  }

  /** Writes length and key of a nested message. */
  close(field: number, end: number): void {
    this.#varint(end - this.#position);
    this.#varint(bytesKey(field));
  }

  bytes(field: number, value: Uint8Array): void {
    const end = this.#position;
    this.#position -= value.length;
    this.#bytes.set(value, this.#position);
    this.close(field, end);
  }

  /** A field of bytes from a string of characters up to U+00FF, one byte for each; throws where there are others. */
  latin1(field: number, value: string): void {
    const end = this.#position;
    if (this.#narrow(value) > 0xff) throw new ProtobufError(`not one byte per character: ${JSON.stringify(value)}`);
    this.close(field, end);
  }

  string(field: number, value: string): void {
    const end = this.#position;
    // Most are short and ASCII, where two calls into the runtime cost more than a loop.
    if (value.length > SHORT_STRING_LENGTH || this.#narrow(value) > 0x7f) {
      this.#position = end - Buffer.byteLength(value);
      this.#bytes.write(value, this.#position);
    }
    this.close(field, end);
  }

  /** An integer from 0, or an enum. */
  varint(field: number, value: number): void {
    this.#varint(value);
    this.#varint(varintKey(field));
  }

  bool(field: number, value: boolean): void {
    this.varint(field, value ? 1 : 0);
  }

  double(field: number, value: number): void {
    this.#position -= 8;
    this.#bytes.writeDoubleLE(value, this.#position);
    this.#varint(doubleKey(field));
  }

  /** The message. */
  finish(): Buffer {
    // Writes in front of the buffer would be lost without a word.
    invariant(this.#position >= 0, "the room for a Protobuf message is an upper bound");
    return this.#bytes.subarray(this.#position);
  }

  /** Writes the low byte of each character; returns the bits of all characters. */
  #narrow(value: string): number {
    const bytes = this.#bytes;
    const { length } = value;
    const start = this.#position - length;
    this.#position = start;
    let seen = 0;
    for (let i = 0; i < length; i++) {
      const code = unitAt(value, i);
      seen |= code;
      bytes[start + i] = code;
    }
    return seen;
  }

  #varint(value: number): void {
    const bytes = this.#bytes;
    if (value < 0x80) {
      bytes[--this.#position] = value;
      return;
    }
    let size = 1;
    for (let rest = value; rest >= 0x80; rest /= 128) size++;
    this.#position -= size;
    let at = this.#position;
    let rest = value;
    for (; rest >= 0x80; rest = Math.floor(rest / 128)) bytes[at++] = (rest % 128) | 0x80;
    bytes[at] = rest;
  }
}
