/**
 * Amazon's event stream encoding, `application/vnd.amazon.eventstream`: length-prefixed messages with typed headers, a
 * payload and two checksums. https://smithy.io/2.0/aws/amazon-eventstream.html
 *
 *     total length (4) · headers length (4) · CRC of these (4) · headers · payload · CRC of all before (4)
 */
import { crc32 } from "node:zlib";
import { GatewayError } from "../errors/gateway-error.ts";
import { invariant } from "../errors/invariant.ts";
import { HeldBytes } from "./held-bytes.ts";
import { asBuffer, EVENT_BYTES_MAX } from "./sse.ts";

/** One message. It shares memory with the chunks it came from. */
export interface EventStreamMessage {
  readonly headers: ReadonlyMap<string, EventStreamValue>;
  readonly payload: Buffer;
}

/** A header's value with its type on the wire. */
export type EventStreamValue =
  | { readonly type: "boolean"; readonly value: boolean }
  | { readonly type: "byte" | "short" | "integer"; readonly value: number }
  /** A timestamp is in Unix milliseconds. */
  | { readonly type: "long" | "timestamp"; readonly value: bigint }
  | { readonly type: "binary"; readonly value: Uint8Array }
  | { readonly type: "string"; readonly value: string }
  /** 8-4-4-4-12 lower-case hexadecimal digits. */
  | { readonly type: "uuid"; readonly value: string };

/** Most bytes of headers in one message, as the encoding's specification has it. */
export const EVENT_STREAM_HEADER_BYTES_MAX = 128 * 1024;

const PRELUDE_BYTES = 12;
const CRC_BYTES = 4;
const MESSAGE_BYTES_MIN = PRELUDE_BYTES + CRC_BYTES;

/** Cuts a stream into its messages; chunks may be cut anywhere. */
export class EventStreamDecoder {
  readonly #held = new HeldBytes();
  /** Bytes of the message that is being received, 0 while its prelude is not whole. */
  #messageBytes = 0;

  /**
   * Takes a chunk and gives the messages that are whole now, one after the other; all of them must be taken. What comes before
   * a fault is given before it is thrown, so that the outcome does not depend on how the stream is cut.
   *
   * @throws GatewayError `upstream_invalid` for a wrong checksum or length, and for a message over the size cap.
   */
  *push(chunk: Uint8Array): Generator<EventStreamMessage, void> {
    const bytes = this.#held.length === 0 ? asBuffer(chunk) : this.#held.append(asBuffer(chunk));
    let start = 0;
    for (;;) {
      const available = bytes.length - start;
      if (this.#messageBytes === 0 && available >= PRELUDE_BYTES) this.#messageBytes = messageBytes(bytes, start);
      if (this.#messageBytes === 0 || available < this.#messageBytes) break;
      const end = start + this.#messageBytes;
      this.#messageBytes = 0;
      yield readMessage(bytes.subarray(start, end));
      start = end;
    }
    // The messages refer to what was joined, so that it must not be written to again.
    if (start > 0 || this.#held.length === 0) this.#held.hold(bytes.subarray(start));
  }

  /** Whether the stream stops inside a message. */
  get isInsideMessage(): boolean {
    return this.#held.length > 0;
  }
}

/** A header's value when it is a string. */
export function eventStreamText({ headers }: EventStreamMessage, name: string): string | undefined {
  const header = headers.get(name);
  return header?.type === "string" ? header.value : undefined;
}

/** Writes one message; for simulated providers. */
export function encodeEventStreamMessage(
  headers: Readonly<Record<string, EventStreamValue>>,
  payload: Uint8Array | string,
): Buffer {
  const head = Buffer.concat(Object.entries(headers).map(([name, value]) => encodeHeader(name, value)));
  const body = Buffer.from(payload);
  const message = Buffer.alloc(MESSAGE_BYTES_MIN + head.length + body.length);
  message.writeUInt32BE(message.length, 0);
  message.writeUInt32BE(head.length, 4);
  message.writeUInt32BE(crc32(message.subarray(0, 8)), 8);
  head.copy(message, PRELUDE_BYTES);
  body.copy(message, PRELUDE_BYTES + head.length);
  const end = message.length - CRC_BYTES;
  message.writeUInt32BE(crc32(message.subarray(0, end)), end);
  return message;
}

/** Writes a message whose headers are all strings, as those of services are; for simulated providers. */
export function encodeEventStreamText(headers: Readonly<Record<string, string>>, payload: Uint8Array | string): Buffer {
  const typed = Object.entries(headers).map(([name, value]) => [name, { type: "string", value } as const] as const);
  return encodeEventStreamMessage(Object.fromEntries(typed), payload);
}

/** Reads a prelude; its checksum is looked at before its lengths are believed. */
function messageBytes(bytes: Buffer, start: number): number {
  if (crc32(bytes.subarray(start, start + 8)) !== bytes.readUInt32BE(start + 8)) throw broken("a wrong checksum");
  const total = bytes.readUInt32BE(start);
  const headers = bytes.readUInt32BE(start + 4);
  if (total > EVENT_BYTES_MAX || headers > EVENT_STREAM_HEADER_BYTES_MAX) throw broken("too many bytes");
  if (total < MESSAGE_BYTES_MIN + headers) throw broken("wrong lengths");
  return total;
}

function readMessage(message: Buffer): EventStreamMessage {
  const end = message.length - CRC_BYTES;
  if (crc32(message.subarray(0, end)) !== message.readUInt32BE(end)) throw broken("a wrong checksum");
  const headersEnd = PRELUDE_BYTES + message.readUInt32BE(4);
  const headers = new Map<string, EventStreamValue>();
  const reader = new HeaderReader(message.subarray(PRELUDE_BYTES, headersEnd));
  while (!reader.done) {
    const name = reader.take(reader.take(1).readUInt8()).toString();
    headers.set(name, reader.value());
  }
  return { headers, payload: message.subarray(headersEnd, end) };
}

/** Walks over the headers of a message. */
class HeaderReader {
  readonly #bytes: Buffer;
  #pos = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  get done(): boolean {
    return this.#pos === this.#bytes.length;
  }

  take(length: number): Buffer {
    const end = this.#pos + length;
    if (end > this.#bytes.length) throw broken("a header that is cut off");
    const taken = this.#bytes.subarray(this.#pos, end);
    this.#pos = end;
    return taken;
  }

  value(): EventStreamValue {
    const type = this.take(1).readUInt8();
    switch (type) {
      case 0:
      case 1:
        return { type: "boolean", value: type === 0 };
      case 2:
        return { type: "byte", value: this.take(1).readInt8() };
      case 3:
        return { type: "short", value: this.take(2).readInt16BE() };
      case 4:
        return { type: "integer", value: this.take(4).readInt32BE() };
      case 5:
        return { type: "long", value: this.take(8).readBigInt64BE() };
      case 6:
        return { type: "binary", value: this.#sized() };
      case 7:
        return { type: "string", value: this.#sized().toString() };
      case 8:
        return { type: "timestamp", value: this.take(8).readBigInt64BE() };
      case 9:
        return { type: "uuid", value: this.take(16).toString("hex").replace(UUID_DIGITS, "$1-$2-$3-$4-$5") };
      default:
        throw broken(`a header of the unknown type ${type}`);
    }
  }

  #sized(): Buffer {
    return this.take(this.take(2).readUInt16BE());
  }
}

const UUID_DIGITS = /^(.{8})(.{4})(.{4})(.{4})(.{12})$/;

function encodeHeader(name: string, value: EventStreamValue): Buffer {
  const nameBytes = Buffer.from(name);
  invariant(nameBytes.length > 0 && nameBytes.length < 0x100, "a header's name has 1 to 255 bytes");
  return Buffer.concat([Buffer.of(nameBytes.length), nameBytes, ...encodeValue(value)]);
}

function encodeValue(header: EventStreamValue): Buffer[] {
  const eight = Buffer.alloc(8);
  switch (header.type) {
    case "boolean":
      return [Buffer.of(header.value ? 0 : 1)];
    case "byte":
      return [Buffer.of(2, header.value & 0xff)];
    case "short":
      return [Buffer.of(3, (header.value >> 8) & 0xff, header.value & 0xff)];
    case "integer":
      eight.writeInt32BE(header.value);
      return [Buffer.of(4), eight.subarray(0, 4)];
    case "long":
    case "timestamp":
      eight.writeBigInt64BE(header.value);
      return [Buffer.of(header.type === "long" ? 5 : 8), eight];
    case "binary":
    case "string": {
      const value = Buffer.from(header.value);
      invariant(value.length < 0x10000, "a header's value has at most 65535 bytes");
      eight.writeUInt16BE(value.length);
      return [Buffer.of(header.type === "binary" ? 6 : 7), eight.subarray(0, 2), value];
    }
    case "uuid":
      return [Buffer.of(9), Buffer.from(header.value.replaceAll("-", ""), "hex")];
  }
}

function broken(what: string): GatewayError {
  return new GatewayError("upstream_invalid", `the provider sent an event stream message with ${what}`);
}
