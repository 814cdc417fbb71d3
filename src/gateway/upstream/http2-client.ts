/** HTTP/2 client of one endpoint: few connections, each with as many calls at once as its peer takes. */
import type { GatewayError } from "../../errors/gateway-error.ts";
import type { Dial } from "./dial.ts";
import { tooManyWaiting } from "./failure.ts";
import { Http2Call, Http2Session, type SessionOwner } from "./http2-session.ts";
import type { ClientLimits } from "./limits.ts";
import { checkHeader, checkTarget } from "./request-guard.ts";
import type { UpstreamCall, UpstreamClient, UpstreamHandler, UpstreamRequest } from "./upstream.ts";

/** How long a session without calls is kept. */
const IDLE_MS = 60_000;
const SWEEP_MS = 1_000;

/** Sends requests to one endpoint over HTTP/2. */
export class Http2Client implements UpstreamClient, SessionOwner {
  readonly #dial: Dial;
  readonly #limits: ClientLimits;
  readonly #sessions = new Set<Http2Session>();
  /** In order of arrival. */
  readonly #waiting = new Set<Http2Call>();
  #sweeper: NodeJS.Timeout | undefined;
  #closed = false;

  constructor(dial: Dial, limits: ClientLimits) {
    this.#dial = dial;
    this.#limits = limits;
  }

  send(request: UpstreamRequest, handler: UpstreamHandler): UpstreamCall {
    const headers = requestHeaders(request, this.#dial);
    const call = new Http2Call(this, headers, request.body, handler);
    const session = this.#sessionWithRoom();
    if (session !== undefined) session.begin(call);
    else if (this.#waiting.size >= this.#limits.waitingMax) throw tooManyWaiting();
    else this.#enqueue(call);
    return call;
  }

  close(): void {
    this.#closed = true;
    clearInterval(this.#sweeper);
    this.#sweeper = undefined;
    // Those that are to carry a waiting call close when it has ended.
    if (this.#waiting.size === 0) for (const session of [...this.#sessions]) session.close();
  }

  ready(session: Http2Session): void {
    this.#serveWaiting();
    if (session.idle) this.released(session);
  }

  released(session: Http2Session): void {
    this.#serveWaiting();
    if (!session.idle) return;
    if (this.#closed) {
      session.close();
      return;
    }
    session.idleUntilMs = this.#limits.nowMs() + IDLE_MS;
    this.#sweeper ??= setInterval(() => this.#sweep(), SWEEP_MS).unref();
  }

  closed(session: Http2Session, error: GatewayError | undefined): void {
    this.#sessions.delete(session);
    if (error === undefined) {
      this.#dialForWaiting();
      return;
    }
    const failed = [...this.#waiting];
    this.#waiting.clear();
    for (const call of failed) call.handler.onError(error);
  }

  unsent(call: Http2Call): void {
    call.retried = true;
    const session = this.#sessionWithRoom();
    if (session === undefined) this.#enqueue(call);
    else session.begin(call);
  }

  abandoned(call: Http2Call): void {
    if (call.stream !== undefined) call.stream.cancel();
    else this.#waiting.delete(call);
  }

  #enqueue(call: Http2Call): void {
    this.#waiting.add(call);
    this.#dialForWaiting();
  }

  /** Opens a session when calls wait and none is on its way; one at a time, because each takes many calls. */
  #dialForWaiting(): void {
    if (this.#waiting.size === 0 || this.#sessions.size >= this.#limits.connectionsMax) return;
    for (const session of this.#sessions) if (session.connecting) return;
    this.#sessions.add(new Http2Session(this, this.#dial));
  }

  #serveWaiting(): void {
    for (const call of this.#waiting) {
      const session = this.#sessionWithRoom();
      if (session === undefined) break;
      this.#waiting.delete(call);
      session.begin(call);
    }
    this.#dialForWaiting();
  }

  #sessionWithRoom(): Http2Session | undefined {
    for (const session of this.#sessions) if (session.hasRoom) return session;
    return undefined;
  }

  #sweep(): void {
    const nowMs = this.#limits.nowMs();
    for (const session of [...this.#sessions]) if (session.idle && session.idleUntilMs <= nowMs) session.close();
    if (this.#sessions.size > 0) return;
    clearInterval(this.#sweeper);
    this.#sweeper = undefined;
  }
}

function requestHeaders(request: UpstreamRequest, dial: Dial): string[] {
  const { method, path, body } = request;
  checkTarget(method, path);
  const { scheme, endpoint } = dial;
  const headers = [":method", method, ":scheme", scheme, ":authority", endpoint.authority, ":path", path];
  const { flat } = request.headers;
  for (let i = 0; i < flat.length; i += 2) {
    const name = flat[i] as string;
    const value = flat[i + 1] as string;
    if (checkHeader(name, value)) headers.push(name, value);
  }
  if (body.length > 0) headers.push("content-length", String(body.length));
  return headers;
}
