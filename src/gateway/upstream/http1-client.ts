/** HTTP/1.1 client of one endpoint: a pool of kept connections, one call at a time on each. No pipelining. */
import type { Dial } from "./dial.ts";
import { tooManyWaiting } from "./failure.ts";
import { type ConnectionOwner, Http1Call, Http1Connection } from "./http1-connection.ts";
import { encodeHead } from "./http1-request.ts";
import type { ClientLimits } from "./limits.ts";
import type { UpstreamCall, UpstreamClient, UpstreamHandler, UpstreamRequest } from "./upstream.ts";

/** How long an idle connection is kept where the peer says nothing. */
const IDLE_MS = 60_000;
/** How much earlier than the peer we let go of an idle connection, so that no request meets its closing. */
const KEEP_ALIVE_MARGIN_MS = 1_000;
const SWEEP_MS = 1_000;

/** Sends requests to one endpoint over HTTP/1.1. */
export class Http1Client implements UpstreamClient, ConnectionOwner {
  readonly #dial: Dial;
  readonly #limits: ClientLimits;
  /** The one used last is taken first, so that those not needed grow old. */
  readonly #idle: Http1Connection[] = [];
  /** In order of arrival. */
  readonly #waiting = new Set<Http1Call>();
  #open = 0;
  #sweeper: NodeJS.Timeout | undefined;
  #closed = false;

  constructor(dial: Dial, limits: ClientLimits) {
    this.#dial = dial;
    this.#limits = limits;
  }

  send(request: UpstreamRequest, handler: UpstreamHandler): UpstreamCall {
    const head = encodeHead(request, this.#dial.endpoint.authority);
    const call = new Http1Call(this, head, request.body, handler);
    const idle = this.#takeIdle();
    if (idle !== undefined) idle.begin(call);
    else if (this.#open < this.#limits.connectionsMax) this.#connect(call);
    else if (this.#waiting.size < this.#limits.waitingMax) this.#waiting.add(call);
    else throw tooManyWaiting();
    return call;
  }

  close(): void {
    this.#closed = true;
    for (const connection of this.#idle.splice(0)) connection.destroy();
    clearInterval(this.#sweeper);
    this.#sweeper = undefined;
  }

  released(connection: Http1Connection): void {
    const keepMs = Math.min(IDLE_MS, (connection.keepAliveMs ?? Number.POSITIVE_INFINITY) - KEEP_ALIVE_MARGIN_MS);
    if (this.#closed || keepMs <= 0) {
      connection.destroy();
      return;
    }
    const next = this.#takeWaiting();
    if (next !== undefined) {
      connection.begin(next);
      return;
    }
    connection.idleUntilMs = this.#limits.nowMs() + keepMs;
    this.#idle.push(connection);
    this.#sweeper ??= setInterval(() => this.#sweep(), SWEEP_MS).unref();
  }

  closed(connection: Http1Connection): void {
    this.#open -= 1;
    const at = this.#idle.lastIndexOf(connection);
    if (at >= 0) this.#idle.splice(at, 1);
    const next = this.#takeWaiting();
    if (next !== undefined) this.#connect(next);
  }

  unsent(call: Http1Call): void {
    call.retried = true;
    // Not on another kept connection: it may have died of the same cause.
    this.#connect(call);
  }

  abandoned(call: Http1Call): void {
    if (call.connection !== undefined) call.connection.destroy();
    else this.#waiting.delete(call);
  }

  #connect(call: Http1Call): void {
    new Http1Connection(this, this.#dial, call);
    this.#open += 1;
  }

  #takeIdle(): Http1Connection | undefined {
    const nowMs = this.#limits.nowMs();
    for (;;) {
      const connection = this.#idle.pop();
      if (connection === undefined || connection.idleUntilMs > nowMs) return connection;
      connection.destroy();
    }
  }

  #takeWaiting(): Http1Call | undefined {
    for (const call of this.#waiting) {
      this.#waiting.delete(call);
      return call;
    }
    return undefined;
  }

  #sweep(): void {
    const nowMs = this.#limits.nowMs();
    for (const connection of this.#idle.filter((kept) => kept.idleUntilMs <= nowMs)) connection.destroy();
    if (this.#idle.length > 0) return;
    clearInterval(this.#sweeper);
    this.#sweeper = undefined;
  }
}
