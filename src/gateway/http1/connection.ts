/** One HTTP/1.1 connection of a caller: reads requests, one after the other, and carries their answers. */
import type { Socket } from "node:net";
import { GatewayError } from "../../errors/gateway-error.ts";
import { ChunkedReader } from "../../wire/http1-chunks.ts";
import { CHUNKED } from "../../wire/http1-fields.ts";
import { BodyCollector } from "../body-collector.ts";
import type { Caller } from "../caller.ts";
import { malformed } from "../malformed.ts";
import { HeadReader } from "./head-reader.ts";
import type { ParsedHead } from "./request-head.ts";
import { type Carrier, ServedRequest } from "./served-request.ts";

/** Bytes of further requests that are kept while one is served. */
const AHEAD_BYTES_MAX = 64 * 1024;
/** From this much on, what is missing of a body is read straight into its memory. */
const DIRECT_BYTES_MIN = 8 * 1024;

/** Longest wait for the head of a request, in milliseconds. */
export const HEAD_TIMEOUT_MS = 10_000;
/** Longer than the load balancers in front keep a connection idle, so that they close it and not we. */
const KEEP_ALIVE_MS = 75_000;
/** How long a caller has to take note of an answer after which nothing more is read. */
const LINGER_MS = 2_000;
/** How long a whole answer may wait for a caller that reads nothing of it. */
const STALL_MS = 300_000;

const NOTHING = Buffer.alloc(0);

/** What a connection belongs to. */
export interface ConnectionOwner {
  /** Largest request body taken, in bytes. */
  readonly bodyBytesMax: number;
  /** No more requests are taken. */
  readonly closing: boolean;
  /** Serves a request; everything it says comes through its handler. */
  serve(caller: Caller): void;
  /** The answer, in HTTP/1.1, to bytes that never became a request. */
  refuse(error: GatewayError): Buffer;
  /** The connection is gone. */
  closed(connection: Http1Connection): void;
}

/** A connection, from its first byte to its end. */
export class Http1Connection implements Carrier {
  readonly keepAliveSeconds = KEEP_ALIVE_MS / 1000;
  /** Place in the owner's list; the owner's own. */
  slot = -1;
  readonly #owner: ConnectionOwner;
  readonly #socket: Socket;
  readonly #heads = new HeadReader();
  #chunks: ChunkedReader | undefined;
  #request: ServedRequest | undefined;
  #head: ParsedHead | undefined;
  /** Bytes of the request's body to come, CHUNKED while chunks do. */
  #bodyLeft = 0;
  #collector: BodyCollector | undefined;
  /** Bytes that came while a request was being served. */
  #ahead: Buffer = NOTHING;
  /** A request is being served whose body nobody has asked for yet. */
  #isDeferred = false;
  #isConsuming = false;
  #closesAfter = false;
  /** The answer is written, but not gone yet. */
  #isFlushing = false;
  /** The last answer is written: what comes is thrown away until the caller closes. */
  #isLingering = false;
  /** When the time that is limited began, as far as {@link tick} has seen; undefined = it has not yet. */
  #sinceMs: number | undefined;

  constructor(owner: ConnectionOwner, socket: Socket) {
    this.#owner = owner;
    this.#socket = socket;
    socket.on("drain", () => this.#request?.handler?.onDrained());
    socket.on("end", () => this.#readEnd());
    // Its close tells the same story; without a listener the error would end the process.
    socket.on("error", () => undefined);
    socket.on("close", () => this.#gone());
  }

  /** Whether it waits for a request of which nothing has come. */
  get idle(): boolean {
    return this.#request === undefined && !this.#heads.begun && !this.#isLingering;
  }

  get address(): string | undefined {
    return this.#socket.remoteAddress;
  }

  get closes(): boolean {
    return this.#closesAfter || this.#bodyLeft !== 0 || this.#head?.persistent !== true || this.#owner.closing;
  }

  closeAfter(): void {
    this.#closesAfter = true;
  }

  destroy(): void {
    this.#socket.destroy();
  }

  /** Memory that the next read may go to straight, undefined where it has to go elsewhere. */
  room(): Buffer | undefined {
    return this.#bodyLeft >= DIRECT_BYTES_MIN ? this.#collector?.room() : undefined;
  }

  /** Takes in what was read into `room`. */
  readInto(bytes: number): void {
    // What an answer did not wait for is of no use any more.
    if (this.#collector === undefined) return;
    this.#collector.wrote(bytes);
    this.#bodyLeft -= bytes;
    if (this.#bodyLeft === 0) this.#bodyRead();
  }

  /** Takes what one read brought; nothing of its memory is kept. */
  read(bytes: Buffer): void {
    if (this.#isLingering) return;
    if (this.#request !== undefined && (this.#isDeferred || this.#bodyLeft === 0)) this.#keep(bytes);
    else this.#consume(bytes);
  }

  write(bytes: Buffer): boolean {
    return this.#socket.write(bytes);
  }

  cork(): void {
    this.#socket.cork();
  }

  uncork(): void {
    this.#socket.uncork();
  }

  collect(): BodyCollector {
    const left = this.#bodyLeft;
    const collector = new BodyCollector(left === CHUNKED ? undefined : left, this.#owner.bodyBytesMax);
    this.#collector = collector;
    // Once whoever asks has it.
    if (this.#isDeferred) process.nextTick(readDeferred, this);
    return collector;
  }

  written(request: ServedRequest): void {
    // Nobody takes it any more; the close that follows ends the request.
    if (this.#socket.destroyed) return;
    this.#closesAfter = this.closes;
    this.#isDeferred = false;
    this.#collector = undefined;
    if (this.#socket.writableLength === 0) {
      this.#finish(request, true);
      return;
    }
    this.#isFlushing = true;
    this.#sinceMs = undefined;
    // Told when everything before it has gone. Most answers are gone at once, and without a callback cost less.
    this.#socket.write(NOTHING, (error) => this.#finish(request, error == null));
  }

  /** Looks at the time limits. */
  tick(nowMs: number): void {
    const isServing = this.#request !== undefined && !this.#isFlushing;
    if (isServing) return;
    if (this.#sinceMs === undefined) {
      this.#sinceMs = nowMs;
      return;
    }
    const forMs = nowMs - this.#sinceMs;
    if (this.#isLingering) {
      if (forMs > LINGER_MS) this.destroy();
    } else if (this.#isFlushing) {
      if (forMs > STALL_MS) this.destroy();
    } else if (this.#heads.begun) {
      if (forMs > HEAD_TIMEOUT_MS) {
        this.#refuse(new GatewayError("request_timeout", "the request head did not arrive in time"));
      }
    } else if (forMs > KEEP_ALIVE_MS) this.destroy();
  }

  /** Reads as many requests as the bytes hold; one that is not answered at once ends it. */
  #consume(bytes: Buffer): void {
    this.#isConsuming = true;
    try {
      let at = 0;
      while (at < bytes.length && !this.#isLingering) {
        if (this.#request === undefined) at = this.#readHead(bytes, at);
        else if (this.#bodyLeft !== 0 && !this.#isDeferred) at = this.#readBody(bytes, at);
        else {
          this.#keep(bytes.subarray(at));
          break;
        }
      }
    } catch (thrown) {
      this.#fail(GatewayError.from(thrown));
    } finally {
      this.#isConsuming = false;
    }
  }

  #readHead(bytes: Buffer, at: number): number {
    if (!this.#heads.begun) this.#sinceMs = undefined;
    const end = this.#heads.read(bytes, at);
    const head = this.#heads.take();
    if (head !== undefined) this.#begin(head);
    return end;
  }

  #begin(head: ParsedHead): void {
    const request = new ServedRequest(this, head);
    this.#request = request;
    this.#head = head;
    this.#bodyLeft = head.bodyBytes;
    if (head.bodyBytes === CHUNKED) {
      this.#chunks ??= new ChunkedReader("client", malformed);
      this.#chunks.reset();
    }
    this.#owner.serve(request);
    if (this.#request !== request) return;
    this.#isDeferred = this.#collector === undefined && !this.#isFlushing;
    if (this.#bodyLeft === 0 && !this.#isDeferred) this.#bodyRead();
  }

  /** Goes on to the body of a request that was not asked for when its head came. */
  readDeferred(): void {
    if (!this.#isDeferred || this.#collector === undefined) return;
    this.#isDeferred = false;
    if (this.#bodyLeft === 0) this.#bodyRead();
    else this.#goOn();
  }

  #readBody(bytes: Buffer, at: number): number {
    const end = this.#bodyLeft === CHUNKED ? this.#readChunks(bytes, at) : this.#readSized(bytes, at);
    if (this.#bodyLeft === 0) this.#bodyRead();
    return end;
  }

  #readSized(bytes: Buffer, at: number): number {
    const end = Math.min(bytes.length, at + this.#bodyLeft);
    this.#collector?.push(bytes.subarray(at, end));
    this.#bodyLeft -= end - at;
    return end;
  }

  #readChunks(bytes: Buffer, at: number): number {
    const chunks = this.#chunks as ChunkedReader;
    const end = chunks.read(bytes, at);
    const { payloadStart, payloadEnd, ended } = chunks;
    if (payloadEnd > payloadStart) this.#collector?.push(bytes.subarray(payloadStart, payloadEnd));
    if (ended) this.#bodyLeft = 0;
    return end;
  }

  #bodyRead(): void {
    const collector = this.#collector;
    this.#collector = undefined;
    if (collector !== undefined) this.#request?.handler?.onBody(collector.body());
  }

  /** Keeps bytes that are not wanted yet. The socket is read on as long as there is room, to see the caller leave. */
  #keep(bytes: Buffer): void {
    this.#ahead = Buffer.concat([this.#ahead, bytes]);
    if (this.#ahead.length > AHEAD_BYTES_MAX) this.#socket.pause();
  }

  #fail(error: GatewayError): void {
    const handler = this.#request?.handler;
    // A good head whose body is not: its call answers.
    if (handler !== undefined) handler.onBodyError(error);
    else this.#refuse(error);
  }

  #refuse(error: GatewayError): void {
    this.#socket.write(this.#owner.refuse(error));
    this.#linger();
  }

  #finish(request: ServedRequest, delivered: boolean): void {
    if (this.#request !== request) return;
    this.#request = undefined;
    this.#head = undefined;
    this.#isFlushing = false;
    this.#sinceMs = undefined;
    request.end(delivered);
    if (this.#closesAfter) this.#linger();
    else if (!this.#isConsuming) this.#goOn();
  }

  #goOn(): void {
    const bytes = this.#ahead;
    if (bytes.length === 0) return;
    this.#ahead = NOTHING;
    this.#socket.resume();
    this.#consume(bytes);
  }

  /**
   * Ends our side and waits for the caller to end its own: closing while it still sends would make its system throw away the
   * answer (RFC 9112 section 9.6).
   */
  #linger(): void {
    this.#isLingering = true;
    this.#ahead = NOTHING;
    this.#sinceMs = undefined;
    this.#socket.resume();
    this.#socket.end();
  }

  /** The caller has ended its side. As for node:http it has left then: who only will not send more cannot be told apart. */
  #readEnd(): void {
    if (this.#isLingering) this.destroy();
    else if (this.#isFlushing) this.#closesAfter = true;
    else if (this.#isDeferred) this.destroy();
    else if (this.#request !== undefined && this.#bodyLeft !== 0) this.#fail(malformed("the body is cut off"));
    else if (this.#heads.begun) this.#refuse(malformed("the head is cut off"));
    else this.destroy();
  }

  #gone(): void {
    const request = this.#request;
    this.#request = undefined;
    this.#collector = undefined;
    this.#isDeferred = false;
    this.#ahead = NOTHING;
    this.#isLingering = true;
    request?.end(false);
    this.#owner.closed(this);
  }
}

function readDeferred(connection: Http1Connection): void {
  connection.readDeferred();
}
