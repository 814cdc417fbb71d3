/** What a credential proves. */
import type { ApiKeyAuth, Caller, GatewayKey, TokenAuth } from "../config/callers.ts";

/** What can say who a caller is. */
export type CallerSource = GatewayKey | ApiKeyAuth | TokenAuth;

/** A caller as one of its credentials shows it. */
export interface Identity {
  readonly caller: Caller;
  /** Everything that the credential is good for: a route takes the caller when it has one of these. */
  readonly from: readonly CallerSource[];
  /** Request headers that it sets. */
  readonly headers: readonly { readonly name: string; readonly value: string }[];
}

/** Why no credential of a request is good, the more telling ones last. */
export type Doubt = "missing" | "invalid" | "expired" | "revoked" | "issuer-unavailable";

/** What the credentials of a request prove. */
export interface Identification {
  /** In the order in which they count; most requests have one. */
  readonly identities: readonly Identity[];
  /** The credentials that prove them. */
  readonly shown: readonly string[];
  /** Why there are none. */
  readonly doubt: Doubt;
}

const RANKS: readonly Doubt[] = ["missing", "invalid", "expired", "revoked", "issuer-unavailable"];

/** The more telling of two. */
export function moreTelling(a: Doubt, b: Doubt): Doubt {
  return RANKS.indexOf(a) < RANKS.indexOf(b) ? b : a;
}
