/** Credentials that come with the request instead of the configured ones. */
import type { BackendAuth, CredentialOverride } from "../config/backend-auth.ts";
import { Secret } from "../config/secret.ts";
import { GatewayError } from "../errors/gateway-error.ts";
import { isFieldValue } from "../wire/http1-fields.ts";
import type { CallerCredentials } from "./authenticator.ts";
import type { AwsCredentials } from "./aws-credentials.ts";

/** How a policy's callers bring a credential of their own, if they may. */
export interface OwnCredential<T> {
  /** Whether the caller brought one, or would have had to. Does not say that it is any good. */
  isExpected(caller: CallerCredentials): boolean;
  /**
   * The caller's; undefined where the configured one serves.
   *
   * @throws GatewayError `unauthorized` where it had to come and did not, `credentials_unavailable` for a part of one.
   */
  read(caller: CallerCredentials): T | undefined;
}

/** For policies without an override. */
const NEVER: OwnCredential<never> = { isExpected: () => false, read: () => undefined };

/** Keys and tokens: one value. */
export function ownText(override: CredentialOverride | undefined): OwnCredential<string> {
  return override === undefined ? NEVER : new Own(override, textOf);
}

/** The three parts of AWS credentials. */
export function ownAws(override: CredentialOverride | undefined): OwnCredential<AwsCredentials> {
  return override === undefined ? NEVER : new Own(override, awsOf);
}

/** Undefined = the caller brought none. */
type Read<T> = (override: CredentialOverride, caller: CallerCredentials) => T | undefined;

class Own<T> implements OwnCredential<T> {
  readonly #override: CredentialOverride;
  readonly #read: Read<T>;

  constructor(override: CredentialOverride, read: Read<T>) {
    this.#override = override;
    this.#read = read;
  }

  isExpected(caller: CallerCredentials): boolean {
    if (!this.#override.fallbackToConfigured) return true;
    try {
      return this.#read(this.#override, caller) !== undefined;
    } catch {
      // Faulty, which is told when the request is signed: the configured one is no stand-in for it.
      return true;
    }
  }

  read(caller: CallerCredentials): T | undefined {
    const own = this.#read(this.#override, caller);
    if (own === undefined && !this.#override.fallbackToConfigured) throw missingCredential();
    return own;
  }
}

/** The answer to a caller that had to bring a credential and did not. */
export function missingCredential(): GatewayError {
  return new GatewayError("unauthorized", "missing upstream credential");
}

const BEARER = /^bearer +/i;

const textOf: Read<string> = (override, caller) => {
  const given =
    override.from === "headers"
      ? caller.headers.get(override.header)
      : caller.metadata?.at(override.namespace, override.key);
  const text = partOf(given);
  // An override may name the Authorization header itself, whose value carries its scheme.
  return text?.replace(BEARER, "") || undefined;
};

/** Names of the parts in headers, behind the prefix, and in metadata. */
const AWS_PARTS = {
  accessKeyId: "access-key-id",
  secretAccessKey: "secret-access-key",
  sessionToken: "session-token",
} as const;

/** The request headers in which callers may bring a credential of their own. */
export function overrideHeaders(auth: BackendAuth): string[] {
  if (auth.type === "none" || auth.override?.from !== "headers") return [];
  const { header } = auth.override;
  return auth.type === "AWSCredentials" ? Object.values(AWS_PARTS).map((part) => header + part) : [header];
}

const awsOf: Read<AwsCredentials> = (override, caller) => {
  const given = override.from === "headers" ? undefined : caller.metadata?.at(override.namespace, override.key);
  const [accessKeyId, secretAccessKey, sessionToken] = Object.entries(AWS_PARTS).map(([member, name]) =>
    partOf(override.from === "headers" ? caller.headers.get(override.header + name) : memberOf(given, member)),
  );
  if (accessKeyId !== undefined && secretAccessKey !== undefined) {
    return {
      accessKeyId,
      secretAccessKey: new Secret(secretAccessKey),
      sessionToken: sessionToken === undefined ? undefined : new Secret(sessionToken),
    };
  }
  if (accessKeyId === undefined && secretAccessKey === undefined && sessionToken === undefined) return undefined;
  throw new GatewayError("credentials_unavailable", "the request brings only a part of its AWS credentials");
};

function memberOf(struct: unknown, name: string): unknown {
  return typeof struct === "object" && struct !== null && Object.hasOwn(struct, name)
    ? (struct as Record<string, unknown>)[name]
    : undefined;
}

/** A text without the space around it; undefined for none. */
function partOf(given: unknown): string | undefined {
  if (typeof given !== "string") return undefined;
  const text = given.trim();
  if (text === "") return undefined;
  // Metadata may hold anything, and a line break would begin another header.
  if (!isFieldValue(text)) throw new GatewayError("unauthorized", "malformed upstream credential");
  return text;
}
