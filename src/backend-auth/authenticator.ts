/**
 * Credentials for backends: the gateway signs for its callers. A credential is written into one attempt after translation and
 * mutation, right before the request leaves. Signing is synchronous; what has to be fetched first (a token, temporary keys)
 * is kept and renewed in the background, so that almost every request finds it there.
 */
import type { HeaderMap } from "../wire/headers.ts";

/** A request about to leave, changed in place by signing. */
export interface UnsignedRequest {
  readonly method: string;
  /** Path with query, percent-escaped. */
  path: string;
  /** Value of the Host header that it will have. */
  readonly authority: string;
  readonly headers: HeaderMap;
  readonly body: Uint8Array;
  /** Header in which the backend's vendor wants an API key; undefined = as a bearer token. */
  readonly apiKeyHeader?: string | undefined;
}

/** Where a caller's own credential is read from. */
export interface CallerCredentials {
  /** The caller's headers, admitted. */
  readonly headers: HeaderMap;
  /** Envoy's dynamic metadata by namespace and key; there is none without Envoy. */
  readonly metadata: { at(namespace: string, key: string): unknown } | undefined;
}

/** Signs for one backend. */
export interface Authenticator {
  /**
   * Resolves when a request of this caller can be signed, at once in most cases; undefined = now. Rejects with a GatewayError
   * `credentials_unavailable`.
   */
  pending(caller: CallerCredentials): Promise<void> | undefined;
  /**
   * Signs, to be called when nothing is pending.
   *
   * @returns Tells how the backend took it, so that a key which it refuses is rested; undefined where that is nobody's business.
   * @throws GatewayError `unauthorized` when the credential has to come with the request and did not, `credentials_unavailable`.
   */
  sign(request: UnsignedRequest, caller: CallerCredentials): ((status: number, headers: HeaderMap) => void) | undefined;
}
