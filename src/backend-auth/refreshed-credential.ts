/** A credential that ends and is renewed before it does. */
import { GatewayError } from "../errors/gateway-error.ts";
import type { CredentialContext, CredentialSource, Issued } from "./credential-source.ts";

/** Longest time one exchange may take. */
export const EXCHANGE_MS_MAX = 10_000;
/** How long before its end a credential is renewed at the latest, and the part of its life that this is at most. */
const LEAD_MS = 300_000;
const LEAD_PART = 1 / 3;
/** By which part of the lead a renewal comes earlier, by chance: processes that began together do not renew together. */
const LEAD_JITTER = 0.2;
/** About how long after a failed renewal the next is tried, while the old credential serves. */
const RETRY_MS = 60_000;
/** Pause after a first failed exchange that leaves nothing to serve with; it doubles up to {@link RETRY_MS}. */
const PAUSE_MS = 1_000;
const PAUSE_JITTER = 0.2;
/** A timer of Node's cannot wait longer than 24.8 days, and one that waits long comes late on a machine that slept. */
const TIMER_MS_MAX = 600_000;
const MESSAGE_LENGTH_MAX = 400;

/** Calls back once after a time; the function that it returns prevents that. */
export type StartTimer = (ms: number, callback: () => void) => () => void;

/** What a credential is kept with. */
export interface RefreshOptions {
  /** `namespace/name` of its policy, for messages. */
  readonly policy: string;
  readonly context: CredentialContext;
  /** Default: the system's timers, which keep no process alive. */
  readonly startTimer?: StartTimer;
}

/** How a kept credential is. */
export interface RefreshState {
  /** Whether there is one that serves. */
  readonly ok: boolean;
  /** Why the last exchange failed; "" = it did not. */
  readonly failure: string;
  /** Unix milliseconds, infinite = it does not expire; undefined = there is none. */
  readonly expiresAtMs: number | undefined;
  readonly succeeded: number;
  readonly failed: number;
}

/** Keeps one credential: one exchange at a time, renewed in the background, the old one serves while it is valid. */
export class RefreshedCredential<T> {
  readonly #source: CredentialSource<T>;
  readonly #policy: string;
  readonly #context: CredentialContext;
  readonly #startTimer: StartTimer;
  #issued: Issued<T> | undefined;
  #exchange: Promise<void> | undefined;
  #failure: GatewayError | undefined;
  #failuresInARow = 0;
  /** Until when no exchange is begun, after one that failed. */
  #pausedUntilMs = 0;
  #stopTimer: (() => void) | undefined;
  #retired = false;
  readonly #closed = new AbortController();
  #succeeded = 0;
  #failed = 0;

  constructor(source: CredentialSource<T>, options: RefreshOptions) {
    this.#source = source;
    this.#policy = options.policy;
    this.#context = options.context;
    this.#startTimer = options.startTimer ?? startSystemTimer;
  }

  get state(): RefreshState {
    const issued = this.#valid;
    return {
      ok: issued !== undefined,
      failure: this.#failure?.message ?? "",
      expiresAtMs: issued?.expiresAtMs,
      succeeded: this.#succeeded,
      failed: this.#failed,
    };
  }

  /** The credential, while one is valid. */
  current(): T | undefined {
    return this.#valid?.credential;
  }

  /**
   * The credential.
   *
   * @throws GatewayError `credentials_unavailable` when there is none: why the last exchange failed.
   */
  take(): T {
    const issued = this.#valid;
    if (issued === undefined) throw this.#failure ?? this.#unavailable("there is none yet");
    return issued.credential;
  }

  /** Resolves as soon as there is a valid credential; all who wait share one exchange. Rejects with a GatewayError. */
  ready(): Promise<void> {
    if (this.#valid !== undefined) return Promise.resolve();
    const failure = this.#failure;
    if (this.#exchange === undefined && failure !== undefined && this.#context.nowMs() < this.#pausedUntilMs) {
      return Promise.reject(failure);
    }
    return this.#begin();
  }

  /** Begins to get it, for the first request to find it there; what fails is told to those who ask for it. */
  warmUp(): void {
    this.ready().catch(() => {
      // Logged where it failed, and kept for those who ask.
    });
  }

  /** Ends renewals; requests which still ask for it are served all the same. */
  retire(): void {
    this.#retired = true;
    this.#stopTimer?.();
  }

  /** Ends renewals and an exchange under way. */
  close(): void {
    this.retire();
    this.#closed.abort(new Error("the gateway is shutting down"));
  }

  get #valid(): Issued<T> | undefined {
    const issued = this.#issued;
    return issued !== undefined && this.#context.nowMs() < issued.expiresAtMs ? issued : undefined;
  }

  #begin(): Promise<void> {
    this.#exchange ??= this.#run().finally(() => {
      this.#exchange = undefined;
    });
    return this.#exchange;
  }

  async #run(): Promise<void> {
    this.#stopTimer?.();
    const limit = new AbortController();
    const expired = () => limit.abort(new Error(`no answer within ${EXCHANGE_MS_MAX / 1000} s`));
    const stopLimit = this.#startTimer(EXCHANGE_MS_MAX, expired);
    const signal = AbortSignal.any([limit.signal, this.#closed.signal]);
    try {
      const issued = await Promise.race([this.#source(signal), rejectedBy(signal)]);
      // Also for one whose end is no number.
      if (!(issued.expiresAtMs > this.#context.nowMs())) throw new Error("the credential issued has already expired");
      this.#onIssued(issued);
    } catch (error) {
      throw this.#onFailure(signal.aborted ? signal.reason : error);
    } finally {
      stopLimit();
    }
  }

  #onIssued(issued: Issued<T>): void {
    const { log, random, nowMs } = this.#context;
    this.#succeeded += 1;
    if (this.#failure !== undefined) log.info("credentials can be had again", { policy: this.#policy });
    this.#failure = undefined;
    this.#failuresInARow = 0;
    this.#issued = issued;
    if (issued.expiresAtMs === Number.POSITIVE_INFINITY) return;
    const lead = Math.min(LEAD_MS, (issued.expiresAtMs - nowMs()) * LEAD_PART);
    this.#renewAt(issued.expiresAtMs - lead * (1 + random() * LEAD_JITTER));
  }

  #onFailure(cause: unknown): GatewayError {
    const reason = reasonOf(cause);
    // Without its cause: what a library puts into its errors besides the message is not known to be free of secrets.
    const failure = this.#unavailable(reason);
    if (this.#closed.signal.aborted) return failure;
    const { log, nowMs } = this.#context;
    const issued = this.#valid;
    this.#failed += 1;
    this.#failure = failure;
    const pauseMs = this.#pauseMs(issued);
    this.#failuresInARow += 1;
    this.#pausedUntilMs = nowMs() + pauseMs;
    const fields = { policy: this.#policy, reason, nextTryMs: Math.round(pauseMs) };
    if (issued === undefined) log.error("credentials cannot be had", fields);
    else log.warn("credentials cannot be renewed; the old ones serve", fields);
    this.#renewAt(this.#pausedUntilMs);
    return failure;
  }

  /** How long no exchange is tried after one that failed. */
  #pauseMs(issued: Issued<T> | undefined): number {
    const { random, nowMs } = this.#context;
    const jitter = 1 + (random() * 2 - 1) * PAUSE_JITTER;
    const growing = Math.min(RETRY_MS, PAUSE_MS * 2 ** this.#failuresInARow);
    if (issued === undefined) return growing * jitter;
    // Sooner when the old one is about to end, yet never as fast as it fails.
    return Math.max(PAUSE_MS, Math.min(RETRY_MS * jitter, (issued.expiresAtMs - nowMs()) / 2));
  }

  #renewAt(atMs: number): void {
    if (this.#retired) return;
    const leftMs = atMs - this.#context.nowMs();
    this.#stopTimer = this.#startTimer(Math.max(0, Math.min(leftMs, TIMER_MS_MAX)), () => {
      if (this.#context.nowMs() < atMs) this.#renewAt(atMs);
      else {
        this.#begin().catch(() => {
          // Logged where it failed; the next try is set.
        });
      }
    });
  }

  #unavailable(reason: string): GatewayError {
    const message = `the credentials of BackendSecurityPolicy ${this.#policy} cannot be had: ${reason}`;
    return new GatewayError("credentials_unavailable", message);
  }
}

/** One line, and not a long one: an answer may be a whole page. */
function reasonOf(cause: unknown): string {
  const message = cause instanceof Error ? cause.message : "unknown reason";
  const line = message.replace(/\s+/g, " ").trim();
  return line.length > MESSAGE_LENGTH_MAX ? `${line.slice(0, MESSAGE_LENGTH_MAX)}…` : line;
}

/** Ends an exchange also where its library does not listen to the signal. */
function rejectedBy(signal: AbortSignal): Promise<never> {
  const { promise, reject } = Promise.withResolvers<never>();
  if (signal.aborted) reject(signal.reason);
  signal.addEventListener("abort", () => reject(signal.reason), { once: true });
  return promise;
}

function startSystemTimer(ms: number, callback: () => void): () => void {
  const timer = setTimeout(callback, ms);
  timer.unref();
  return () => clearTimeout(timer);
}
