/**
 * Who calls: keys that the gateway has issued, API keys and JSON Web Tokens. A caller is known before the body of its request
 * is read; which of several credentials counts is decided when the route is known (exchange/caller.ts).
 */
import type { TokenAuth } from "../config/callers.ts";
import { attributesOf, claimHeaders } from "./claims.ts";
import { type Doubt, type Identification, type Identity, moreTelling } from "./identity.ts";
import { inlineKeys, type KeySet, type KeySetContext, RemoteKeys } from "./key-set.ts";
import { type CallerRequest, credentialsAt } from "./places.ts";
import { keyDigest, type PreparedCallers, type TokenLookup } from "./prepare.ts";
import { expiryMs, readToken, verifyToken } from "./verify-token.ts";

/** How many verified tokens are remembered. */
const TOKENS_MAX = 10_000;

/** A credential of a request. */
interface Found {
  readonly credential: string;
  readonly proves: Identity | Doubt;
}

/** A token that was good. */
interface Verified {
  readonly shown: Pick<Identity, "caller" | "headers">;
  readonly expiresAtMs: number;
  /** Version of the keys it was verified with. */
  readonly version: number;
}

/** What tells who calls; one for a process. */
export class CallerAuthenticator {
  readonly #context: KeySetContext;
  readonly #keySets = new Map<string, KeySet>();
  /** By provider and token, the one used last at the end. */
  readonly #verified = new Map<string, Verified>();

  constructor(context: KeySetContext) {
    this.#context = context;
  }

  /** Begins to fetch the keys of a configuration that comes into force, and forgets those of others. */
  retain(auths: readonly TokenAuth[]): void {
    const ids = new Set(auths.map(keySetId));
    for (const id of this.#keySets.keys()) if (!ids.has(id)) this.#keySets.delete(id);
    for (const auth of auths) void this.#keySetOf(auth).refresh();
  }

  /**
   * Finds out what the credentials of a request prove. A promise only for tokens that are seen for the first time, or whose
   * keys are not there; it does not reject.
   */
  identify(callers: PreparedCallers, request: CallerRequest): Identification | Promise<Identification> {
    const found = this.#lookUpKeys(callers, request);
    const pending: Promise<Found>[] = [];
    for (const lookup of callers.tokens) {
      for (const credential of credentialsAt(lookup.auth.places, request)) {
        const proves = this.#identifyToken(lookup, credential);
        if (proves instanceof Promise) pending.push(proves.then((proved) => ({ credential, proves: proved })));
        else found.push({ credential, proves });
      }
    }
    if (pending.length === 0) return sumUp(found);
    return Promise.all(pending).then((verified) => sumUp([...found, ...verified]));
  }

  #lookUpKeys(callers: PreparedCallers, request: CallerRequest): Found[] {
    const found: Found[] = [];
    const now = this.#context.wallMs();
    for (const { places, byDigest } of callers.keys) {
      for (const credential of credentialsAt(places, request)) {
        const known = byDigest.get(keyDigest(credential));
        if (known === undefined) found.push({ credential, proves: "invalid" });
        for (const { identity, revoked, expiresAtMs } of known ?? []) {
          const standing = now < expiresAtMs ? identity : "expired";
          found.push({ credential, proves: revoked ? "revoked" : standing });
        }
      }
    }
    return found;
  }

  #identifyToken(lookup: TokenLookup, token: string): Identity | Doubt | Promise<Identity | Doubt> {
    const { auth, from, id } = lookup;
    const now = this.#context.wallMs();
    const keySet = this.#keySetOf(auth);
    const name = id + keyDigest(token);
    const known = this.#verified.get(name);
    if (known !== undefined) {
      this.#verified.delete(name);
      if (now >= known.expiresAtMs) return "expired";
      // Keys that are too old, or others by now, are no reason to trust what was verified with them.
      if (keySet.refresh() === undefined && keySet.version === known.version) {
        this.#verified.set(name, known);
        return { ...known.shown, from };
      }
    }
    const claims = readToken(token, auth);
    if (claims === undefined) return "invalid";
    if (now >= expiryMs(claims)) return "expired";
    return this.#verify(lookup, token, name);
  }

  async #verify({ auth, from }: TokenLookup, token: string, name: string): Promise<Identity | Doubt> {
    const keySet = this.#keySetOf(auth);
    const good = await verifyToken(token, auth, keySet, this.#context.wallMs);
    if (typeof good === "string") return good;
    const { claims, version } = good;
    const shown = { caller: { attributes: attributesOf(claims), models: [] }, headers: claimHeaders(auth, claims) };
    this.#remember(name, { shown, expiresAtMs: expiryMs(claims), version });
    return { ...shown, from };
  }

  #remember(name: string, verified: Verified): void {
    for (const oldest of this.#verified.keys()) {
      if (this.#verified.size < TOKENS_MAX) break;
      this.#verified.delete(oldest);
    }
    this.#verified.set(name, verified);
  }

  #keySetOf(auth: TokenAuth): KeySet {
    const id = keySetId(auth);
    let keySet = this.#keySets.get(id);
    if (keySet === undefined) {
      keySet =
        auth.keySet.from === "inline" ? inlineKeys(auth.keySet.jwks) : new RemoteKeys(auth.keySet, this.#context);
      this.#keySets.set(id, keySet);
    }
    return keySet;
  }
}

function keySetId({ keySet }: TokenAuth): string {
  return JSON.stringify(keySet);
}

function sumUp(found: readonly Found[]): Identification {
  const identities: Identity[] = [];
  const shown: string[] = [];
  let doubt: Doubt = "missing";
  for (const { credential, proves } of found) {
    if (typeof proves === "string") {
      doubt = moreTelling(doubt, proves);
    } else {
      identities.push(proves);
      shown.push(credential);
    }
  }
  return { identities, shown, doubt };
}
