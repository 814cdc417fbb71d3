/** A request being served, as everyone but its own stream sees it: its attempts, the clock, and Envoy's access log. */
import type { BackendRef } from "../config/runtime-config.ts";
import { GatewayError } from "../errors/gateway-error.ts";
import type { Timed } from "../exchange/active-calls.ts";
import { type Attempt, beginAttempt } from "../exchange/attempt.ts";
import type { Awaitable } from "../exchange/awaitable.ts";
import type { Exchange } from "../exchange/exchange.ts";
import { prepareAttemptAt } from "../exchange/prepare-attempt.ts";
import { Responder } from "../exchange/respond.ts";
import { settle } from "../exchange/settle.ts";
import { overdue, type TimeLimits } from "../exchange/time-limits.ts";
import { HeaderMap } from "../wire/headers.ts";
import type { Answer } from "./answer.ts";
import type { AccessLogEntry } from "./codec/access-log-entry.ts";
import type { ProcessingResponse } from "./codec/messages.ts";
import type { StructMap } from "./codec/struct.ts";
import type { ExtProcHost } from "./host.ts";
import { localReplyError } from "./local-reply.ts";
import { noteAttempts } from "./note-attempts.ts";
import { refusal } from "./refusal.ts";
import { refOf } from "./request-edits.ts";

/** How long after its call a request's line in Envoy's access log may come. */
const LOG_WAIT_MS = 1000;

/** An entry of Envoy's access log that has no id of ours. */
export interface Supposed {
  readonly entry: AccessLogEntry;
  /** Another process has written the record of it. */
  readonly isRecorded: boolean;
}

/** It ends when Envoy has closed its call, and is settled once, however it went. */
export class RequestUnderWay implements Timed {
  slot = -1;
  /** By which its attempts and Envoy's access log find it. */
  readonly id: string;
  readonly exchange: Exchange;
  readonly responder: Responder;
  /** From when it is known which rule it falls under. */
  limits: TimeLimits | undefined;
  /** Why the last attempt could not begin. */
  refused: GatewayError | undefined;
  readonly #host: ExtProcHost;
  readonly #answer: Answer;
  /** When Envoy closed its call; undefined before. */
  #closedMs: number | undefined;
  #logged: AccessLogEntry | undefined;
  /** The same by an entry without an id: as long as the request may go on, it may be about another one like it. */
  #supposed: Supposed | undefined;
  /** Envoy is known to have the id, and names it in the log. */
  #named = false;

  constructor(host: ExtProcHost, exchange: Exchange, answer: Answer) {
    this.#host = host;
    this.#answer = answer;
    this.id = host.ids.next();
    this.exchange = exchange;
    this.responder = new Responder(exchange, answer);
    answer.begin(exchange);
  }

  /** Makes ready what an attempt at the backend that Envoy has chosen needs. */
  prepareAt(backendId: string, metadata: StructMap): Awaitable<BackendRef | undefined> {
    this.exchange.metadata = metadata;
    const ref = refOf(this.exchange, backendId);
    return ref && prepareAttemptAt(this.exchange, ref);
  }

  /** Begins it; its answer comes to the request's own stream. */
  attemptAt(backendId: string): Attempt {
    this.refused = undefined;
    return beginAttempt(this.exchange, refOf(this.exchange, backendId));
  }

  /** What Envoy is told where the attempt cannot begin. */
  refuse(thrown: unknown): ProcessingResponse {
    this.refused = GatewayError.from(thrown);
    return refusal(this.exchange, this.refused);
  }

  tick(nowMs: number): void {
    if (this.#closedMs !== undefined) {
      // Envoy has no access log, or it is lost: that the caller left is the likeliest.
      if (nowMs - this.#closedMs > LOG_WAIT_MS) this.#left();
      return;
    }
    if (this.limits === undefined || this.responder.done) return;
    const error = overdue(this.limits, this.exchange.record, this.responder.lastByteMs, nowMs);
    if (error === undefined) return;
    this.#answer.hold();
    this.responder.onError(error);
    this.#answer.flush();
  }

  /** Envoy has closed its call. */
  onClose(): void {
    this.#closedMs = this.exchange.context.nowMs();
    if (this.exchange.settled) this.#host.end(this);
    else if (this.#logged !== undefined) this.#brokenOff(this.#logged);
    else if (this.#supposed !== undefined) this.onSupposed(this.#supposed);
  }

  get isClosed(): boolean {
    return this.#closedMs !== undefined;
  }

  /** Told by Envoy's access log how the request ended, where that was not by our doing. */
  onLogged(entry: AccessLogEntry): void {
    this.onNamed();
    this.#logged = entry;
    if (this.isClosed) this.#brokenOff(entry);
  }

  /** Told the same by an entry without our id. */
  onSupposed(supposed: Supposed): void {
    this.#supposed = supposed;
    if (!this.isClosed) return;
    // The other process has written the record.
    if (supposed.isRecorded) this.#host.end(this);
    else this.#brokenOff(supposed.entry);
  }

  /** Envoy has the id, so an entry without one was about another request. */
  onNamed(): void {
    this.#named = true;
    const supposed = this.#supposed;
    this.#supposed = undefined;
    if (supposed?.isRecorded === false) this.#host.endedUnnamed(supposed.entry);
  }

  /** Whether an entry of Envoy's access log without our id can be about this request. */
  canBe({ method, path, authority, requestId }: AccessLogEntry): boolean {
    if (!this.isClosed && (this.#named || this.#supposed !== undefined)) return false;
    const { record, target, host, headers } = this.exchange;
    const isSame = record.method === method && target === path && host === authority;
    return isSame && (headers.get("x-request-id") ?? "") === requestId;
  }

  /** Settles a request that Envoy gave up before its answer was whole. */
  #brokenOff({ flags, details, status, attempts }: AccessLogEntry): void {
    if (attempts > 0) noteAttempts(this.exchange, attempts);
    const error = localReplyError(details, status, new HeaderMap());
    // Of callers over HTTP/3 who leave, Envoy 1.40 says nothing: neither a flag nor other details than those of the answer.
    const isQuiet = error === undefined && flags.size === 0;
    if (isQuiet || flags.has("downstream_connection_termination") || flags.has("downstream_remote_reset")) {
      this.#left();
      return;
    }
    this.responder.onError(error ?? new GatewayError("internal", "Envoy broke off", { expose: false, cause: details }));
    this.exchange.record.status = status;
    settle(this.exchange, true);
    this.#host.end(this);
  }

  #left(): void {
    settle(this.exchange, this.responder.abandon());
    this.#host.end(this);
  }
}
