/** What a source of credentials is, and what it is given. */
import type { Logger } from "../telemetry/logger.ts";

/** A credential as it was issued. */
export interface Issued<T> {
  readonly credential: T;
  /** Unix milliseconds; infinite = it does not expire. */
  readonly expiresAtMs: number;
}

/**
 * Gets a credential from where it is issued. Rejects with an Error whose message says what failed and where (host, status, the
 * error code of the answer) and holds no secret: no request body, no token, no header.
 */
export type CredentialSource<T> = (signal: AbortSignal) => Promise<Issued<T>>;

/** What sources and those who keep their credentials need of the process. */
export interface CredentialContext {
  /** Unix milliseconds. */
  readonly nowMs: () => number;
  /** In [0, 1). */
  readonly random: () => number;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly log: Logger;
}
