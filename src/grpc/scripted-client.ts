/** For tests: a client that sends exactly the frames it is told to over a socket without a network, and reads the answers. */
import { Duplex } from "node:stream";
import { Admissions } from "./admission.ts";
import { Connection, type ConnectionOwner } from "./connection.ts";
import { FLAG, FRAME, FRAME_HEAD_BYTES } from "./frames.ts";
import type { GrpcHandler, GrpcMethods, GrpcStream } from "./grpc.ts";
import { encodeField, HpackDecoder } from "./hpack.ts";

export const PREFACE = Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
/** What a client that never had a dynamic table says when it may not have one: the table's size is 0. */
const NO_TABLE = Buffer.of(0x20);

/** A frame as it was received. */
export interface Received {
  readonly type: number;
  readonly flags: number;
  readonly stream: number;
  readonly payload: Buffer;
}

export function frame(type: number, flags: number, stream: number, payload: Uint8Array = Buffer.alloc(0)): Buffer {
  const head = Buffer.alloc(FRAME_HEAD_BYTES);
  head.writeUIntBE(payload.length, 0, 3);
  head.writeUInt8(type, 3);
  head.writeUInt8(flags, 4);
  head.writeUInt32BE(stream, 5);
  return Buffer.concat([head, payload]);
}

export function uint32(...values: number[]): Buffer {
  const bytes = Buffer.alloc(4 * values.length);
  for (const [index, value] of values.entries()) bytes.writeUInt32BE(value, 4 * index);
  return bytes;
}

export function settings(...entries: readonly (readonly [number, number])[]): Buffer {
  return frame(FRAME.settings, 0, 0, Buffer.concat(entries.map(([name, value]) => uint32(name, value).subarray(2))));
}

/** A gRPC message with its prefix. */
export function prefixed(message: Uint8Array | string): Buffer {
  const bytes = Buffer.from(message);
  return Buffer.concat([Buffer.of(0), uint32(bytes.length), bytes]);
}

/** The header block of a call. */
export function requestBlock(path: string, more: Readonly<Record<string, string>> = {}): Buffer {
  const fields = { ":method": "POST", ":scheme": "http", ":path": path, "content-type": "application/grpc", ...more };
  return Buffer.concat(Object.entries(fields).map(([name, value]) => encodeField(name, value)));
}

/** HEADERS of a call to `/test.Test/Call`. */
export function call(stream: number, flags: number = FLAG.endHeaders): Buffer {
  return frame(FRAME.headers, flags, stream, requestBlock("/test.Test/Call"));
}

export function data(stream: number, payload: Uint8Array, flags = 0): Buffer {
  return frame(FRAME.data, flags, stream, payload);
}

/** What a handler was told, in order; what it answers is up to the test. */
export class RecordingHandler implements GrpcHandler {
  readonly stream: GrpcStream;
  readonly told: string[] = [];

  constructor(stream: GrpcStream) {
    this.stream = stream;
  }

  onMessage(message: Uint8Array): void {
    this.told.push(`message ${Buffer.from(message).toString()}`);
  }

  onEnd(): void {
    this.told.push("end");
  }

  onClose(): void {
    this.told.push("close");
  }
}

/** The socket between the two; `stalled` = the client does not read. */
class FakeSocket extends Duplex {
  readonly written: Buffer[] = [];
  stalled = false;

  override _read(): void {}

  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    // Copied: what is gathered for later writes stands in the same memory.
    this.written.push(Buffer.from(chunk));
    if (!this.stalled) done();
  }
}

/** A connection and the client on its other side. */
export class ScriptedClient implements ConnectionOwner {
  readonly admissions: Admissions;
  readonly messageBytesMax = 1024;
  readonly queuedBytesMax = 256 * 1024;
  readonly socket = new FakeSocket({ allowHalfOpen: false });
  readonly connection: Connection;
  readonly handlers: RecordingHandler[] = [];
  readonly errors: unknown[] = [];
  closes = 0;
  readonly #decoder = new HpackDecoder();

  /** @param make The handler of `/test.Test/Call`. */
  constructor(make: (stream: GrpcStream) => RecordingHandler = (stream) => new RecordingHandler(stream)) {
    const methods: GrpcMethods = new Map([
      [
        "/test.Test/Call",
        (stream: GrpcStream) => {
          const handler = make(stream);
          this.handlers.push(handler);
          return handler;
        },
      ],
    ]);
    this.admissions = new Admissions(methods);
    this.connection = new Connection(this, this.socket);
  }

  failed(error: unknown): void {
    this.errors.push(error);
  }

  closed(): void {
    this.closes += 1;
  }

  /** Sends in one piece; what the connection answers is there when this returns. */
  send(...frames: Buffer[]): void {
    this.socket.emit("data", Buffer.concat(frames));
  }

  /** Preface and settings, and what the connection says to them is taken. */
  greet(...own: readonly (readonly [number, number])[]): void {
    this.send(PREFACE, settings(...own), frame(FRAME.settings, FLAG.ack, 0));
    this.take();
  }

  /** What was received since this was last asked. */
  take(): Received[] {
    const bytes = Buffer.concat(this.socket.written.splice(0));
    const frames: Received[] = [];
    for (let at = 0; at < bytes.length; ) {
      const end = at + FRAME_HEAD_BYTES + bytes.readUIntBE(at, 3);
      const [type, flags] = [bytes.readUInt8(at + 3), bytes.readUInt8(at + 4)];
      const payload = bytes.subarray(at + FRAME_HEAD_BYTES, end);
      frames.push({ type, flags, stream: bytes.readUInt32BE(at + 5), payload });
      at = end;
    }
    return frames;
  }

  /** The same as short text, e.g. `1 headers :status=200 end`. */
  takeText(): string[] {
    return this.take().map((frame) => this.#text(frame));
  }

  #text({ type, flags, stream, payload }: Received): string {
    const name = Object.entries(FRAME).find(([, code]) => code === type)?.[0] ?? "unknown";
    const end = (flags & FLAG.endStream) !== 0 ? " end" : "";
    if (type === FRAME.headers) {
      const fields = [...this.#decoder.decode(payload)].map(([field, value]) => ` ${field}=${value}`);
      return `${stream} ${name}${fields.join("")}${end}`;
    }
    if (type === FRAME.data) return `${stream} ${name} ${payload.length}${end}`;
    if (type === FRAME.ping || type === FRAME.settings) return `${stream} ${name}${end}`;
    const numbers = Array.from({ length: payload.length / 4 }, (_, index) => payload.readUInt32BE(4 * index));
    return `${stream} ${name} ${numbers.join(" ")}`;
  }
}

/** A header block that begins with giving up the dynamic table. */
export function withoutTable(block: Buffer): Buffer {
  return Buffer.concat([NO_TABLE, block]);
}
