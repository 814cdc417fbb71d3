import { malformed } from "../malformed.ts";
import { HeadMemory } from "./head-memory.ts";
import { HEAD_BYTES_MAX, headersTooLarge, type ParsedHead, parseHead } from "./request-head.ts";

const HEAD_END = Buffer.from("\r\n\r\n");
/** First memory for a head that comes in pieces. */
const PIECES_BYTES = 1024;
/** Longest method. */
const METHOD_BYTES_MAX = 20;
/** What a request may look like as far as it has come; also the beginning of an empty line. */
const METHOD_SO_FAR = /^(?:[A-Z]{1,20}(?: |$)|\r$)/;
const NOTHING = Buffer.alloc(0);

const CR = 0x0d;
const LF = 0x0a;

/** Reads the heads of a connection's requests, cut anywhere. */
export class HeadReader {
  readonly #memory = new HeadMemory();
  /** A head that came in pieces, as far as it has come. */
  #pieces: Buffer = NOTHING;
  #length = 0;
  #head: ParsedHead | undefined;

  /** Whether a head has begun and not ended. */
  get begun(): boolean {
    return this.#length > 0;
  }

  /** The head that the last `read` completed, if it did. */
  take(): ParsedHead | undefined {
    const head = this.#head;
    this.#head = undefined;
    return head;
  }

  /** Reads from `at` on; returns where it stopped. Throws GatewayError `invalid_request`, `headers_too_large`. */
  read(bytes: Buffer, at: number): number {
    if (this.#length > 0) return this.#readOn(bytes, at);
    const head = this.#memory.recall(bytes, at);
    if (head !== undefined) {
      this.#head = head;
      return this.#memory.end;
    }
    // Empty lines before a request are read over (RFC 9112 section 2.2).
    let start = at;
    while (bytes[start] === CR && bytes[start + 1] === LF) start += 2;
    const end = bytes.indexOf(HEAD_END, start);
    if (end < 0) {
      if (start < bytes.length) {
        this.#append(bytes, start);
        this.#checkPieces(0);
      }
      return bytes.length;
    }
    this.#parse(bytes.subarray(start, end + HEAD_END.length));
    return end + HEAD_END.length;
  }

  #readOn(bytes: Buffer, at: number): number {
    const before = this.#length;
    if (before === 1 && this.#pieces[0] === CR && bytes[at] === LF) {
      this.#length = 0;
      return at + 1;
    }
    this.#append(bytes, at);
    const end = this.#pieces.subarray(0, this.#length).indexOf(HEAD_END, Math.max(0, before - HEAD_END.length + 1));
    if (end < 0) {
      this.#checkPieces(before);
      return bytes.length;
    }
    const head = this.#pieces.subarray(0, end + HEAD_END.length);
    this.#pieces = NOTHING;
    this.#length = 0;
    this.#parse(head);
    return at + end + HEAD_END.length - before;
  }

  /** Keeps what has come of a head, and what has come behind it with its end. */
  #append(bytes: Buffer, at: number): void {
    const before = this.#length;
    this.#length += bytes.length - at;
    if (this.#length > this.#pieces.length) {
      const grown = Buffer.allocUnsafeSlow(Math.max(this.#length, 2 * this.#pieces.length, PIECES_BYTES));
      this.#pieces.copy(grown, 0, 0, before);
      this.#pieces = grown;
    }
    bytes.copy(this.#pieces, before, at);
  }

  /** Refuses what cannot become a head, without waiting for more; what stands before `before` is checked. */
  #checkPieces(before: number): void {
    const pieces = this.#pieces.subarray(0, this.#length);
    if (before < METHOD_BYTES_MAX && !METHOD_SO_FAR.test(pieces.toString("latin1", 0, METHOD_BYTES_MAX + 1))) {
      throw malformed("request line");
    }
    for (let lf = pieces.indexOf(LF, before); lf >= 0; lf = pieces.indexOf(LF, lf + 1)) {
      if (pieces[lf - 1] !== CR) throw malformed("line end");
    }
    if (pieces.length > HEAD_BYTES_MAX) throw headersTooLarge();
  }

  #parse(bytes: Buffer): void {
    if (bytes.length > HEAD_BYTES_MAX) throw headersTooLarge();
    const head = parseHead(bytes.subarray(0, bytes.length - 2));
    this.#memory.keep(head, bytes);
    this.#head = head;
  }
}
