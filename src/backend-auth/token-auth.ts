/** Credentials that are issued for a while: tokens and temporary keys. */
import type { Authenticator, CallerCredentials, UnsignedRequest } from "./authenticator.ts";
import type { OwnCredential } from "./override.ts";
import type { RefreshedCredential } from "./refreshed-credential.ts";

/** Signs with what is issued to the gateway, or with what the caller brings. */
export class TokenAuthenticator<T> implements Authenticator {
  readonly credential: RefreshedCredential<T>;
  readonly #own: OwnCredential<T>;
  readonly #sign: (request: UnsignedRequest, credential: T) => void;

  constructor(
    credential: RefreshedCredential<T>,
    own: OwnCredential<T>,
    sign: (request: UnsignedRequest, credential: T) => void,
  ) {
    this.credential = credential;
    this.#own = own;
    this.#sign = sign;
  }

  pending(caller: CallerCredentials): Promise<void> | undefined {
    if (this.credential.current() !== undefined || this.#own.isExpected(caller)) return undefined;
    return this.credential.ready();
  }

  sign(request: UnsignedRequest, caller: CallerCredentials): undefined {
    this.#sign(request, this.#own.read(caller) ?? this.credential.take());
  }
}
