/**
 * Limits of a request: reserved when it is admitted and when a backend is picked, settled when its answer has ended
 * (settle-limits.ts). Reserved is what the answer may cost: the input as estimated from the body, and the output that the caller
 * allows.
 */
import type { BackendRef } from "../config/runtime-config.ts";
import { GatewayError } from "../errors/gateway-error.ts";
import { invariant } from "../errors/invariant.ts";
import type { Decision, Demand, Refusal, Reservation } from "../ratelimit/admission.ts";
import {
  limitHeaders,
  RETRY_UNAVAILABLE_S,
  refusalMessage,
  secondsUntil,
  shareTold,
  shownStates,
  UNAVAILABLE_MESSAGE,
} from "../ratelimit/limit-text.ts";
import { shareLeft } from "../ratelimit/tightest.ts";
import type { HeaderMap } from "../wire/headers.ts";
import { type Awaitable, after } from "./awaitable.ts";
import type { Exchange } from "./exchange.ts";
import { demandsOf } from "./limit-demands.ts";

/**
 * Reserves at the limits that do not depend on a backend.
 *
 * @throws GatewayError (or rejects with) `rate_limited`, `limits_unavailable`, `unmetered`.
 */
export function reserveRequest(exchange: Exchange): Awaitable<void> {
  const { match, plan, record } = exchange;
  invariant(match, "limits are looked at after admission");
  const limits = plan.limits.ofRoute(record.route);
  if (limits.length === 0) return;
  const held = hold(exchange, demandsOf(exchange, limits, match.choice.refs));
  return after(held, (outcome) => {
    if (outcome instanceof GatewayError) throw outcome;
    exchange.heldByRequest = outcome;
  });
}

/**
 * Reserves at the quotas of a backend, and gives back what an attempt before has reserved at its own.
 *
 * @returns Why not; undefined = reserved.
 * @throws GatewayError (or rejects with) `unmetered`.
 */
export function reserveAttempt(exchange: Exchange, ref: BackendRef): Awaitable<GatewayError | undefined> {
  const { plan, record } = exchange;
  exchange.heldByAttempt?.release();
  exchange.heldByAttempt = undefined;
  const limits = plan.limits.ofBackend(ref.backend.id);
  if (limits.length === 0) return undefined;
  return after(hold(exchange, demandsOf(exchange, limits, [ref])), (outcome) => {
    if (outcome instanceof GatewayError) return outcome;
    exchange.heldByAttempt = outcome;
    // What another backend's quota has refused is of no account.
    record.refusedBy = undefined;
    record.limitStates = "";
    return undefined;
  });
}

/**
 * Headers for the caller about its limits; alternating names and values.
 *
 * @param answer Head of the answer, in which Envoy's filter, where it counts, has told of its limits.
 */
export function headersAboutLimits(exchange: Exchange, answer?: HeaderMap): readonly string[] {
  const { context, heldByRequest, heldByAttempt } = exchange;
  if (heldByRequest === undefined && heldByAttempt === undefined) return NO_HEADERS;
  const nowMs = context.wallMs();
  const ofRequest = heldByRequest?.tightest(nowMs);
  const ofAttempt = heldByAttempt?.tightest(nowMs);
  const isAttemptTighter = ofRequest === undefined || (ofAttempt && shareLeft(ofAttempt) < shareLeft(ofRequest));
  const share = isAttemptTighter ? ofAttempt : ofRequest;
  if (share === undefined) return NO_HEADERS;
  const isToldTighter = context.limitsInEnvoy && answer !== undefined && shareTold(answer) <= shareLeft(share);
  return isToldTighter ? NO_HEADERS : limitHeaders(share.state(nowMs), nowMs);
}

const NO_HEADERS: readonly string[] = [];

/** Undefined where nothing is limited. */
function hold(exchange: Exchange, demands: readonly Demand[]): Awaitable<Reservation | GatewayError | undefined> {
  if (demands.length === 0) return undefined;
  const decision = exchange.context.limiter.admit(demands);
  if (decision instanceof Promise) return decision.then((late) => takeLate(exchange, demands, late));
  return take(exchange, demands, decision);
}

/** The caller may have left while it waited, and what it has asked for been settled. */
function takeLate(exchange: Exchange, demands: readonly Demand[], decision: Decision): Reservation | GatewayError {
  if (!exchange.settled) return take(exchange, demands, decision);
  if (decision.admitted) decision.reservation.release();
  return new GatewayError("client_closed", "the caller left before its limits were looked at");
}

function take(exchange: Exchange, demands: readonly Demand[], decision: Decision): Reservation | GatewayError {
  if (!decision.admitted) return refused(exchange, demands, decision.refusal);
  const { record } = exchange;
  const { reservation } = decision;
  for (const share of reservation.shares) {
    const { limit } = share;
    if (limit.shadow && share.used > share.amount) record.shadowRefusals = [...record.shadowRefusals, limit];
  }
  return reservation;
}

function refused({ context, record }: Exchange, demands: readonly Demand[], refusal: Refusal): GatewayError {
  if (refusal.why === "unavailable") {
    const headers = { "retry-after": RETRY_UNAVAILABLE_S };
    return new GatewayError("limits_unavailable", UNAVAILABLE_MESSAGE, { headers });
  }
  const { refusing, states } = refusal;
  const { limit, resetAtMs } = refusing;
  const demand = demands.find((one) => one.limit.id === limit.id);
  invariant(demand, "a limit refuses that was asked");
  record.refusedBy = demand.limit;
  record.limitStates = shownStates(states);
  const nowMs = context.wallMs();
  const headers: Record<string, string> = {};
  if (Number.isFinite(resetAtMs)) headers["retry-after"] = String(secondsUntil(resetAtMs, nowMs));
  const told = limitHeaders(refusing, nowMs);
  for (let i = 0; i < told.length; i += 2) headers[told[i] as string] = told[i + 1] as string;
  return new GatewayError("rate_limited", refusalMessage(refusing, demand), { headers });
}
