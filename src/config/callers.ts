/** How callers are known: keys that the gateway has issued, API keys and JSON Web Tokens of a SecurityPolicy. */
import type { Secret } from "./secret.ts";

/** Who may call a route; a caller who can show nothing that is listed here is refused with 401. */
export interface CallerAuth {
  readonly keys: readonly GatewayKey[];
  readonly apiKeys: readonly ApiKeyAuth[];
  readonly tokens: readonly TokenAuth[];
  /** Whether a request without any credential is served too, as nobody. */
  readonly optional: boolean;
}

/** A GatewayKey: who holds it and what it may be used for. */
export interface GatewayKey {
  /** `namespace/name`: attribute `key` of the caller. */
  readonly id: string;
  readonly secrets: readonly {
    /** SHA-256 of the key, lower-case hex. */
    readonly sha256: string;
    /** Unix milliseconds; undefined = as the key itself. */
    readonly expiresAtMs: number | undefined;
  }[];
  readonly revoked: boolean;
  readonly expiresAtMs: number | undefined;
  /** Attributes of the caller beside `key`: `owner`, `team`, `user` and others. */
  readonly attributes: Readonly<Record<string, string>>;
  /** Models it may ask for, `*` allowed at the end; empty = every one. */
  readonly models: readonly string[];
}

/** Where a credential is looked for, in order. */
export interface CredentialPlaces {
  readonly headers: readonly { readonly name: string; readonly prefix: string }[];
  readonly queryParams: readonly string[];
  readonly cookies: readonly string[];
}

/** `apiKeyAuth` of a SecurityPolicy. */
export interface ApiKeyAuth {
  /** `namespace/name` of the SecurityPolicy. */
  readonly policy: string;
  readonly places: CredentialPlaces;
  /** Client id (attribute `key` of the caller) and its key. */
  readonly clients: readonly { readonly id: string; readonly key: Secret }[];
  /** Request header that then holds the client id; undefined = none. */
  readonly clientIdHeader: string | undefined;
}

/** A provider of `jwt` of a SecurityPolicy. */
export interface TokenAuth {
  /** `namespace/name` of the SecurityPolicy, and the provider's name in it. */
  readonly policy: string;
  readonly provider: string;
  readonly issuer: string | undefined;
  /** One of them must be in `aud`; empty = any. */
  readonly audiences: readonly string[];
  readonly keySet: RemoteKeySet | { readonly from: "inline"; readonly jwks: string };
  readonly places: CredentialPlaces;
  /** Headers that are taken from claims; a caller's own header of that name is removed. */
  readonly claimHeaders: readonly { readonly header: string; readonly claim: string }[];
}

export interface RemoteKeySet {
  readonly from: "remote";
  readonly uri: string;
  readonly cacheMs: number;
}

/** Whoever makes a request, as the gateway has checked. */
export interface Caller {
  /**
   * `key` (id of the GatewayKey or client), `owner`, `team`, `user` (subject of a token), `claim.<name>` for what a token says, and
   * a GatewayKey's own attributes. Empty = nobody is known.
   */
  readonly attributes: ReadonlyMap<string, string>;
  /** Models it may ask for; empty = every one. */
  readonly models: readonly string[];
}
