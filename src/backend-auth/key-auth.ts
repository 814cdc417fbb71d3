/** API keys: a header with the key in it. */
import type { KeyAuth } from "../config/backend-auth.ts";
import type { HeaderMap } from "../wire/headers.ts";
import type { Authenticator, CallerCredentials, UnsignedRequest } from "./authenticator.ts";
import { KeyPool } from "./key-pool.ts";
import { missingCredential, type OwnCredential, ownText } from "./override.ts";

/** Writes a key into the header that its type says. */
export class KeyAuthenticator implements Authenticator {
  readonly #type: KeyAuth["type"];
  readonly #own: OwnCredential<string>;
  /** Undefined where callers bring their own. */
  readonly pool: KeyPool | undefined;

  constructor(auth: KeyAuth, nowMs: () => number) {
    this.#type = auth.type;
    this.#own = ownText(auth.override);
    this.pool = auth.keys.length === 0 ? undefined : new KeyPool(auth.keys, nowMs);
  }

  pending(): undefined {
    return undefined;
  }

  sign(
    request: UnsignedRequest,
    caller: CallerCredentials,
  ): ((status: number, headers: HeaderMap) => void) | undefined {
    const own = this.#own.read(caller);
    if (own !== undefined) {
      this.#write(request, own);
      return undefined;
    }
    if (this.pool === undefined) throw missingCredential();
    const { value, told } = this.pool.take();
    this.#write(request, value.reveal());
    return this.pool.size > 1 ? told : undefined;
  }

  #write({ headers, apiKeyHeader }: UnsignedRequest, key: string): void {
    switch (this.#type) {
      case "APIKey":
        if (apiKeyHeader === undefined) headers.set("authorization", `Bearer ${key}`);
        else headers.set(apiKeyHeader, key);
        return;
      case "AzureAPIKey":
        headers.set("api-key", key);
        return;
      case "AnthropicAPIKey":
        headers.set("x-api-key", key);
        return;
    }
  }
}
