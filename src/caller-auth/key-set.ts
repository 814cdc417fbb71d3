/** The keys that a provider signs its tokens with. */
import { createLocalJWKSet, type JSONWebKeySet, type JWTVerifyGetKey } from "jose";
import type { RemoteKeySet } from "../config/callers.ts";
import type { Logger } from "../telemetry/logger.ts";

/** Between two fetches of one set, whatever callers send. */
const FETCH_PAUSE_MS = 10_000;
/** Keys that are older than so many times their cache duration are waited for. */
const STALE_FACTOR = 2;

/** What is needed to keep a key set up to date. */
export interface KeySetContext {
  /** Unix milliseconds. */
  readonly wallMs: () => number;
  readonly fetchKeySet: (uri: string) => Promise<string>;
  readonly log: Logger;
}

/** A key set that is there, or will be. */
export interface KeySet {
  /** Another one whenever the keys have changed: what was verified before may not be good any more. */
  readonly version: number;
  /** The keys; undefined = there are none yet. */
  readonly keys: JWTVerifyGetKey | undefined;
  /** Begins what there is to be done for the keys to be there and young enough; a promise where that has to be waited for. */
  refresh(): Promise<void> | undefined;
  /** Asks for keys that are not among them; a promise where a fetch is under way. */
  lookAgain(): Promise<void> | undefined;
}

/** Keys that stand in the configuration. */
export function inlineKeys(jwks: string): KeySet {
  return { version: 0, keys: readKeySet(jwks), refresh: () => undefined, lookAgain: () => undefined };
}

/** Keys that are fetched. Those that are there stay until others have come. */
export class RemoteKeys implements KeySet {
  readonly #set: RemoteKeySet;
  readonly #context: KeySetContext;
  #version = 0;
  #keys: JWTVerifyGetKey | undefined;
  #text = "";
  #fetchedMs = Number.NEGATIVE_INFINITY;
  #triedMs = Number.NEGATIVE_INFINITY;
  #fetching: Promise<void> | undefined;

  constructor(set: RemoteKeySet, context: KeySetContext) {
    this.#set = set;
    this.#context = context;
  }

  get version(): number {
    return this.#version;
  }

  get keys(): JWTVerifyGetKey | undefined {
    return this.#keys;
  }

  refresh(): Promise<void> | undefined {
    const age = this.#context.wallMs() - this.#fetchedMs;
    const { cacheMs } = this.#set;
    if (age < cacheMs) return undefined;
    const fetching = this.lookAgain();
    return age < cacheMs * STALE_FACTOR ? undefined : fetching;
  }

  lookAgain(): Promise<void> | undefined {
    const now = this.#context.wallMs();
    if (this.#fetching === undefined && now - this.#triedMs >= FETCH_PAUSE_MS) {
      this.#triedMs = now;
      this.#fetching = this.#fetch().finally(() => {
        this.#fetching = undefined;
      });
    }
    return this.#fetching;
  }

  /** Never rejects. */
  async #fetch(): Promise<void> {
    const { fetchKeySet, wallMs, log } = this.#context;
    const { uri } = this.#set;
    try {
      const text = await fetchKeySet(uri);
      if (text !== this.#text) {
        this.#keys = readKeySet(text);
        this.#text = text;
        this.#version += 1;
      }
      this.#fetchedMs = wallMs();
    } catch (error) {
      const kept = this.#keys === undefined ? "no token can be verified" : "the old ones stay in use";
      log.warn(`keys of a token issuer cannot be fetched: ${kept}`, { uri, error });
    }
  }
}

/** @throws Error where it is none. */
function readKeySet(text: string): JWTVerifyGetKey {
  return createLocalJWKSet(JSON.parse(text) as JSONWebKeySet);
}
