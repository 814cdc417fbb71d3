/** Who may call the routes of a listener, prepared once per configuration so that a key is one lookup. */
import { hash } from "node:crypto";
import type { ApiKeyAuth, CallerAuth, CredentialPlaces, GatewayKey, TokenAuth } from "../config/callers.ts";
import type { CallerSource, Identity } from "./identity.ts";
import { type CallerRequest, credentialsAt, KEY_PLACES } from "./places.ts";

/** A key, by the hash of which it is found. */
export interface KnownKey {
  readonly identity: Identity;
  /** Unix milliseconds; infinite = it does not expire. */
  readonly expiresAtMs: number;
  readonly revoked: boolean;
}

/** Keys that are taken from the same places. */
export interface KeyLookup {
  readonly places: CredentialPlaces;
  /** By the SHA-256 of the key in hexadecimal digits. */
  readonly byDigest: ReadonlyMap<string, readonly KnownKey[]>;
}

/** Token providers that say the same, of one policy or of several. */
export interface TokenLookup {
  /** The first of them; the others differ from it in their names only. */
  readonly auth: TokenAuth;
  readonly from: readonly TokenAuth[];
  /** The same for equal providers of every configuration. */
  readonly id: string;
}

/** Everything that can tell who calls a listener. */
export class PreparedCallers {
  readonly keys: readonly KeyLookup[];
  readonly tokens: readonly TokenLookup[];
  /** Whether every route wants a caller that is known. */
  readonly isClosed: boolean;
  /** Headers that only the gateway sets. */
  readonly ownHeaders: readonly string[];
  readonly #accepted: ReadonlyMap<CallerAuth, readonly ReadonlySet<CallerSource>[]>;

  /** @param auths Of each route; undefined = everybody may call it. */
  constructor(auths: readonly (CallerAuth | undefined)[]) {
    const named = [...new Set(auths.filter((auth) => auth !== undefined))];
    const apiKeys = [...new Set(named.flatMap((auth) => auth.apiKeys))];
    const tokens = [...new Set(named.flatMap((auth) => auth.tokens))];
    // Routes of a namespace share one list of keys, which may be long.
    const lists = new Map(
      [...new Set(named.map(({ keys }) => keys))].map((keys) => [keys, new Set<CallerSource>(keys)]),
    );
    const issued = gatewayKeys(new Set([...lists.keys()].flat()));
    // Where there is nothing else to show, a key is asked for before there is one.
    const takesKeys = issued.byDigest.size > 0 || (apiKeys.length === 0 && tokens.length === 0);
    this.keys = [...(takesKeys ? [issued] : []), ...apiKeyLookups(apiKeys)];
    this.tokens = tokenLookups(tokens);
    this.isClosed = auths.length > 0 && auths.every((auth) => auth !== undefined && !auth.optional);
    this.ownHeaders = [
      ...new Set([
        ...apiKeys.flatMap(({ clientIdHeader }) => clientIdHeader ?? []),
        ...tokens.flatMap(({ claimHeaders }) => claimHeaders.map(({ header }) => header)),
      ]),
    ];
    this.#accepted = new Map(
      named.map((auth) => [auth, [lists.get(auth.keys) ?? new Set(), new Set([...auth.apiKeys, ...auth.tokens])]]),
    );
  }

  /** Whether a route takes a caller. */
  accepts(auth: CallerAuth, { from }: Identity): boolean {
    const accepted = this.#accepted.get(auth) ?? [];
    return from.some((source) => accepted.some((sources) => sources.has(source)));
  }
}

/** Whether a request shows a credential at a place where a route looks for one. */
export function showsCredential({ keys, apiKeys, tokens }: CallerAuth, request: CallerRequest): boolean {
  if (keys.length > 0 && credentialsAt(KEY_PLACES, request).length > 0) return true;
  return [...apiKeys, ...tokens].some(({ places }) => credentialsAt(places, request).length > 0);
}

/** Headers and query parameters in which callers of these routes show credentials: they go no further. */
export function credentialNames(auths: readonly CallerAuth[]): {
  readonly headers: ReadonlySet<string>;
  readonly queryParams: ReadonlySet<string>;
} {
  const places = auths.flatMap(({ keys, apiKeys, tokens }) => [
    ...(keys.length > 0 ? [KEY_PLACES] : []),
    ...[...apiKeys, ...tokens].map((auth) => auth.places),
  ]);
  return {
    headers: new Set(places.flatMap(({ headers }) => headers.map(({ name }) => name))),
    queryParams: new Set(places.flatMap(({ queryParams }) => queryParams)),
  };
}

/** The hash by which a key is found. What is looked up is a hash, too, so that the time it takes tells nothing of a key. */
export function keyDigest(key: string): string {
  return hash("sha256", key, "hex");
}

function gatewayKeys(keys: ReadonlySet<GatewayKey>): KeyLookup {
  const byDigest = new Map<string, KnownKey[]>();
  for (const key of keys) {
    const { id, secrets, revoked, expiresAtMs = Number.POSITIVE_INFINITY, attributes, models } = key;
    const caller = { attributes: new Map([...Object.entries(attributes), ["key", id]] as const), models };
    const identity = { caller, from: [key], headers: [] };
    for (const { sha256, expiresAtMs: own = Number.POSITIVE_INFINITY } of secrets) {
      addKey(byDigest, sha256, { identity, expiresAtMs: Math.min(own, expiresAtMs), revoked });
    }
  }
  return { places: KEY_PLACES, byDigest };
}

function apiKeyLookups(auths: readonly ApiKeyAuth[]): KeyLookup[] {
  const lookups = new Map<string, { places: CredentialPlaces; byDigest: Map<string, KnownKey[]> }>();
  for (const auth of auths) {
    const { places, clients, clientIdHeader } = auth;
    const name = JSON.stringify(places);
    const lookup = lookups.get(name) ?? { places, byDigest: new Map() };
    lookups.set(name, lookup);
    for (const { id, key } of clients) {
      // An empty entry of a Secret is nobody's key.
      if (key.reveal() === "") continue;
      const headers = clientIdHeader === undefined ? [] : [{ name: clientIdHeader, value: id }];
      const identity = { caller: { attributes: new Map([["key", id]]), models: [] }, from: [auth], headers };
      const known = { identity, expiresAtMs: Number.POSITIVE_INFINITY, revoked: false };
      addKey(lookup.byDigest, keyDigest(key.reveal()), known);
    }
  }
  return [...lookups.values()];
}

function addKey(byDigest: Map<string, KnownKey[]>, digest: string, key: KnownKey): void {
  const known = byDigest.get(digest);
  if (known === undefined) byDigest.set(digest, [key]);
  else known.push(key);
}

function tokenLookups(auths: readonly TokenAuth[]): TokenLookup[] {
  const lookups = new Map<string, TokenAuth[]>();
  for (const auth of auths) {
    const { issuer, audiences, keySet, places, claimHeaders } = auth;
    const id = keyDigest(JSON.stringify([issuer, audiences, keySet, places, claimHeaders]));
    lookups.set(id, [...(lookups.get(id) ?? []), auth]);
  }
  return [...lookups].flatMap(([id, from]) => from.slice(0, 1).map((auth) => ({ auth, from, id })));
}
