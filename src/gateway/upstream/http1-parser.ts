/** Incremental parser of HTTP/1.1 responses (RFC 9112): bytes in, head, payload and end out. It does no I/O. */
import type { HeaderMap } from "../../wire/headers.ts";
import { ChunkedReader } from "../../wire/http1-chunks.ts";
import { CHUNKED } from "../../wire/http1-fields.ts";
import { invalidAnswer } from "./failure.ts";
import { parseHead, UNTIL_CLOSE } from "./http1-head.ts";

/** Told what a parser finds. */
export interface ResponseSink {
  onHead(status: number, headers: HeaderMap): void;
  /** Payload of one `read`, joined; at most one call per `read`. A part of what was read, so copy what is kept. */
  onData(chunk: Buffer): void;
  /** The message is complete; the parser may be reset in here. */
  onEnd(): void;
}

/** Most bytes of all heads of one response. */
const HEAD_BYTES_MAX = 64 * 1024;

const HEAD_START = Buffer.from("HTTP/1.");
const HEAD_END = Buffer.from("\r\n\r\n");

const State = {
  head: 0,
  /** `#left` bytes of payload to come, then the end. */
  sized: 1,
  untilClose: 2,
  chunked: 3,
  ended: 4,
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
  readonly #chunks = new ChunkedReader("server", invalidAnswer);
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
    let at = 0;
    while (this.#state === State.head) {
      at = this.#readHead(bytes, at);
      if (at < 0) return;
    }
    if (this.#state === State.chunked) at = this.#readChunks(bytes, at);
    else if (this.#state !== State.ended) at = this.#readPayload(bytes, at);

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
    if (head.bodyBytes === CHUNKED) {
      this.#chunks.reset();
      this.#state = State.chunked;
    } else if (head.bodyBytes === UNTIL_CLOSE) this.#state = State.untilClose;
    else this.#state = head.bodyBytes === 0 ? State.ended : State.sized;
    this.answered = true;
    this.#sink.onHead(head.status, head.headers);
  }

  /** Reads a body without framing of its own; returns where it stopped. */
  #readPayload(bytes: Buffer, at: number): number {
    let end = bytes.length;
    if (this.#state === State.sized) {
      end = Math.min(end, at + this.#left);
      this.#left -= end - at;
      if (this.#left === 0) this.#state = State.ended;
    }
    if (end > at) this.#sink.onData(bytes.subarray(at, end));
    return end;
  }

  #readChunks(bytes: Buffer, at: number): number {
    const chunks = this.#chunks;
    const end = chunks.read(bytes, at);
    if (chunks.ended) this.#state = State.ended;
    const { payloadStart, payloadEnd } = chunks;
    if (payloadEnd > payloadStart) this.#sink.onData(bytes.subarray(payloadStart, payloadEnd));
    return end;
  }
}
