/** The caller's side of one request, as a `Call` sees it: the same for every version of HTTP. */
import type { GatewayError } from "../errors/gateway-error.ts";
import type { AnswerSink } from "../exchange/respond.ts";
import type { HeaderMap } from "../wire/headers.ts";

/** A request and the way back. After `onClose` nothing more is sent, whatever is asked for. */
export interface Caller extends AnswerSink {
  /** IP address at the other end of the connection; undefined where there is none. */
  readonly address: string | undefined;
  readonly method: string;
  /** In origin form, with query. */
  readonly target: string;
  readonly host: string;
  /** What passed the door; the receiver's to change. */
  readonly headers: HeaderMap;
  /** How much of the body has come. */
  readonly bodyBytes: number;
  /** Says who is told what happens; first of all. */
  serve(handler: CallerHandler): void;
  /** Asks for the body. Throws GatewayError `body_too_large` where the head says so. */
  readBody(): void;
  /** Gives the memory of a whole body back, to be written over: for when nothing looks at it any more. May be left out. */
  releaseBody(): void;
}

/** Told what happens at the caller's side of a request. */
export interface CallerHandler {
  /** The body is whole. */
  onBody(body: Buffer): void;
  /** The body cannot be taken: malformed, cut, too large. */
  onBodyError(error: GatewayError): void;
  /** The caller reads slower than it is written to; what is written all the same is kept in memory. */
  onBlocked(): void;
  /** The caller has caught up. */
  onDrained(): void;
  /** The end, called once and last. `delivered`: the whole answer is on its way. */
  onClose(delivered: boolean): void;
}
