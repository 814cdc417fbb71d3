/** For tests: an issuer of tokens, its keys, and a clock. */
import { createPublicKey, generateKeyPairSync, type KeyObject, sign } from "node:crypto";
import type { CallerAuth, TokenAuth } from "../config/callers.ts";
import { createLogger } from "../telemetry/logger.ts";
import { HeaderMap } from "../wire/headers.ts";
import { CallerAuthenticator } from "./authenticate.ts";
import type { Identification } from "./identity.ts";
import { PreparedCallers } from "./prepare.ts";

/** Unix seconds at the start of each test. */
export const NOW = 1_800_000_000;

/** Where the tokens of the tests come from. */
export const ISSUER = "https://issuer.test";

/** Header and payload of a token; anything may stand in them. */
export type Json = Readonly<Record<string, unknown>>;

const SIGNING: Readonly<Record<string, (data: Buffer, key: KeyObject) => Buffer>> = {
  RS256: (data, key) => sign("sha256", data, key),
  ES256: (data, key) => sign("sha256", data, { key, dsaEncoding: "ieee-p1363" }),
  EdDSA: (data, key) => sign(null, data, key),
};

/** A key pair with the name that its tokens call it by. */
export class SigningKey {
  readonly kid: string;
  readonly alg: "RS256" | "ES256" | "EdDSA";
  readonly #key: KeyObject;

  constructor(kid: string, alg: "RS256" | "ES256" | "EdDSA" = "ES256") {
    this.kid = kid;
    this.alg = alg;
    this.#key = newKey(alg);
  }

  get publicKey(): KeyObject {
    return createPublicKey(this.#key);
  }

  get jwk(): Json {
    return { ...this.publicKey.export({ format: "jwk" }), kid: this.kid, use: "sig", alg: this.alg };
  }

  /** A token whose header and payload are as usual, but for what is said otherwise. */
  token(payload: Json = {}, header: Json = {}): string {
    const head = { alg: this.alg, kid: this.kid, typ: "JWT", ...header };
    const claims = { iss: ISSUER, aud: "gateway", sub: "alice", iat: NOW, exp: NOW + 300, ...payload };
    return this.signed(JSON.stringify(head), JSON.stringify(claims));
  }

  /** A token of exactly these texts. */
  signed(head: string, claims: string): string {
    const data = `${base64url(head)}.${base64url(claims)}`;
    return `${data}.${SIGNING[this.alg]?.(Buffer.from(data), this.#key).toString("base64url")}`;
  }
}

function newKey(alg: SigningKey["alg"]): KeyObject {
  if (alg === "RS256") return generateKeyPairSync("rsa", { modulusLength: 2048 }).privateKey;
  if (alg === "ES256") return generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey;
  return generateKeyPairSync("ed25519").privateKey;
}

/** Text as one part of a token. */
export function base64url(text: string): string {
  return Buffer.from(text).toString("base64url");
}

/** A provider that takes tokens of {@link ISSUER} for `gateway`. */
export function tokenAuth(changes: Partial<TokenAuth> = {}): TokenAuth {
  return {
    policy: "default/p",
    provider: "issuer",
    issuer: ISSUER,
    audiences: ["gateway"],
    keySet: { from: "remote", uri: `${ISSUER}/keys`, cacheMs: 300_000 },
    places: { headers: [{ name: "authorization", prefix: "Bearer " }], queryParams: ["access_token"], cookies: [] },
    claimHeaders: [],
    ...changes,
  };
}

/** Who may call a route of a test. */
export function callerAuth(changes: Partial<CallerAuth>): CallerAuth {
  return { keys: [], apiKeys: [], tokens: [], optional: false, ...changes };
}

/** Callers of a configuration, an issuer whose keys may change, and a clock. */
export class Stage {
  nowMs = NOW * 1000;
  /** What the issuer answers; an Error = it cannot be had. */
  keySet: string | Error;
  /** How often it was asked. */
  fetches = 0;
  readonly lines: string[] = [];
  readonly authenticator: CallerAuthenticator;
  readonly callers: PreparedCallers;

  constructor(auths: readonly (CallerAuth | undefined)[], keys: readonly SigningKey[] = []) {
    this.callers = new PreparedCallers(auths);
    this.keySet = jwks(keys);
    this.authenticator = new CallerAuthenticator({
      wallMs: () => this.nowMs,
      fetchKeySet: async () => {
        this.fetches += 1;
        if (this.keySet instanceof Error) throw this.keySet;
        return this.keySet;
      },
      log: createLogger({ level: "info", format: "text", write: (line) => this.lines.push(line), now: () => 0 }),
    });
  }

  identify(headers: readonly string[], target = "/v1/chat/completions"): Identification | Promise<Identification> {
    return this.authenticator.identify(this.callers, { headers: new HeaderMap([...headers]), target });
  }

  /** What a bearer token proves: the subject, or why it proves nothing. */
  async subject(token: string): Promise<string> {
    const { identities, doubt } = await this.identify(["authorization", `Bearer ${token}`]);
    return identities[0]?.caller.attributes.get("user") ?? doubt;
  }
}

/** A key set. */
export function jwks(keys: readonly SigningKey[]): string {
  return JSON.stringify({ keys: keys.map(({ jwk }) => jwk) });
}
