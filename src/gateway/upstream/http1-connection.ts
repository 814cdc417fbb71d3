/** One HTTP/1.1 connection: carries one call at a time, and goes back to its pool when the answer is whole. */
import type { Socket } from "node:net";
import { GatewayError } from "../../errors/gateway-error.ts";
import type { HeaderMap } from "../../wire/headers.ts";
import type { Dial } from "./dial.ts";
import { connectionLost, connectTimeout } from "./failure.ts";
import { Http1Parser, type ResponseSink } from "./http1-parser.ts";
import type { UpstreamCall, UpstreamHandler } from "./upstream.ts";

/** Up to this size a body is copied behind its head: one buffer is cheaper to write than two. */
const COPIED_BODY_BYTES_MAX = 16 * 1024;

/** What a connection tells its pool. */
export interface ConnectionOwner {
  /** The connection can carry another call. */
  released(connection: Http1Connection): void;
  /** The connection is gone; told before what became of its call. */
  closed(connection: Http1Connection): void;
  /** A kept connection turned out to be dead before it brought a byte: the call may be tried on another one. */
  unsent(call: Http1Call): void;
  /** The caller does not want the answer any more. */
  abandoned(call: Http1Call): void;
}

/** A request on its way through a pool. */
export class Http1Call implements UpstreamCall {
  /** Head as latin1 text. */
  readonly head: string;
  readonly body: Uint8Array;
  readonly handler: UpstreamHandler;
  readonly #owner: ConnectionOwner;
  /** The connection that carries it; undefined while it waits, and for ever once it has ended. */
  connection: Http1Connection | undefined;
  retried = false;
  isSent = false;

  constructor(owner: ConnectionOwner, head: string, body: Uint8Array, handler: UpstreamHandler) {
    this.#owner = owner;
    this.head = head;
    this.body = body;
    this.handler = handler;
  }

  abort(): void {
    this.#owner.abandoned(this);
  }

  pause(): void {
    this.connection?.pause();
  }

  resume(): void {
    this.connection?.resume();
  }
}

/** A connection, from dialling to its end. */
export class Http1Connection implements ResponseSink {
  readonly #owner: ConnectionOwner;
  readonly #socket: Socket;
  readonly #parser = new Http1Parser(this);
  #call: Http1Call | undefined;
  #connectTimer: NodeJS.Timeout | undefined;
  /** Whether it has carried a call before the present one. */
  #reused = false;
  #paused = false;
  #gone = false;

  /** When an idle connection is to be closed, on the pool's clock. */
  idleUntilMs = 0;

  /** Dials, and sends the call as soon as the connection stands. */
  constructor(owner: ConnectionOwner, dial: Dial, call: Http1Call) {
    this.#owner = owner;
    this.#call = call;
    call.connection = this;
    const socket = dial.open((bytes) => this.#read(bytes));
    this.#socket = socket;
    this.#connectTimer = setTimeout(() => this.#end(connectTimeout()), dial.connectTimeoutMs);
    // Nothing is written before the handshake and the peer's certificate are known to be good.
    socket.once(dial.readyEvent, () => this.#connected());
    socket.on("end", () => this.#readEnd());
    socket.on("error", (error) => this.#end(error));
    socket.on("close", () => this.#end(undefined));
  }

  /** How long the peer says it keeps this connection when idle. */
  get keepAliveMs(): number | undefined {
    return this.#parser.keepAliveMs;
  }

  /** Carries a further call. */
  begin(call: Http1Call): void {
    this.#reused = true;
    this.#call = call;
    call.connection = this;
    this.#send(call);
  }

  pause(): void {
    this.#paused = true;
    this.#socket.pause();
  }

  resume(): void {
    this.#paused = false;
    this.#socket.resume();
  }

  /** Ends the connection; a call it carries hears nothing more. */
  destroy(): void {
    if (this.#call !== undefined) this.#call.connection = undefined;
    this.#call = undefined;
    this.#end(undefined);
  }

  #connected(): void {
    clearTimeout(this.#connectTimer);
    this.#connectTimer = undefined;
    if (this.#call !== undefined) this.#send(this.#call);
  }

  #send(call: Http1Call): void {
    const { head, body } = call;
    const socket = this.#socket;
    this.#parser.reset();
    if (body.length <= COPIED_BODY_BYTES_MAX) {
      const bytes = Buffer.allocUnsafe(head.length + body.length);
      bytes.write(head, "latin1");
      bytes.set(body, head.length);
      socket.write(bytes);
      return;
    }
    socket.cork();
    socket.write(head, "latin1");
    socket.write(body);
    socket.uncork();
  }

  #read(bytes: Buffer): void {
    const call = this.#call;
    if (call === undefined) {
      // What an idle peer says answers nothing; mostly it is a 408 before it closes.
      this.#end(undefined);
      return;
    }
    try {
      this.#parser.read(bytes);
    } catch (thrown) {
      // A handler's own failure ends its call; one in onEnd has no call left to end.
      if (this.#call !== call) throw thrown;
      this.#end(GatewayError.from(thrown));
    }
  }

  #readEnd(): void {
    if (this.#call !== undefined) this.#parser.readEnd();
    this.#end(undefined);
  }

  onHead(status: number, headers: HeaderMap): void {
    this.#call?.handler.onHead(status, headers);
  }

  onData(chunk: Buffer): void {
    this.#call?.handler.onData(Buffer.from(chunk));
  }

  onEnd(): void {
    const call = this.#call;
    if (call === undefined) return;
    this.#call = undefined;
    call.connection = undefined;
    if (this.#paused) this.resume();
    // An answer that came before the whole request was sent leaves a connection in the middle of a message.
    const isWritten = this.#socket.writableLength === 0;
    call.isSent = isWritten && !call.retried;
    if (this.#parser.reusable && isWritten) this.#owner.released(this);
    else this.#end(undefined);
    call.handler.onEnd();
  }

  /** @param cause What ended the connection; a GatewayError is told as it is. */
  #end(cause: unknown): void {
    if (this.#gone) return;
    this.#gone = true;
    const connecting = this.#connectTimer !== undefined;
    clearTimeout(this.#connectTimer);
    this.#socket.destroy();
    const call = this.#call;
    this.#call = undefined;
    this.#owner.closed(this);
    if (call === undefined) return;
    call.connection = undefined;
    const { begun, answered } = this.#parser;
    const told = cause instanceof GatewayError;
    const error = told ? cause : connectionLost(connecting ? "connecting" : answered ? "answering" : "waiting", cause);
    if (this.#reused && !begun && !told && !call.retried) this.#owner.unsent(call);
    else call.handler.onError(error);
  }
}
