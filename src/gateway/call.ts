/** One request of the embedded host: drives the exchange's phases between its caller and a backend. */
import type { BackendRef } from "../config/runtime-config.ts";
import type { Endpoint } from "../endpoints/endpoint.ts";
import { GatewayError } from "../errors/gateway-error.ts";
import { accept } from "../exchange/accept.ts";
import type { Timed } from "../exchange/active-calls.ts";
import { admit } from "../exchange/admit.ts";
import { beginAttempt } from "../exchange/attempt.ts";
import { identify, refuseUnknown } from "../exchange/caller.ts";
import { Exchange } from "../exchange/exchange.ts";
import { listModels } from "../exchange/list-models.ts";
import { prepareAttempt } from "../exchange/prepare-attempt.ts";
import { type AnswerSink, Responder } from "../exchange/respond.ts";
import { settle } from "../exchange/settle.ts";
import { BODY_IDLE_MS, overdue, type TimeLimits, timeLimits } from "../exchange/time-limits.ts";
import type { Caller, CallerHandler } from "./caller.ts";
import type { EmbeddedHost } from "./host.ts";
import type { UpstreamCall } from "./upstream/upstream.ts";

/** A request being served. It ends when its caller's side closes, which happens once, however it went. */
export class Call implements AnswerSink, CallerHandler, Timed {
  slot = -1;
  readonly #host: EmbeddedHost;
  readonly #caller: Caller;
  readonly #exchange: Exchange;
  readonly #responder: Responder;
  #upstream: UpstreamCall | undefined;
  /** Whether no upstream reads the body's memory any more. */
  #isSent = false;
  #limits: TimeLimits | undefined;
  /** What is written waits in memory. */
  #isBlocked = false;
  /** How much of the body had come when it was last looked at, and when that was new. */
  #bodyBytes = 0;
  #lastBodyMs: number;

  /** @param listener Name of the listener it came in on. */
  constructor(host: EmbeddedHost, listener: string, caller: Caller) {
    this.#host = host;
    this.#caller = caller;
    const { method, target, headers } = caller;
    const head = { listener, peer: caller, method, target, host: caller.host, headers };
    this.#exchange = new Exchange(host.context, host.plan, head);
    this.#responder = new Responder(this.#exchange, this);
    this.#lastBodyMs = this.#exchange.record.startMs;
  }

  /** Starts serving. */
  start(): void {
    this.#host.begin(this);
    try {
      this.#caller.serve(this);
      const endpoint = accept(this.#exchange);
      const pending = identify(this.#exchange);
      if (pending === undefined) this.#goOn(endpoint);
      else void pending.then(() => this.#goOn(endpoint));
    } catch (error) {
      this.#responder.fail(error);
    }
  }

  /** Once it is known who calls. */
  #goOn(endpoint: Endpoint): void {
    // The caller may have left while it waited.
    if (this.#responder.done) return;
    try {
      refuseUnknown(this.#exchange);
      if (endpoint.parse !== undefined) {
        this.#caller.readBody();
        return;
      }
      const { status, headers, body } = listModels(this.#exchange);
      this.reply(status, headers, body);
    } catch (error) {
      this.#responder.fail(error);
    }
  }

  onBody(body: Buffer): void {
    if (this.#responder.done) return;
    try {
      const { rule } = admit(this.#exchange, body);
      this.#limits = timeLimits(rule.timeouts);
      const ready = prepareAttempt(this.#exchange);
      if (ready instanceof Promise) {
        ready.then(
          (ref) => this.#attempt(ref),
          (error: unknown) => this.#responder.fail(error),
        );
      } else this.#attempt(ready);
    } catch (error) {
      this.#responder.fail(error);
    }
  }

  #attempt(ref: BackendRef | undefined): void {
    // The caller may have left while it waited, or its time is over.
    if (this.#responder.done) return;
    try {
      const attempt = beginAttempt(this.#exchange, ref);
      this.#upstream = this.#host.upstreams.client(attempt.upstream).send(attempt, this.#responder);
    } catch (error) {
      this.#responder.fail(error);
    }
  }

  onBodyError(error: GatewayError): void {
    this.#responder.fail(error);
  }

  /** A caller that reads slower than the provider writes holds the provider back, not our memory. */
  onBlocked(): void {
    this.#isBlocked = true;
    this.#upstream?.pause();
  }

  onDrained(): void {
    this.#isBlocked = false;
    this.#upstream?.resume();
  }

  onClose(delivered: boolean): void {
    const hasAnswer = this.#responder.abandon() && !this.#isBlocked;
    this.#release();
    settle(this.#exchange, delivered || hasAnswer);
    this.#host.end(this);
    // Settled, and written to the provider to its end: nobody has the body any more. In doubt it is left to the collector.
    if (this.#isSent) this.#caller.releaseBody();
  }

  reply(status: number, headers: string[], body: Uint8Array): void {
    this.#release();
    this.#caller.reply(status, headers, body);
  }

  streamHead(status: number, headers: string[]): void {
    this.#caller.streamHead(status, headers);
  }

  streamData(bytes: Uint8Array): void {
    this.#caller.streamData(bytes);
  }

  streamEnd(): void {
    this.#release();
    this.#caller.streamEnd();
  }

  streamCut(): void {
    this.#release();
    this.#caller.streamCut();
  }

  tick(nowMs: number): void {
    if (this.#responder.done) return;
    const limits = this.#limits;
    if (limits === undefined) {
      this.#tickBody(nowMs);
      return;
    }
    const error = overdue(limits, this.#exchange.record, this.#responder.lastByteMs, nowMs);
    if (error !== undefined) this.#responder.onError(error);
  }

  #tickBody(nowMs: number): void {
    const { bodyBytes } = this.#caller;
    if (bodyBytes !== this.#bodyBytes) {
      this.#bodyBytes = bodyBytes;
      this.#lastBodyMs = nowMs;
    } else if (nowMs - this.#lastBodyMs > BODY_IDLE_MS) {
      this.#responder.fail(new GatewayError("request_timeout", "the request body did not arrive in time"));
    }
  }

  /** Ends the request with an error, unless it has ended. */
  fail(error: GatewayError): void {
    this.#responder.fail(error);
  }

  /** Lets go of the upstream; an answer that is still coming is aborted. */
  #release(): void {
    const upstream = this.#upstream;
    if (upstream === undefined) return;
    this.#upstream = undefined;
    this.#isSent = upstream.isSent;
    upstream.abort();
  }
}
