/** Between admission and the attempt: everything that may have to be waited for. */
import type { BackendRef } from "../config/runtime-config.ts";
import type { GatewayError } from "../errors/gateway-error.ts";
import { pendingCredentials, pickBackend } from "./attempt.ts";
import { type Awaitable, after } from "./awaitable.ts";
import type { Exchange } from "./exchange.ts";
import { reserveAttempt, reserveRequest } from "./limits.ts";

const NONE_TRIED: readonly BackendRef[] = [];

/**
 * Reserves at the limits, picks a backend whose quota allows it, and gets its credentials.
 *
 * @returns The backend; undefined when the rule has none that can be tried.
 * @throws GatewayError (or rejects with) what limits refuse with.
 */
export function prepareAttempt(exchange: Exchange): Awaitable<BackendRef | undefined> {
  return after(reserveRequest(exchange), () =>
    after(pickWithinQuota(exchange, NONE_TRIED, undefined), (ref) => withCredentials(exchange, ref)),
  );
}

/** The same at a backend that somebody else has picked. */
export function prepareAttemptAt(exchange: Exchange, ref: BackendRef): Awaitable<BackendRef | undefined> {
  return after(reserveAttempt(exchange, ref), (refusal) => {
    if (refusal !== undefined) throw refusal;
    return withCredentials(exchange, ref);
  });
}

/** A backend whose quota is exhausted is left out. */
function pickWithinQuota(
  exchange: Exchange,
  exhausted: readonly BackendRef[],
  refusal: GatewayError | undefined,
): Awaitable<BackendRef | undefined> {
  const ref = pickBackend(exchange, exhausted);
  if (ref === undefined) {
    if (refusal !== undefined) throw refusal;
    return undefined;
  }
  return after(reserveAttempt(exchange, ref), (why) => {
    if (why === undefined) return ref;
    if (why.code !== "rate_limited") throw why;
    return pickWithinQuota(exchange, [...exhausted, ref], why);
  });
}

/** Also where there are none: the attempt tells why. */
function withCredentials(exchange: Exchange, ref: BackendRef | undefined): Awaitable<BackendRef | undefined> {
  const pending = pendingCredentials(exchange, ref);
  if (pending === undefined) return ref;
  const goOn = () => ref;
  return pending.then(goOn, goOn);
}
