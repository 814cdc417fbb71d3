/** One HTTP/2 connection and the calls it carries at the same time. */
import { type ClientHttp2Session, type ClientHttp2Stream, connect, constants } from "node:http2";
import type { Socket } from "node:net";
import { TLSSocket } from "node:tls";
import { GatewayError } from "../../errors/gateway-error.ts";
import { HeaderMap } from "../../wire/headers.ts";
import type { Dial } from "./dial.ts";
import { connectionLost, connectTimeout, invalidAnswer } from "./failure.ts";
import { isHopByHop } from "./hop-by-hop.ts";
import type { UpstreamCall, UpstreamHandler } from "./upstream.ts";

/** What a paused call may have buffered (RFC 9113 section 5.2). */
const STREAM_WINDOW_BYTES = 256 * 1024;
/** Enough for many paused calls, so that they do not hold up the others. */
const CONNECTION_WINDOW_BYTES = 16 * 1024 * 1024;
/** Node's bound on what a connection holds in memory, in megabytes; above the window, or full windows would break it. */
const SESSION_MEMORY_MB = 64;
/** Stream numbers run out at 2^31, and only every other one is a client's (RFC 9113 section 5.1.1). */
const CALLS_MAX = 2 ** 29;
const HEADER_LIST_BYTES_MAX = 64 * 1024;

/** What a session tells its pool. */
export interface SessionOwner {
  /** The session can carry calls. */
  ready(session: Http2Session): void;
  /** A call has ended and left room. */
  released(session: Http2Session): void;
  /** The session takes no more calls; `error` tells why it never stood, if it did not. */
  closed(session: Http2Session, error: GatewayError | undefined): void;
  /** The peer did not look at the call: it may be tried again. */
  unsent(call: Http2Call): void;
  /** The caller does not want the answer any more. */
  abandoned(call: Http2Call): void;
}

/** A request on its way through a pool. */
export class Http2Call implements UpstreamCall {
  /** Alternating names and values, pseudo-headers first. */
  readonly headers: readonly string[];
  readonly body: Uint8Array;
  readonly handler: UpstreamHandler;
  readonly #owner: SessionOwner;
  /** The stream that carries it; undefined while it waits, and for ever once it has ended. */
  stream: CallStream | undefined;
  retried = false;
  /** What node:http2 still holds of a body is not told. */
  readonly isSent = false;

  constructor(owner: SessionOwner, headers: readonly string[], body: Uint8Array, handler: UpstreamHandler) {
    this.#owner = owner;
    this.headers = headers;
    this.body = body;
    this.handler = handler;
  }

  abort(): void {
    this.#owner.abandoned(this);
  }

  pause(): void {
    this.stream?.pause();
  }

  resume(): void {
    this.stream?.resume();
  }
}

/** A connection, from dialling to its end. */
export class Http2Session {
  readonly #owner: SessionOwner;
  readonly #session: ClientHttp2Session;
  #connectTimer: NodeJS.Timeout | undefined;
  #cause: unknown;
  #gone = false;
  #active = 0;
  #begun = 0;
  #unheard = false;

  /** When an idle session is to be closed, on the pool's clock. */
  idleUntilMs = 0;

  constructor(owner: SessionOwner, dial: Dial) {
    this.#owner = owner;
    const socket = dial.open();
    const session = connect("http://upstream", {
      createConnection: () => socket,
      maxSessionMemory: SESSION_MEMORY_MB,
      settings: { enablePush: false, initialWindowSize: STREAM_WINDOW_BYTES, maxHeaderListSize: HEADER_LIST_BYTES_MAX },
    });
    this.#session = session;
    this.#connectTimer = setTimeout(() => this.#fail(connectTimeout()), dial.connectTimeoutMs);
    session.once("connect", () => this.#connected(socket));
    // The peer's settings are its first frame (RFC 9113 section 3.4); before them, how much it takes is not known.
    session.once("remoteSettings", () => this.#ready());
    session.on("goaway", () => this.#close());
    session.on("error", (error) => this.#fail(error));
    session.on("close", () => this.#close());
  }

  get connecting(): boolean {
    return this.#connectTimer !== undefined;
  }

  get idle(): boolean {
    return this.#active === 0 && !this.connecting;
  }

  /** Whether the peer takes a further call now. */
  get hasRoom(): boolean {
    if (this.#gone || this.connecting || this.#session.closed || this.#session.destroyed) return false;
    return this.#active < (this.#session.remoteSettings.maxConcurrentStreams ?? Number.POSITIVE_INFINITY);
  }

  /** Carries a call. */
  begin(call: Http2Call): void {
    if (this.#active === 0) this.#unheard = this.#begun > 0;
    this.#begun += 1;
    this.#active += 1;
    const stream = this.#session.request(call.headers, { endStream: call.body.length === 0 });
    call.stream = new CallStream(this, call, stream);
    if (call.body.length > 0) stream.end(call.body);
    if (this.#begun === CALLS_MAX) this.close();
  }

  /** Takes no more calls; those under way go on. */
  close(): void {
    this.#close();
    if (!this.#session.destroyed) this.#session.close();
  }

  /** A call has left the session. */
  left(): void {
    this.#active -= 1;
    if (!this.#gone) this.#owner.released(this);
  }

  /** The peer has answered something. */
  heard(): void {
    this.#unheard = false;
  }

  /** The peer did not look at the call: it refused it, or a kept session turned out to be dead. */
  unsent(call: Http2Call): void {
    this.#owner.unsent(call);
  }

  /** Whether the session broke after an idle time, before any answer. Streams hear of it before the session does. */
  get foundDead(): boolean {
    return this.#session.destroyed && this.#unheard;
  }

  /** What broke the session, for calls that broke with it. */
  get cause(): unknown {
    return this.#cause;
  }

  #connected(socket: Socket): void {
    // A peer that does not speak HTTP/2 leaves the protocol open (RFC 7301 section 3.2).
    if (socket instanceof TLSSocket && socket.alpnProtocol !== "h2")
      this.#fail(new Error("the peer does not offer h2"));
    else this.#session.setLocalWindowSize(CONNECTION_WINDOW_BYTES);
  }

  #ready(): void {
    clearTimeout(this.#connectTimer);
    this.#connectTimer = undefined;
    if (!this.#gone) this.#owner.ready(this);
  }

  #fail(cause: unknown): void {
    this.#cause ??= cause;
    this.#close();
    this.#session.destroy();
  }

  #close(): void {
    if (this.#gone) return;
    this.#gone = true;
    const neverStood = this.connecting;
    clearTimeout(this.#connectTimer);
    this.#connectTimer = undefined;
    this.#owner.closed(this, neverStood ? brokenBy(this.#cause, "connecting") : undefined);
  }
}

/** A call's stream: tells the handler what comes, and exactly once how it ends. */
class CallStream {
  readonly #session: Http2Session;
  readonly #call: Http2Call;
  readonly #stream: ClientHttp2Stream;
  #answered = false;
  #over = false;
  /** Bytes still to come by content-length; NaN where there is none. */
  #left = Number.NaN;

  constructor(session: Http2Session, call: Http2Call, stream: ClientHttp2Stream) {
    this.#session = session;
    this.#call = call;
    this.#stream = stream;
    stream.on("response", (headers, _flags, raw) => this.#onHead(Number(headers[":status"]), raw));
    stream.on("data", (chunk: Buffer) => this.#onData(chunk));
    stream.on("end", () => this.#onEnd());
    stream.on("error", (error) => this.#onBroken(error));
    stream.on("close", () => this.#onBroken(undefined));
  }

  pause(): void {
    this.#stream.pause();
  }

  resume(): void {
    this.#stream.resume();
  }

  /** Resets the stream; nothing more is told. */
  cancel(): void {
    if (this.#finish()) this.#session.left();
  }

  #onHead(status: number, raw: readonly string[]): void {
    if (this.#over) return;
    this.#answered = true;
    this.#session.heard();
    const headers = new HeaderMap();
    for (let i = 0; i < raw.length; i += 2) {
      const name = raw[i] as string;
      if (!name.startsWith(":") && !isHopByHop(name)) headers.append(name, raw[i + 1] as string);
    }
    // The length of a 304 is that of another answer (RFC 9110 section 8.6).
    if (status !== 204 && status !== 304) this.#left = Number(headers.get("content-length") ?? Number.NaN);
    this.#guard(() => this.#call.handler.onHead(status, headers));
  }

  #onData(chunk: Buffer): void {
    if (this.#over) return;
    this.#left -= chunk.length;
    this.#guard(() => this.#call.handler.onData(chunk));
  }

  #onEnd(): void {
    // Node also ends the readable side of a stream that was reset or whose connection broke.
    const whole = this.#answered && this.#stream.rstCode === constants.NGHTTP2_NO_ERROR && !(this.#left > 0);
    if (!whole) {
      this.#onBroken(undefined);
      return;
    }
    if (!this.#finish()) return;
    this.#session.left();
    this.#call.handler.onEnd();
  }

  #onBroken(cause: unknown): void {
    const untouched = this.#stream.rstCode === constants.NGHTTP2_REFUSED_STREAM || this.#session.foundDead;
    if (!this.#finish()) return;
    this.#session.left();
    if (untouched && !this.#answered && !this.#call.retried) this.#session.unsent(this.#call);
    else this.#call.handler.onError(brokenBy(this.#session.cause ?? cause, this.#answered ? "answering" : "waiting"));
  }

  /** A handler's own failure ends its call, not the process. */
  #guard(tell: () => void): void {
    try {
      tell();
    } catch (thrown) {
      this.cancel();
      this.#call.handler.onError(GatewayError.from(thrown));
    }
  }

  /** Parts call and stream; false when that is done already. */
  #finish(): boolean {
    if (this.#over) return false;
    this.#over = true;
    this.#call.stream = undefined;
    // A request that is not sent to its end, aborted or answered early, is ended here. Closing alone would leave a stream
    // with unsent bytes in memory for as long as its session lives.
    if (!this.#stream.writableFinished || !this.#stream.readableEnded) {
      this.#stream.close(constants.NGHTTP2_CANCEL);
      this.#stream.destroy();
    }
    return true;
  }
}

/** nghttp2's own complaints have this code: what came was no HTTP/2. */
function brokenBy(cause: unknown, progress: "connecting" | "waiting" | "answering"): GatewayError {
  if (cause instanceof GatewayError) return cause;
  const code = (cause as NodeJS.ErrnoException | undefined)?.code;
  return code === "ERR_HTTP2_ERROR" ? invalidAnswer("HTTP/2 framing", cause) : connectionLost(progress, cause);
}
