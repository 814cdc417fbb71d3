/** Who makes a request: found out right after accept, held against the route in admit. */
import type { CallerCredentials } from "../backend-auth/authenticator.ts";
import type { Doubt, Identity } from "../caller-auth/identity.ts";
import { showsCredential } from "../caller-auth/prepare.ts";
import type { Caller } from "../config/callers.ts";
import type { Route } from "../config/runtime-config.ts";
import { type ErrorCode, GatewayError } from "../errors/gateway-error.ts";
import { HeaderMap } from "../wire/headers.ts";
import { type Exchange, NOBODY } from "./exchange.ts";

/**
 * Finds out who makes the request, before any of its body is read. A promise where that takes a while; it does not reject,
 * and {@link refuseUnknown} comes after it.
 */
export function identify(exchange: Exchange): Promise<void> | undefined {
  const { callers } = exchange.plan.port(exchange.listener);
  if (callers === undefined) return undefined;
  // Also where nobody is known: a caller's own word for it is none.
  for (const name of callers.ownHeaders) exchange.headers.remove(name);
  const identified = exchange.context.callers.identify(callers, exchange);
  if (!(identified instanceof Promise)) {
    exchange.identified = identified;
    return undefined;
  }
  return identified.then((done) => {
    exchange.identified = done;
  });
}

/**
 * Takes the caller that was found. Refuses one that nobody knows, where no route is for those.
 *
 * @throws GatewayError `unauthorized`, `issuer_unavailable`.
 */
export function refuseUnknown(exchange: Exchange): void {
  const { identified, plan, listener } = exchange;
  const [first] = identified?.identities ?? [];
  if (first !== undefined) takeIdentity(exchange, first);
  else if (identified !== undefined && plan.port(listener).callers?.isClosed) throw unknownCaller(identified.doubt);
}

/**
 * Holds the caller against the route that was found, and the model against what the caller may use.
 *
 * @throws GatewayError `unauthorized`, `issuer_unavailable`, `forbidden`.
 */
export function authorize(exchange: Exchange, route: Route): void {
  const { identified, record } = exchange;
  if (identified === undefined) return;
  const identity = identityFor(exchange, route);
  if (identity === undefined) {
    if (!isOpen(exchange, route)) {
      throw identified.identities.length > 0 ? notForThis() : unknownCaller(identified.doubt);
    }
    takeNobody(exchange);
  } else if (identity.caller !== exchange.caller) takeIdentity(exchange, identity);
  if (mayUse(exchange.caller, record.originalModel)) return;
  const model = record.originalModel === "" ? "requests without a model" : "this model";
  throw new GatewayError("forbidden", `the API key is not for ${model}`);
}

/** Whether the caller may use a route at all, and as whom; undefined = not. */
export function callerFor(exchange: Exchange, route: Route): Caller | undefined {
  return identityFor(exchange, route)?.caller ?? (isOpen(exchange, route) ? NOBODY : undefined);
}

/** Whether a caller may ask for a model. */
export function mayUse({ models }: Caller, model: string): boolean {
  if (models.length === 0) return true;
  return models.some((one) => (one.endsWith("*") ? model.startsWith(one.slice(0, -1)) : model === one));
}

/**
 * What a caller may bring along for the backend. Where a policy takes that from a header in which the caller has shown who it is,
 * it must not go on.
 */
export function withoutOwnCredential(exchange: Exchange): CallerCredentials {
  const { identified, headers, metadata } = exchange;
  if (identified === undefined || identified.shown.length === 0) return exchange;
  const { flat } = headers;
  const kept = flat.filter((_, i) => !identified.shown.some((shown) => flat[i | 1]?.includes(shown)));
  return { headers: new HeaderMap(kept), metadata };
}

/** The first that the route takes; an open one takes all. */
function identityFor({ identified, plan, listener }: Exchange, { callers: auth }: Route): Identity | undefined {
  const { callers } = plan.port(listener);
  return identified?.identities.find((one) => auth === undefined || callers?.accepts(auth, one));
}

/** Whether a route is for those, too, whom nothing is known of. A bad credential is worse than none. */
function isOpen(exchange: Exchange, { callers: auth }: Route): boolean {
  return auth === undefined || (auth.optional && !showsCredential(auth, exchange));
}

function takeIdentity(exchange: Exchange, { caller, headers }: Identity): void {
  takeNobody(exchange);
  exchange.caller = caller;
  for (const { name, value } of headers) exchange.headers.set(name, value);
  const { attributes } = caller;
  const { record } = exchange;
  record.callerKey = attributes.get("key") ?? "";
  record.callerOwner = attributes.get("owner") ?? "";
  record.callerTeam = attributes.get("team") ?? "";
  record.callerUser = attributes.get("user") ?? "";
}

function takeNobody(exchange: Exchange): void {
  const { caller, plan, listener, headers, record } = exchange;
  if (caller === NOBODY) return;
  exchange.caller = NOBODY;
  for (const name of plan.port(listener).callers?.ownHeaders ?? []) headers.remove(name);
  record.callerKey = "";
  record.callerOwner = "";
  record.callerTeam = "";
  record.callerUser = "";
}

/** RFC 6750 section 3. */
const REALM = 'Bearer realm="aigw"';

const DOUBTS: Readonly<Record<Doubt, { readonly message: string; readonly code?: ErrorCode }>> = {
  missing: { message: "no API key or token was given" },
  invalid: { message: "the API key or token is not valid" },
  expired: { message: "the API key or token has expired" },
  revoked: { message: "the API key was revoked" },
  "issuer-unavailable": {
    message: "the token cannot be verified: the keys of its issuer are not available",
    code: "issuer_unavailable",
  },
};

function unknownCaller(doubt: Doubt): GatewayError {
  const { message, code = "unauthorized" } = DOUBTS[doubt];
  const challenge = doubt === "missing" ? REALM : `${REALM}, error="invalid_token"`;
  const headers: Record<string, string> =
    code === "unauthorized" ? { "www-authenticate": challenge } : { "retry-after": "10" };
  return new GatewayError(code, message, { headers });
}

function notForThis(): GatewayError {
  const headers = { "www-authenticate": `${REALM}, error="invalid_token"` };
  return new GatewayError("unauthorized", "the API key or token is not for this route", { headers });
}
