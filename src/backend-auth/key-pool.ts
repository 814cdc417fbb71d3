/** Several keys for one backend, used in turn; one that the provider refuses rests. */
import type { Secret } from "../config/secret.ts";
import type { HeaderMap } from "../wire/headers.ts";

/** Rest after 429 without a word about how long. */
const LIMITED_REST_MS = 30_000;
/** Rest after 401 or 403; it doubles with each further refusal. */
const REFUSED_REST_MS = 300_000;
/** No rest is longer: a limit may be lifted, and an account paid. */
const REST_MS_MAX = 3_600_000;

interface Key {
  /** Trimmed. */
  readonly value: Secret;
  /** Unix milliseconds. */
  restsUntilMs: number;
  /** How often it was sent to rest. */
  rests: number;
  /** Refusals since it was last accepted. */
  refusals: number;
}

/** Hands out keys in turn. What it knows of them is this process's. */
export class KeyPool {
  readonly #keys: readonly Key[];
  readonly #nowMs: () => number;
  #next = 0;
  /** How often a key was sent to rest, by the status that did it. */
  readonly rests = new Map<number, number>();

  /** @param keys At least one. */
  constructor(keys: readonly Secret[], nowMs: () => number) {
    this.#keys = keys.map((value) => ({ value, restsUntilMs: 0, rests: 0, refusals: 0 }));
    this.#nowMs = nowMs;
  }

  get size(): number {
    return this.#keys.length;
  }

  /** How many keys rest at this moment. */
  get resting(): number {
    const now = this.#nowMs();
    return this.#keys.filter((key) => now < key.restsUntilMs).length;
  }

  /** The next key that does not rest, or the one whose rest ends first; with it, what takes the provider's word on it. */
  take(): { readonly value: Secret; readonly told: (status: number, headers: HeaderMap) => void } {
    const key = this.#pick();
    const { rests } = key;
    // Requests that were under way together are refused together: that is one refusal.
    const told = (status: number, headers: HeaderMap) => {
      if (status < 400 || key.rests === rests) this.#told(key, status, headers);
    };
    return { value: key.value, told };
  }

  #pick(): Key {
    const now = this.#nowMs();
    const { length } = this.#keys;
    let best: Key | undefined;
    for (let i = 0; i < length; i++) {
      const at = (this.#next + i) % length;
      const key = this.#keys[at] as Key;
      if (now >= key.restsUntilMs) {
        this.#next = (at + 1) % length;
        return key;
      }
      if (best === undefined || key.restsUntilMs < best.restsUntilMs) best = key;
    }
    return best as Key;
  }

  #told(key: Key, status: number, headers: HeaderMap): void {
    if (status < 400) {
      key.refusals = 0;
      key.restsUntilMs = 0;
      return;
    }
    if (status !== 401 && status !== 403 && status !== 429) return;
    const now = this.#nowMs();
    const restMs =
      status === 429 ? (retryAfterMs(headers, now) ?? LIMITED_REST_MS) : REFUSED_REST_MS * 2 ** key.refusals;
    key.restsUntilMs = Math.max(key.restsUntilMs, now + Math.min(restMs, REST_MS_MAX));
    key.rests += 1;
    if (status !== 429) key.refusals += 1;
    this.rests.set(status, (this.rests.get(status) ?? 0) + 1);
  }
}

/** What Retry-After says (RFC 9110 section 10.2.3): seconds or a date. */
function retryAfterMs(headers: HeaderMap, nowMs: number): number | undefined {
  const value = headers.get("retry-after")?.trim() ?? "";
  const ms = /^\d+$/.test(value) ? Number(value) * 1000 : Date.parse(value) - nowMs;
  return ms > 0 ? ms : undefined;
}
