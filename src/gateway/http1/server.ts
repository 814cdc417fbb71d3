/**
 * HTTP/1.1 for callers, on sockets: our own parser, because a request's cost is what stands around its two system calls.
 * It takes less than node:http does (docs/decisions/2026-11-21-http-stack.md).
 */
import type { Socket } from "node:net";
import { type ConnectionOwner, Http1Connection } from "./connection.ts";
import { readFrom } from "./read-from.ts";

/** How late a time limit of a connection may be noticed, at most twice. */
const SWEEP_MS = 1_000;

/** What a server is made with. */
export type ServerOptions = Pick<ConnectionOwner, "serve" | "refuse"> & {
  /** Largest request body taken, in bytes. */
  readonly bodyBytesMax: () => number;
  /** Monotonic milliseconds. */
  readonly nowMs: () => number;
};

/** The connections of one listener. */
export class Http1Server implements ConnectionOwner {
  readonly serve: ConnectionOwner["serve"];
  readonly refuse: ConnectionOwner["refuse"];
  readonly #bodyBytesMax: () => number;
  readonly #nowMs: () => number;
  /** Dense, with removal in constant time, as in ActiveCalls. */
  readonly #connections: Http1Connection[] = [];
  #sweeper: NodeJS.Timeout | undefined;
  closing = false;

  constructor({ bodyBytesMax, serve, refuse, nowMs }: ServerOptions) {
    this.#bodyBytesMax = bodyBytesMax;
    this.serve = serve;
    this.refuse = refuse;
    this.#nowMs = nowMs;
  }

  get bodyBytesMax(): number {
    return this.#bodyBytesMax();
  }

  /** Open connections. */
  get size(): number {
    return this.#connections.length;
  }

  /** Takes over a connection, of which `first` has been read. */
  accept(socket: Socket, first: Buffer): void {
    const connection = readFrom(socket, (own) => new Http1Connection(this, own));
    connection.slot = this.#connections.push(connection) - 1;
    this.#sweeper ??= setInterval(() => this.sweep(), SWEEP_MS).unref();
    connection.read(first);
  }

  /** Looks at the time limits of every connection. */
  sweep(): void {
    const nowMs = this.#nowMs();
    for (const connection of this.#connections.slice()) connection.tick(nowMs);
  }

  /** Takes no more requests: closes idle connections now, the others after the answer they are in. */
  close(): void {
    this.closing = true;
    for (const connection of this.#connections.slice()) if (connection.idle) connection.destroy();
  }

  /** Ends every connection. */
  destroy(): void {
    for (const connection of this.#connections.slice()) connection.destroy();
  }

  closed({ slot }: Http1Connection): void {
    const last = this.#connections.pop();
    if (last !== undefined && last.slot !== slot) {
      this.#connections[slot] = last;
      last.slot = slot;
    }
    if (this.#connections.length > 0) return;
    clearInterval(this.#sweeper);
    this.#sweeper = undefined;
  }
}
