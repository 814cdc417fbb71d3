/** For tests: a caller that is no socket, whose reads and writes are cut as a test says, and calls that do as they are told. */
import type { Socket } from "node:net";
import { Duplex } from "node:stream";
import type { GatewayError } from "../../errors/gateway-error.ts";
import type { Caller, CallerHandler } from "../caller.ts";
import { type ConnectionOwner, Http1Connection } from "./connection.ts";

/** What a call was told, and the caller it may answer. */
export class ScriptedCall implements CallerHandler {
  readonly caller: Caller;
  readonly events: string[] = [];
  body: Buffer | undefined;
  error: GatewayError | undefined;
  readonly #script: Script;

  constructor(caller: Caller, script: Script) {
    this.caller = caller;
    this.#script = script;
  }

  onBody(body: Buffer): void {
    this.body = Buffer.from(body);
    this.events.push("body");
    this.#script.onBody?.(this);
  }

  onBodyError(error: GatewayError): void {
    this.error = error;
    this.events.push("error");
    this.reply(String(error.httpStatus), error.httpStatus);
  }

  onBlocked(): void {
    this.events.push("blocked");
  }

  onDrained(): void {
    this.events.push("drained");
  }

  onClose(delivered: boolean): void {
    this.events.push(delivered ? "delivered" : "lost");
    this.#script.onClose?.(this);
  }

  reply(text = "ok", status = 200): void {
    this.caller.reply(status, ["x-a", "b"], Buffer.from(text));
  }
}

/** What calls do. */
export interface Script {
  /** When a head has come; asks for the body unless told. */
  readonly onHead?: (call: ScriptedCall) => void;
  readonly onBody?: (call: ScriptedCall) => void;
  readonly onClose?: (call: ScriptedCall) => void;
}

/** Answers every request with what it was. */
export const ECHO: Script = {
  onBody: (call) => {
    const { method, target, host, headers } = call.caller;
    call.reply(JSON.stringify({ method, target, host, headers: headers.flat, body: call.body?.toString("latin1") }));
  },
};

/** A connection without a network. */
export class ScriptedCaller implements ConnectionOwner {
  readonly calls: ScriptedCall[] = [];
  readonly refused: GatewayError[] = [];
  readonly connection: Http1Connection;
  readonly socket: FakeSocket;
  bodyBytesMax = 1_000_000;
  closing = false;
  isClosed = false;
  readonly #script: Script;

  constructor(script: Script = ECHO) {
    this.#script = script;
    this.socket = new FakeSocket();
    this.connection = new Http1Connection(this, this.socket as unknown as Socket);
    this.socket.resume();
  }

  /** The one call, or the one of this number. */
  call(index = 0): ScriptedCall {
    const call = this.calls[index];
    if (call === undefined) throw new Error(`there is no call ${index}`);
    return call;
  }

  /** Everything written to the caller so far. */
  get seen(): string {
    return Buffer.concat(this.socket.written).toString("latin1");
  }

  /** Sends pieces, each as one read, in memory that is written over afterwards. */
  send(...pieces: (string | Uint8Array)[]): this {
    for (const piece of pieces) {
      const memory = Buffer.from(typeof piece === "string" ? Buffer.from(piece, "latin1") : piece);
      this.connection.read(memory);
      memory.fill("!");
    }
    return this;
  }

  serve(caller: Caller): void {
    const call = new ScriptedCall(caller, this.#script);
    this.calls.push(call);
    caller.serve(call);
    if (this.#script.onHead !== undefined) this.#script.onHead(call);
    else caller.readBody();
  }

  refuse(error: GatewayError): Buffer {
    this.refused.push(error);
    return Buffer.from(`refused ${error.httpStatus}`);
  }

  closed(): void {
    this.isClosed = true;
  }
}

/** A socket that keeps what is written, and can hold it back. */
class FakeSocket extends Duplex {
  /** Writes that reached the system. */
  readonly written: Buffer[] = [];
  #isStuck = false;
  #waiting: (() => void) | undefined;

  constructor() {
    super({ allowHalfOpen: true, decodeStrings: true });
  }

  /** The caller stops to read, or goes on. */
  set stuck(isStuck: boolean) {
    this.#isStuck = isStuck;
    if (isStuck) return;
    const waiting = this.#waiting;
    this.#waiting = undefined;
    waiting?.();
  }

  override _read(): void {
    // What comes is passed to the connection by the test.
  }

  override _write(bytes: Buffer, _encoding: string, done: () => void): void {
    const write = () => {
      this.written.push(bytes);
      done();
    };
    if (this.#isStuck) this.#waiting = write;
    else write();
  }

  override _final(done: () => void): void {
    done();
  }
}
