/** The credentials of one process: one of each kind that the configuration names, kept across reloads. */
import { createHash } from "node:crypto";
import type { AwsAuth, AzureAuth, BackendAuth, GcpAuth, KeyAuth } from "../config/backend-auth.ts";
import { Secret } from "../config/secret.ts";
import type { Authenticator, UnsignedRequest } from "./authenticator.ts";
import type { AwsCredentials } from "./aws-credentials.ts";
import { awsSource } from "./aws-source.ts";
import { signAzure } from "./azure.ts";
import { azureSource } from "./azure-source.ts";
import { type CredentialHealth, credentialHealth, type KeptCredential } from "./credential-health.ts";
import type { CredentialContext, CredentialSource } from "./credential-source.ts";
import { signGcp } from "./gcp.ts";
import { gcpSource } from "./gcp-source.ts";
import { KeyAuthenticator } from "./key-auth.ts";
import { ownAws, ownText } from "./override.ts";
import { RefreshedCredential } from "./refreshed-credential.ts";
import { signAws } from "./sign-aws.ts";
import { TokenAuthenticator } from "./token-auth.ts";

/** What is kept of a policy. */
interface Kept extends KeptCredential {
  readonly issued: RefreshedCredential<unknown> | undefined;
}

/** What a policy says. */
type PolicyAuth = KeyAuth | AwsAuth | AzureAuth | GcpAuth;

const NO_CREDENTIAL: Authenticator = { pending: () => undefined, sign: () => undefined };

/** Makes and keeps authenticators. */
export class CredentialStore {
  readonly #context: CredentialContext;
  readonly #byAuth = new WeakMap<BackendAuth, Authenticator>();
  readonly #byKey = new Map<string, Kept>();

  constructor(context: CredentialContext) {
    this.#context = context;
  }

  /** What signs for a backend. Equal configurations share it. */
  of(auth: BackendAuth): Authenticator {
    let authenticator = this.#byAuth.get(auth);
    if (authenticator === undefined) {
      authenticator = auth.type === "none" ? NO_CREDENTIAL : this.#keep(auth).authenticator;
      this.#byAuth.set(auth, authenticator);
    }
    return authenticator;
  }

  /**
   * Puts the credentials of a configuration in force: begins to get what is issued, so that the first request finds it, and
   * lets go of what the configuration does not have (any more).
   */
  retain(auths: readonly BackendAuth[]): void {
    const keys = new Set(auths.map(keyOf));
    for (const [key, { issued }] of this.#byKey) {
      if (keys.has(key)) continue;
      issued?.retire();
      this.#byKey.delete(key);
    }
    for (const auth of auths) this.of(auth);
    for (const { issued } of this.#byKey.values()) issued?.warmUp();
  }

  /** Everything that is kept. */
  get all(): readonly KeptCredential[] {
    return [...this.#byKey.values()];
  }

  health(): CredentialHealth[] {
    return credentialHealth(this.all);
  }

  close(): void {
    for (const { issued } of this.#byKey.values()) issued?.close();
  }

  #keep(auth: PolicyAuth): Kept {
    const key = keyOf(auth);
    let kept = this.#byKey.get(key);
    if (kept === undefined) {
      kept = this.#make(auth);
      this.#byKey.set(key, kept);
    }
    return kept;
  }

  #make(auth: PolicyAuth): Kept {
    const { policy, override } = auth;
    const context = this.#context;
    switch (auth.type) {
      case "APIKey":
      case "AzureAPIKey":
      case "AnthropicAPIKey": {
        const authenticator = new KeyAuthenticator(auth, context.nowMs);
        return { policy, authenticator, issued: undefined, pool: authenticator.pool };
      }
      case "AWSCredentials":
        return this.#issue(auth, awsSource(auth, context), (issued) => {
          const sign = (request: UnsignedRequest, credentials: AwsCredentials) =>
            signAws(request, credentials, auth, context.nowMs());
          return new TokenAuthenticator(issued, ownAws(override), sign);
        });
      case "AzureCredentials":
        return this.#issue(auth, azureSource(auth, context), (issued) => {
          return new TokenAuthenticator(issued, ownText(override), signAzure);
        });
      case "GCPCredentials":
        return this.#issue(auth, gcpSource(auth, context), (issued) => {
          return new TokenAuthenticator(issued, ownText(override), (request, token) => signGcp(request, token, auth));
        });
    }
  }

  #issue<T>(
    { policy, override }: PolicyAuth,
    source: CredentialSource<T>,
    authenticatorOf: (issued: RefreshedCredential<T>) => Authenticator,
  ): Kept {
    const issued = new RefreshedCredential(source, { policy, context: this.#context });
    const authenticator = authenticatorOf(issued);
    // Where callers have to bring their own, the configured one is never used: nobody asks for it, or minds that it is not there.
    const isUsed = override?.fallbackToConfigured !== false;
    return { policy, authenticator, issued: isUsed ? issued : undefined, pool: undefined };
  }
}

/** Tells configurations apart by all they say, Secrets included; a hash, so that no Secret is kept by it. */
function keyOf(auth: BackendAuth): string {
  return createHash("sha256")
    .update(JSON.stringify(revealed(auth)))
    .digest("base64");
}

function revealed(value: unknown): unknown {
  if (value instanceof Secret) return { secret: value.reveal() };
  if (Array.isArray(value)) return value.map(revealed);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, member]) => [name, revealed(member)]));
}
