/** One call: an HTTP/2 stream with gRPC messages in both directions. */
import { type FrameWriter, PREFIX_BYTES } from "./frame-writer.ts";
import { FLAG, FRAME, WINDOW_MAX } from "./frames.ts";
import { GRPC_STATUS, type GrpcHandler, type GrpcStream } from "./grpc.ts";
import { CallFault, MessageReader } from "./message-reader.ts";
import { endBlock, RESPONSE_HEADERS } from "./response-blocks.ts";

/** What a stream needs of its connection. */
export interface StreamOwner {
  readonly writer: FrameWriter;
  readonly messageBytesMax: number;
  /** The largest frame the peer takes. */
  readonly peerFrameBytesMax: number;
  /** How many more bytes of DATA the peer takes on all streams. */
  peerWindow: number;
  /** Something was written. */
  wrote(): void;
  /** So many more bytes (or fewer, when negative) wait for the peer's flow control. */
  waits(bytes: number): void;
  /** The stream is to be told by `flush` when the connection's window opens. */
  blocked(stream: ServerStream): void;
  /** The stream is over. */
  closed(stream: ServerStream): void;
  /** A handler threw. */
  failed(error: unknown): void;
}

/** A call from its headers to its end; `peer…` is about what the peer takes, the rest about what it sends. */
export class ServerStream implements GrpcStream {
  readonly id: number;
  readonly headers: ReadonlyMap<string, string>;
  /** How many more bytes of DATA the peer takes on this stream; negative when it has taken back what it allowed. */
  peerWindow: number;
  /** Received since the peer's window was last opened. */
  receivedBytes = 0;
  /** Whether the peer has sent its last frame. */
  peerEnded = false;
  /** Whether it is in its connection's list of blocked streams. */
  blocked = false;
  /** Belongs to the table of streams. */
  nextInBucket: ServerStream | undefined;

  readonly #owner: StreamOwner;
  readonly #reader: MessageReader;
  #handler: GrpcHandler | undefined;
  #headersSent = false;
  /** Messages that wait for flow control, and how much of the first, prefix included, is sent. */
  #queue: Uint8Array[] | undefined;
  #sentBytes = 0;
  #queuedBytes = 0;
  /** What is sent when the queue is empty. */
  #endBlock: Buffer | undefined;
  #over = false;

  constructor(owner: StreamOwner, id: number, headers: ReadonlyMap<string, string>, peerWindow: number) {
    this.#owner = owner;
    this.id = id;
    this.headers = headers;
    this.peerWindow = peerWindow;
    this.#reader = new MessageReader(owner.messageBytesMax);
  }

  /** Makes the handler. */
  open(method: (stream: GrpcStream) => GrpcHandler): void {
    try {
      this.#handler = method(this);
    } catch (error) {
      this.#fail(error);
    }
    // Ended while it was made.
    if (this.#over) this.#tellClosed();
  }

  send(message: Uint8Array): void {
    if (this.#ended) return;
    const owner = this.#owner;
    const bytes = PREFIX_BYTES + message.length;
    if (!this.#headersSent) {
      this.#headersSent = true;
      owner.writer.frame(FRAME.headers, FLAG.endHeaders, this.id, RESPONSE_HEADERS);
    }
    if (this.#queue === undefined && bytes <= this.#room) {
      this.#spend(bytes);
      owner.writer.message(this.id, message);
    } else {
      this.#queue ??= [];
      this.#queue.push(message);
      this.#queuedBytes += bytes;
      owner.waits(bytes);
      this.flush();
    }
    owner.wrote();
  }

  end(status: number, message?: string): void {
    if (this.#ended) return;
    this.#endBlock = endBlock(this.#headersSent, status, message);
    if (this.#queue === undefined) this.#finish(this.#endBlock);
  }

  /** Takes DATA. */
  receive(bytes: Buffer, start: number, end: number): void {
    if (this.#ended) return;
    const reader = this.#reader;
    reader.load(bytes, start, end);
    try {
      for (let message = reader.next(); message !== undefined; message = reader.next()) {
        this.#handler?.onMessage(message);
        if (this.#ended) return;
      }
    } catch (error) {
      this.#fail(error);
    }
  }

  /** The peer has sent its last frame. */
  receiveEnd(): void {
    this.peerEnded = true;
    if (this.#ended) return;
    if (this.#reader.partial) {
      this.end(GRPC_STATUS.internal, "the last message is not whole");
      return;
    }
    try {
      this.#handler?.onEnd();
    } catch (error) {
      this.#fail(error);
    }
  }

  /** Sends what the peer's flow control lets through. */
  flush(): void {
    const queue = this.#queue;
    if (queue === undefined || this.#over) return;
    for (let message = queue[0]; message !== undefined; message = queue[0]) {
      const total = PREFIX_BYTES + message.length;
      const count = Math.min(total - this.#sentBytes, this.#room);
      if (count <= 0) {
        // A window of the stream's own that opens is told to this stream alone.
        if (this.#owner.peerWindow <= 0) this.#owner.blocked(this);
        return;
      }
      this.#spend(count);
      this.#queuedBytes -= count;
      this.#owner.waits(-count);
      this.#owner.writer.part(this.id, message, this.#sentBytes, count);
      this.#sentBytes += count;
      if (this.#sentBytes < total) continue;
      this.#sentBytes = 0;
      queue.shift();
    }
    this.#queue = undefined;
    if (this.#endBlock !== undefined) this.#finish(this.#endBlock);
  }

  /** Opens the window by so many bytes; false when the peer opens it too far (RFC 9113 section 6.9.1). */
  allow(bytes: number): boolean {
    this.peerWindow += bytes;
    return this.peerWindow <= WINDOW_MAX;
  }

  /** The call is over without another word to the peer. */
  close(): void {
    if (this.#over) return;
    this.#over = true;
    if (this.#queuedBytes > 0) this.#owner.waits(-this.#queuedBytes);
    this.#queue = undefined;
    this.#owner.closed(this);
    this.#tellClosed();
  }

  /** Whether all that the peer is to be told is decided. */
  get #ended(): boolean {
    return this.#over || this.#endBlock !== undefined;
  }

  /** How large a frame of DATA may be now. */
  get #room(): number {
    return Math.min(this.peerWindow, this.#owner.peerWindow, this.#owner.peerFrameBytesMax);
  }

  #spend(bytes: number): void {
    this.peerWindow -= bytes;
    this.#owner.peerWindow -= bytes;
  }

  #finish(block: Buffer): void {
    this.#owner.writer.frame(FRAME.headers, FLAG.endHeaders | FLAG.endStream, this.id, block);
    this.#owner.wrote();
    this.close();
  }

  #fail(error: unknown): void {
    if (error instanceof CallFault) {
      this.end(error.status, error.message);
      return;
    }
    this.#owner.failed(error);
    this.end(GRPC_STATUS.internal, "internal error");
  }

  #tellClosed(): void {
    const handler = this.#handler;
    this.#handler = undefined;
    try {
      handler?.onClose();
    } catch (error) {
      this.#owner.failed(error);
    }
    this.#reader.release();
  }
}
