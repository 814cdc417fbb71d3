/** One HTTP/2 connection of a client: its settings, flow control and streams (RFC 9113). */
import { Socket } from "node:net";
import type { Duplex } from "node:stream";
import { readAccepted } from "../wire/accepted-socket.ts";
import type { Admissions } from "./admission.ts";
import { type Frame, FrameReader, type FrameSink } from "./frame-reader.ts";
import { FrameWriter } from "./frame-writer.ts";
import { ConnectionFault, FLAG, FRAME, FRAME_BYTES_MAX, HTTP2_ERROR, SETTING, WINDOW_MAX } from "./frames.ts";
import { HEADER_LIST_BYTES_MAX, HpackDecoder } from "./hpack.ts";
import { ServerStream, type StreamOwner } from "./server-stream.ts";
import { StreamTable } from "./stream-table.ts";

/** How far a peer may be ahead on one stream and on all together; opened again when half is used. */
const STREAM_WINDOW_BYTES = 16 * 1024 * 1024;
const CONNECTION_WINDOW_BYTES = 64 * 1024 * 1024;
/** What both windows are before anybody says otherwise (RFC 9113 section 6.9.2). */
const WINDOW_BYTES_DEFAULT = 65_535;
/** An Envoy has one connection per worker, with a stream for every request in flight. */
const STREAMS_MAX = 100_000;
const PEER_FRAME_BYTES_DEFAULT = 16_384;
const PEER_FRAME_BYTES_MAX = 0xffffff;
const SETTING_BYTES = 6;
const PING_BYTES = 8;
/** One for all connections: a read fills it, and is taken out of it before the next. */
const READ_BUFFER = Buffer.allocUnsafeSlow(64 * 1024);
/** How long a peer that broke the protocol gets to read why. */
const FAREWELL_MS = 1000;

const SETTINGS = settings([
  // No table that both sides would have to keep alike: the same header block then always means the same.
  [SETTING.headerTableSize, 0],
  [SETTING.streamsMax, STREAMS_MAX],
  [SETTING.initialWindow, STREAM_WINDOW_BYTES],
  [SETTING.frameBytesMax, FRAME_BYTES_MAX],
  [SETTING.headerListBytesMax, HEADER_LIST_BYTES_MAX],
]);
/** Content of the PING whose answer says that the peer knows we are going. */
const DRAIN_PING = Buffer.from("draining", "latin1");
const NOTHING = Buffer.alloc(0);

/** What a connection needs of its server. */
export interface ConnectionOwner {
  readonly admissions: Admissions;
  readonly messageBytesMax: number;
  /** Bytes that may wait for a peer before it counts as gone. */
  readonly queuedBytesMax: number;
  /** A handler threw. */
  failed(error: unknown): void;
  /** The connection is gone, and all its streams with it. */
  closed(connection: Connection): void;
}

/** A connection from its first byte to its last. */
export class Connection implements FrameSink, StreamOwner {
  readonly writer = new FrameWriter();
  readonly messageBytesMax: number;
  peerFrameBytesMax = PEER_FRAME_BYTES_DEFAULT;
  peerWindow = WINDOW_BYTES_DEFAULT;

  readonly #owner: ConnectionOwner;
  readonly #socket: Duplex;
  readonly #reader = new FrameReader(this);
  readonly #decoder = new HpackDecoder();
  readonly #streams = new StreamTable();
  /** The window of a new stream. */
  #peerStreamWindow = WINDOW_BYTES_DEFAULT;
  /** The highest stream the peer has begun, and the highest that is still served. */
  #lastStream = 0;
  #lastServed = WINDOW_MAX;
  #receivedBytes = 0;
  #queuedBytes = 0;
  #blocked: ServerStream[] = [];
  /** Whether bytes of the peer are being read, or a flush is due: what is written then leaves later, together. */
  #gathering = false;
  #draining = false;
  /** Whether nothing is read or written any more. */
  #over = false;
  /** Whether its owner knows that it is gone. */
  #gone = false;
  #farewell: NodeJS.Timeout | undefined;

  constructor(owner: ConnectionOwner, accepted: Duplex) {
    this.#owner = owner;
    this.messageBytesMax = owner.messageBytesMax;
    const socket = this.#open(accepted);
    this.#socket = socket;
    // Followed by "close", which is all there is to do.
    socket.on("error", () => undefined);
    socket.on("close", () => this.#closed());
    this.writer.frame(FRAME.settings, 0, 0, SETTINGS);
    this.writer.number(FRAME.windowUpdate, 0, CONNECTION_WINDOW_BYTES - WINDOW_BYTES_DEFAULT);
    this.writer.flush(socket);
  }

  /** Makes the socket read, into shared memory where that can be done. */
  #open(accepted: Duplex): Duplex {
    const target = {
      buffer: () => READ_BUFFER,
      read: (length: number) => this.#read(READ_BUFFER.subarray(0, length)),
    };
    const socket = accepted instanceof Socket ? readAccepted(accepted, target) : undefined;
    if (socket !== undefined) {
      // Where memory of one's own is read into, the peer's end comes alone.
      socket.on("end", () => socket.end());
      return socket;
    }
    accepted.on("data", (bytes: Buffer) => this.#read(bytes));
    return accepted;
  }

  /** Number of open streams. */
  get streams(): number {
    return this.#streams.size;
  }

  /** Takes no more streams, and closes when the last has ended. */
  drain(): void {
    if (this.#draining || this.#over) return;
    this.#draining = true;
    // RFC 9113 section 6.8: first only a warning. What is already on its way has arrived when the PING is answered.
    this.#goaway(WINDOW_MAX, HTTP2_ERROR.none);
    this.writer.frame(FRAME.ping, 0, 0, DRAIN_PING);
    this.wrote();
  }

  /** Ends at once. */
  destroy(): void {
    this.#socket.destroy();
    this.#closed();
  }

  wrote(): void {
    if (this.#gathering) return;
    this.#gathering = true;
    // Everything that this turn of the event loop brings leaves together.
    setImmediate(this.#flush);
  }

  waits(bytes: number): void {
    this.#queuedBytes += bytes;
  }

  blocked(stream: ServerStream): void {
    if (stream.blocked) return;
    stream.blocked = true;
    this.#blocked.push(stream);
  }

  closed(stream: ServerStream): void {
    this.#streams.delete(stream);
    this.#endWhenDrained();
  }

  failed(error: unknown): void {
    this.#owner.failed(error);
  }

  data(frame: Frame): void {
    const { stream: id, last } = frame;
    if (last) this.#received(frame.length);
    const stream = this.#streams.get(id);
    if (stream === undefined) {
      // Of a stream that is over, something may still be on its way.
      if (id > this.#lastStream || (id & 1) === 0) throw new ConnectionFault(HTTP2_ERROR.protocol, "DATA on no stream");
      return;
    }
    if (stream.peerEnded) {
      this.#reset(stream, HTTP2_ERROR.streamClosed);
      return;
    }
    if (frame.end > frame.start) stream.receive(frame.bytes, frame.start, frame.end);
    if (!last) return;
    if ((frame.flags & FLAG.endStream) !== 0) {
      stream.receiveEnd();
      return;
    }
    stream.receivedBytes += frame.length;
    if (stream.receivedBytes < STREAM_WINDOW_BYTES / 2) return;
    this.writer.number(FRAME.windowUpdate, id, stream.receivedBytes);
    stream.receivedBytes = 0;
  }

  headers(frame: Frame): void {
    const { stream: id } = frame;
    const endStream = (frame.flags & FLAG.endStream) !== 0;
    if (id <= this.#lastStream) {
      this.#trailers(frame, endStream);
      return;
    }
    if ((id & 1) === 0) throw new ConnectionFault(HTTP2_ERROR.protocol, "a stream with an even number");
    this.#lastStream = id;
    const admission = this.#owner.admissions.of(frame, this.#decoder);
    if (id > this.#lastServed || this.#over) return;
    if (admission.kind === "malformed") {
      this.writer.number(FRAME.reset, id, HTTP2_ERROR.protocol);
    } else if (admission.kind === "answer") {
      this.writer.frame(FRAME.headers, FLAG.endHeaders | FLAG.endStream, id, admission.block);
    } else if (this.#streams.size >= STREAMS_MAX) {
      this.writer.number(FRAME.reset, id, HTTP2_ERROR.refusedStream);
    } else {
      const stream = new ServerStream(this, id, admission.headers, this.#peerStreamWindow);
      this.#streams.add(stream);
      stream.open(admission.method);
      if (endStream) stream.receiveEnd();
    }
  }

  control(frame: Frame): void {
    switch (frame.type) {
      case FRAME.reset:
        this.#peerReset(frame);
        break;
      case FRAME.settings:
        this.#settings(frame);
        break;
      case FRAME.pushPromise:
        throw new ConnectionFault(HTTP2_ERROR.protocol, "PUSH_PROMISE from a client");
      case FRAME.ping:
        this.#ping(frame);
        break;
      case FRAME.windowUpdate:
        this.#windowUpdate(frame);
        break;
      default:
      // GOAWAY: the peer begins no more streams, and those it has begun go on.
    }
  }

  #read(bytes: Buffer): void {
    if (this.#over) return;
    const flushDue = this.#gathering;
    this.#gathering = true;
    try {
      this.#reader.read(bytes);
    } catch (error) {
      if (!(error instanceof ConnectionFault)) throw error;
      this.#fault(error);
      return;
    }
    // A flush that was due before stays due; it will find nothing left.
    this.#send();
    this.#gathering = flushDue;
  }

  readonly #flush = (): void => {
    this.#gathering = false;
    this.#send();
  };

  #send(): void {
    if (this.#over) return;
    if (!this.writer.empty) this.writer.flush(this.#socket);
    // A peer that does not read would have us keep everything.
    if (this.#queuedBytes + this.#socket.writableLength > this.#owner.queuedBytesMax) this.destroy();
  }

  /** The peer broke the protocol: tells it why, and ends. */
  #fault(fault: ConnectionFault): void {
    this.#goaway(this.#lastStream, fault.code);
    this.writer.flush(this.#socket);
    this.#over = true;
    // Not destroyed at once: unread bytes would make the system drop what was just written.
    this.#socket.end();
    this.#farewell = setTimeout(() => this.#socket.destroy(), FAREWELL_MS).unref();
    for (const stream of this.#streams.all()) stream.close();
  }

  #closed(): void {
    if (this.#gone) return;
    this.#gone = true;
    clearTimeout(this.#farewell);
    this.#over = true;
    for (const stream of this.#streams.all()) stream.close();
    this.#owner.closed(this);
  }

  #goaway(lastStream: number, code: number): void {
    const payload = Buffer.allocUnsafe(8);
    payload.writeUInt32BE(code, payload.writeUInt32BE(lastStream, 0));
    this.writer.frame(FRAME.goaway, 0, 0, payload);
  }

  #endWhenDrained(): void {
    if (!this.#draining || this.#over || this.#lastServed === WINDOW_MAX || this.#streams.size > 0) return;
    this.#send();
    this.#over = true;
    this.#socket.end();
  }

  /** Counts DATA of any stream, known or not, so that the connection's window stays open. */
  #received(bytes: number): void {
    this.#receivedBytes += bytes;
    if (this.#receivedBytes < CONNECTION_WINDOW_BYTES / 2) return;
    this.writer.number(FRAME.windowUpdate, 0, this.#receivedBytes);
    this.#receivedBytes = 0;
  }

  #trailers(frame: Frame, endStream: boolean): void {
    // Read although nobody wants it: a block may change the dynamic table.
    this.#decoder.decode(frame.bytes.subarray(frame.start, frame.end));
    const stream = this.#streams.get(frame.stream);
    if (stream === undefined) return;
    if (!endStream) this.#reset(stream, HTTP2_ERROR.protocol);
    else if (stream.peerEnded) this.#reset(stream, HTTP2_ERROR.streamClosed);
    else stream.receiveEnd();
  }

  #reset(stream: ServerStream, code: number): void {
    this.writer.number(FRAME.reset, stream.id, code);
    stream.close();
  }

  #peerReset(frame: Frame): void {
    if (frame.length !== 4) throw new ConnectionFault(HTTP2_ERROR.frameSize, "RST_STREAM of a wrong length");
    if (frame.stream > this.#lastStream || frame.stream === 0) {
      throw new ConnectionFault(HTTP2_ERROR.protocol, "RST_STREAM on no stream");
    }
    this.#streams.get(frame.stream)?.close();
  }

  #ping(frame: Frame): void {
    if (frame.length !== PING_BYTES) throw new ConnectionFault(HTTP2_ERROR.frameSize, "PING of a wrong length");
    const content = frame.bytes.subarray(frame.start, frame.end);
    if ((frame.flags & FLAG.ack) === 0) {
      this.writer.frame(FRAME.ping, FLAG.ack, 0, content);
    } else if (this.#draining && DRAIN_PING.equals(content)) {
      this.#lastServed = this.#lastStream;
      this.#goaway(this.#lastServed, HTTP2_ERROR.none);
      this.#endWhenDrained();
    }
  }

  #windowUpdate(frame: Frame): void {
    if (frame.length !== 4) throw new ConnectionFault(HTTP2_ERROR.frameSize, "WINDOW_UPDATE of a wrong length");
    const bytes = frame.bytes.readUInt32BE(frame.start) & WINDOW_MAX;
    if (frame.stream === 0) {
      if (bytes === 0) throw new ConnectionFault(HTTP2_ERROR.protocol, "WINDOW_UPDATE by nothing");
      this.peerWindow += bytes;
      if (this.peerWindow > WINDOW_MAX) throw new ConnectionFault(HTTP2_ERROR.flowControl, "window too large");
      const blocked = this.#blocked;
      if (blocked.length === 0) return;
      this.#blocked = [];
      for (const stream of blocked) {
        stream.blocked = false;
        stream.flush();
      }
      return;
    }
    const stream = this.#streams.get(frame.stream);
    if (stream === undefined) {
      if (frame.stream > this.#lastStream)
        throw new ConnectionFault(HTTP2_ERROR.protocol, "WINDOW_UPDATE on no stream");
    } else if (bytes === 0) this.#reset(stream, HTTP2_ERROR.protocol);
    else if (stream.allow(bytes)) stream.flush();
    else this.#reset(stream, HTTP2_ERROR.flowControl);
  }

  #settings(frame: Frame): void {
    const ack = (frame.flags & FLAG.ack) !== 0;
    if (frame.length % SETTING_BYTES !== 0 || (ack && frame.length > 0)) {
      throw new ConnectionFault(HTTP2_ERROR.frameSize, "SETTINGS of a wrong length");
    }
    if (frame.stream !== 0) throw new ConnectionFault(HTTP2_ERROR.protocol, "SETTINGS on a stream");
    if (ack) {
      this.#decoder.forbidTable();
      return;
    }
    for (let at = frame.start; at < frame.end; at += SETTING_BYTES) {
      this.#setting(frame.bytes.readUInt16BE(at), frame.bytes.readUInt32BE(at + 2));
    }
    this.writer.frame(FRAME.settings, FLAG.ack, 0, NOTHING);
  }

  #setting(name: number, value: number): void {
    if (name === SETTING.frameBytesMax) {
      if (value < PEER_FRAME_BYTES_DEFAULT || value > PEER_FRAME_BYTES_MAX) {
        throw new ConnectionFault(HTTP2_ERROR.protocol, "MAX_FRAME_SIZE out of bounds");
      }
      this.peerFrameBytesMax = value;
    }
    if (name !== SETTING.initialWindow) return;
    if (value > WINDOW_MAX) throw new ConnectionFault(HTTP2_ERROR.flowControl, "INITIAL_WINDOW_SIZE out of bounds");
    const change = value - this.#peerStreamWindow;
    this.#peerStreamWindow = value;
    for (const stream of this.#streams.all()) {
      if (!stream.allow(change)) throw new ConnectionFault(HTTP2_ERROR.flowControl, "window too large");
      stream.flush();
    }
  }
}

function settings(entries: readonly (readonly [number, number])[]): Buffer {
  const payload = Buffer.allocUnsafe(entries.length * SETTING_BYTES);
  let at = 0;
  for (const [name, value] of entries) at = payload.writeUInt32BE(value, payload.writeUInt16BE(name, at));
  return payload;
}
