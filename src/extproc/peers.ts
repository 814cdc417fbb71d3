/**
 * The other processes that serve the same Envoy. Envoy spreads its calls over all of them, and an attempt needs what the
 * process knows that admitted its request: a call that comes to another one is passed on to it.
 */
import type { IncomingHttpHeaders } from "node:http";
import { type ClientHttp2Session, connect } from "node:http2";
import { GRPC_STATUS, type GrpcHandler, type GrpcStream } from "../grpc/grpc.ts";
import { MessageReader } from "../grpc/message-reader.ts";

/** Where the processes are. */
export interface PeerAddresses {
  /** Index of this process. */
  readonly self: number;
  /** Path of a process's own Unix socket; undefined when there is no such process. */
  socketOf(process: number): string | undefined;
}

/** A process that serves an Envoy alone. */
export const ALONE: PeerAddresses = { self: 0, socketOf: () => undefined };

const MESSAGE_BYTES_MAX = 128 * 1024 * 1024;
const PREFIX_BYTES = 5;

/** Connections to the other processes, made when they are first needed. */
export class Peers {
  readonly self: number;
  /** Indexes of the other processes. */
  readonly others: readonly number[];
  readonly #addresses: PeerAddresses;
  readonly #sessions = new Map<number, ClientHttp2Session>();

  constructor(addresses: PeerAddresses) {
    this.self = addresses.self;
    const others: number[] = [];
    for (let i = 0; addresses.socketOf(i) !== undefined; i++) if (i !== this.self) others.push(i);
    this.others = others;
    this.#addresses = addresses;
  }

  /** Passes a call on to the process that it is for; undefined when there is no such process. */
  forward(process: number, stream: GrpcStream): GrpcHandler | undefined {
    const known = this.#sessions.get(process);
    // One that is told to go away takes no more calls, and may have some for long.
    const session = known === undefined || known.closed || known.destroyed ? this.#connect(process) : known;
    return session && new ForwardedCall(session, stream);
  }

  close(): void {
    for (const session of this.#sessions.values()) session.destroy();
  }

  #connect(process: number): ClientHttp2Session | undefined {
    const path = this.#addresses.socketOf(process);
    if (path === undefined) return undefined;
    const session = connect("http://localhost", { path });
    // Its calls are told on their own.
    session.on("error", () => session.destroy());
    session.on("close", () => {
      if (this.#sessions.get(process) === session) this.#sessions.delete(process);
    });
    session.unref();
    this.#sessions.set(process, session);
    return session;
  }
}

/** One call, message by message. */
class ForwardedCall implements GrpcHandler {
  readonly #stream: GrpcStream;
  readonly #onward;
  readonly #reader = new MessageReader(MESSAGE_BYTES_MAX);
  /** That the peer has ended the call with. */
  #status: number | undefined;

  constructor(session: ClientHttp2Session, stream: GrpcStream) {
    this.#stream = stream;
    const headers = Object.fromEntries(
      [...stream.headers].filter(([name]) => name !== ":scheme" && name !== ":authority"),
    );
    this.#onward = session.request(headers, { endStream: false });
    // The status comes with the trailers, or with the only headers there are.
    for (const event of ["response", "trailers"]) this.#onward.on(event, (told) => this.#readStatus(told));
    this.#onward.on("data", (bytes: Buffer) => this.#read(bytes));
    // That it closes, too, tells of an error.
    this.#onward.on("error", () => undefined);
    for (const event of ["end", "close"]) this.#onward.on(event, () => this.#over());
  }

  onMessage(message: Uint8Array): void {
    const prefix = Buffer.alloc(PREFIX_BYTES);
    prefix.writeUInt32BE(message.length, 1);
    this.#onward.write(prefix);
    // What is not written yet may outlive the call, and with it the message's memory.
    this.#onward.write(Buffer.from(message));
  }

  onEnd(): void {
    this.#onward.end();
  }

  onClose(): void {
    this.#onward.close();
  }

  #readStatus(told: IncomingHttpHeaders): void {
    const status = told["grpc-status"];
    if (status !== undefined) this.#status = Number(status);
  }

  /** Without a status the peer broke off: Envoy must not go on as if it had been told to. */
  #over(): void {
    if (this.#status !== undefined) this.#stream.end(this.#status);
    else this.#stream.end(GRPC_STATUS.unavailable, "the process that admitted the request is gone");
  }

  #read(bytes: Buffer): void {
    this.#reader.load(bytes, 0, bytes.length);
    for (let message = this.#reader.next(); message !== undefined; message = this.#reader.next()) {
      this.#stream.send(message);
    }
  }
}
