/** One request of an HTTP/1.1 connection and its answer. */
import type { HeaderMap } from "../../wire/headers.ts";
import { asBuffer } from "../../wire/sse.ts";
import type { BodyCollector } from "../body-collector.ts";
import type { Caller, CallerHandler } from "../caller.ts";
import { encodeHead } from "./answer-head.ts";
import type { ParsedHead } from "./request-head.ts";

/** Up to this size, copying payload behind its head costs less than a second buffer in the write. */
const COPIED_BYTES_MAX = 16 * 1024;

const LAST_CHUNK = "0\r\n\r\n";
const CONTINUE = Buffer.from("HTTP/1.1 100 Continue\r\n\r\n");

/** What a request needs of the connection it came on. */
export interface Carrier {
  /** IP address at the other end. */
  readonly address: string | undefined;
  /** Starts to gather the body. Throws GatewayError `body_too_large`. */
  collect(): BodyCollector;
  /** Whether the connection ends with this answer. */
  readonly closes: boolean;
  /** Ends the connection with this answer. */
  closeAfter(): void;
  /** Ends the connection at once, answered or not. */
  destroy(): void;
  /** What `keep-alive` says to callers. */
  readonly keepAliveSeconds: number;
  /** False when what is written waits in memory. */
  write(bytes: Buffer): boolean;
  /** Keeps what is written from leaving until `uncork`. */
  cork(): void;
  uncork(): void;
  /** The answer has been written to its end. */
  written(request: ServedRequest): void;
}

/** A request being served. */
export class ServedRequest implements Caller {
  readonly #head: ParsedHead;
  /** Undefined for ever when the request has ended, so that nothing of it gets into another one's answer. */
  #carrier: Carrier | undefined;
  #collector: BodyCollector | undefined;
  #handler: CallerHandler | undefined;
  /** What leaves with the next flush: a head, payload, and the end of the answer. */
  #text = "";
  #payload: Uint8Array[] = [];
  #payloadBytes = 0;
  #isLast = false;
  #isFlushing = false;
  #isChunked = false;

  constructor(carrier: Carrier, head: ParsedHead) {
    this.#carrier = carrier;
    this.#head = head;
  }

  get address(): string | undefined {
    return this.#carrier?.address;
  }

  get method(): string {
    return this.#head.method;
  }

  get target(): string {
    return this.#head.target;
  }

  get host(): string {
    return this.#head.host;
  }

  get headers(): HeaderMap {
    return this.#head.headers;
  }

  get bodyBytes(): number {
    return this.#collector?.length ?? 0;
  }

  /** The one who serves it; undefined until then, and when the request has ended. */
  get handler(): CallerHandler | undefined {
    return this.#handler;
  }

  serve(handler: CallerHandler): void {
    this.#handler = handler;
  }

  readBody(): void {
    const carrier = this.#carrier;
    if (carrier === undefined) return;
    this.#collector = carrier.collect();
    if (this.#head.expectsContinue) carrier.write(CONTINUE);
  }

  releaseBody(): void {
    this.#collector?.release();
  }

  reply(status: number, headers: string[], body: Uint8Array): void {
    const carrier = this.#carrier;
    if (carrier === undefined) return;
    // A 204 has no length (RFC 9110 section 8.6), and an answer to HEAD only says it.
    const length = status === 204 ? "" : `content-length: ${body.length}\r\n`;
    this.#text = encodeHead(status, headers, length + connectionLines(carrier));
    if (this.#head.method !== "HEAD" && status !== 204) this.#add(body);
    this.#isLast = true;
    this.#flush();
  }

  streamHead(status: number, headers: string[]): void {
    const carrier = this.#carrier;
    if (carrier === undefined) return;
    // HTTP/1.0 knows no chunks: there the connection's end is the answer's.
    this.#isChunked = this.#head.isVersion11;
    if (!this.#isChunked) carrier.closeAfter();
    const framing = this.#isChunked ? "transfer-encoding: chunked\r\n" : "";
    this.#text = encodeHead(status, headers, framing + connectionLines(carrier));
    this.#flushSoon();
  }

  streamData(bytes: Uint8Array): void {
    if (this.#carrier === undefined) return;
    this.#add(bytes);
    this.#flushSoon();
  }

  streamEnd(): void {
    if (this.#carrier === undefined) return;
    this.#isLast = true;
    this.#flush();
  }

  streamCut(): void {
    this.#carrier?.destroy();
  }

  /** Ends the request; what it still has to say is not sent. */
  end(delivered: boolean): void {
    const handler = this.#handler;
    this.#carrier = undefined;
    this.#handler = undefined;
    this.#payload = [];
    handler?.onClose(delivered);
  }

  #add(bytes: Uint8Array): void {
    if (bytes.length === 0) return;
    this.#payload.push(bytes);
    this.#payloadBytes += bytes.length;
  }

  /** Flushes when all that one read of the provider's connection brings has been added: a head leaves with the first event. */
  #flushSoon(): void {
    if (this.#isFlushing) return;
    this.#isFlushing = true;
    process.nextTick(flushLater, this);
  }

  /** Sends what `#flushSoon` has put off. */
  flushNow(): void {
    if (this.#carrier !== undefined && this.#isFlushing) this.#flush();
  }

  #flush(): void {
    const carrier = this.#carrier;
    if (carrier === undefined) return;
    this.#isFlushing = false;
    const [before, after] = this.#framing();
    const took =
      this.#payloadBytes <= COPIED_BYTES_MAX ? this.#writeJoined(before, after) : this.#writeApart(before, after);
    this.#text = "";
    this.#payload = [];
    this.#payloadBytes = 0;
    if (this.#isLast) carrier.written(this);
    else if (!took) this.#handler?.onBlocked();
  }

  /** What stands before and after the payload of this flush. */
  #framing(): [before: string, after: string] {
    if (!this.#isChunked) return [this.#text, ""];
    const last = this.#isLast ? LAST_CHUNK : "";
    if (this.#payloadBytes === 0) return [this.#text + last, ""];
    return [`${this.#text}${this.#payloadBytes.toString(16)}\r\n`, `\r\n${last}`];
  }

  #writeJoined(before: string, after: string): boolean {
    const bytes = Buffer.allocUnsafe(before.length + this.#payloadBytes + after.length);
    if (bytes.length === 0) return true;
    let at = bytes.write(before, "latin1");
    for (const part of this.#payload) {
      bytes.set(part, at);
      at += part.length;
    }
    bytes.write(after, at, "latin1");
    return this.#carrier?.write(bytes) ?? true;
  }

  #writeApart(before: string, after: string): boolean {
    const carrier = this.#carrier;
    if (carrier === undefined) return true;
    carrier.cork();
    carrier.write(Buffer.from(before, "latin1"));
    let took = true;
    for (const part of this.#payload) took = carrier.write(asBuffer(part));
    if (after !== "") took = carrier.write(Buffer.from(after, "latin1"));
    carrier.uncork();
    return took;
  }
}

function flushLater(request: ServedRequest): void {
  request.flushNow();
}

function connectionLines({ closes, keepAliveSeconds }: Carrier): string {
  return closes ? "connection: close\r\n" : `connection: keep-alive\r\nkeep-alive: timeout=${keepAliveSeconds}\r\n`;
}
