/** Cuts the DATA of one call into gRPC messages (https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md, "Length-Prefixed-Message"). */
import { BODY_MEMORY } from "../wire/buffer-pool.ts";
import { PREFIX_BYTES } from "./frame-writer.ts";
import { GRPC_STATUS } from "./grpc.ts";

/** A call that the server itself ends, with the status told to the peer. */
export class CallFault extends Error {
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

/** Reads one call: `load` what has come, then take messages with `next` until there is none. */
export class MessageReader {
  readonly #messageBytesMax: number;
  #bytes: Buffer | undefined;
  #at = 0;
  #end = 0;
  /** The beginning of a prefix whose end is still to come. */
  #prefix: number[] = [];
  /** A message of which only the beginning is there, and how much that is. */
  #message: Buffer | undefined;
  #filled = 0;
  /** Memory of big messages, which is used again when the call is over. */
  readonly #taken: Buffer[] = [];

  constructor(messageBytesMax: number) {
    this.#messageBytesMax = messageBytesMax;
  }

  /** Whether a message has begun and not ended. */
  get partial(): boolean {
    return this.#message !== undefined || this.#prefix.length > 0;
  }

  /** Takes the next bytes; all messages of the ones before must have been taken. */
  load(bytes: Buffer, start: number, end: number): void {
    this.#bytes = bytes;
    this.#at = start;
    this.#end = end;
  }

  /** Gives the memory of all messages back. */
  release(): void {
    for (const memory of this.#taken) BODY_MEMORY.release(memory);
    this.#taken.length = 0;
  }

  /** The next whole message, a copy of what was loaded. Throws `CallFault`. */
  next(): Uint8Array | undefined {
    const bytes = this.#bytes;
    if (bytes === undefined) return undefined;
    if (this.#message === undefined) {
      const length = this.#readPrefix(bytes);
      if (length === undefined) {
        this.#bytes = undefined;
        return undefined;
      }
      const end = this.#at + length;
      if (end <= this.#end) {
        const message = Buffer.from(bytes.subarray(this.#at, end));
        this.#at = end;
        return message;
      }
      this.#message = this.#take(length);
      this.#filled = 0;
    }
    return this.#fill(bytes, this.#message);
  }

  #take(length: number): Buffer {
    const memory = BODY_MEMORY.take(length);
    this.#taken.push(memory);
    return memory.subarray(0, length);
  }

  #fill(bytes: Buffer, message: Buffer): Uint8Array | undefined {
    const count = Math.min(message.length - this.#filled, this.#end - this.#at);
    bytes.copy(message, this.#filled, this.#at, this.#at + count);
    this.#filled += count;
    this.#at += count;
    if (this.#filled < message.length) {
      this.#bytes = undefined;
      return undefined;
    }
    this.#message = undefined;
    return message;
  }

  /** The length of the message that follows; undefined when the prefix is not all there. */
  #readPrefix(bytes: Buffer): number | undefined {
    if (this.#prefix.length === 0 && this.#end - this.#at >= PREFIX_BYTES) {
      const at = this.#at;
      this.#at = at + PREFIX_BYTES;
      return this.#checked(bytes[at] ?? 0, bytes.readUInt32BE(at + 1));
    }
    while (this.#at < this.#end && this.#prefix.length < PREFIX_BYTES) {
      this.#prefix.push(bytes[this.#at] ?? 0);
      this.#at += 1;
    }
    if (this.#prefix.length < PREFIX_BYTES) return undefined;
    const prefix = Buffer.from(this.#prefix);
    this.#prefix = [];
    return this.#checked(prefix[0] ?? 0, prefix.readUInt32BE(1));
  }

  #checked(flag: number, length: number): number {
    if (flag !== 0) {
      // https://github.com/grpc/grpc/blob/master/doc/compression.md: compressed without an encoding that says how.
      throw new CallFault(GRPC_STATUS.internal, "a compressed message without grpc-encoding");
    }
    if (length > this.#messageBytesMax) {
      const reason = `a message of ${length} bytes, the limit is ${this.#messageBytesMax}`;
      throw new CallFault(GRPC_STATUS.resourceExhausted, reason);
    }
    return length;
  }
}
