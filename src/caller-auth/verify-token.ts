/** Whether a JSON Web Token (RFC 7519) is good, by the rules of RFC 8725 for those who verify them. */
import { decodeJwt, decodeProtectedHeader, errors, type JWTVerifyGetKey, jwtVerify } from "jose";
import type { TokenAuth } from "../config/callers.ts";
import type { Claims } from "./claims.ts";
import type { Doubt } from "./identity.ts";
import type { KeySet } from "./key-set.ts";

/** Of public keys alone: with `none` there is nothing to verify, and HS* would take a public key for a shared secret. */
const ALGORITHMS = [
  ...["RS256", "RS384", "RS512", "PS256", "PS384", "PS512"],
  ...["ES256", "ES384", "ES512", "EdDSA", "Ed25519"],
];
const SHAPE = /^[\w-]+\.[\w-]+\.[\w-]+$/;
/** How far the clocks of an issuer and of the gateway may be apart. */
const LEEWAY_SECONDS = 60;
/** A token that does not name its key is held against so many. */
const KEYS_TRIED_MAX = 16;

/** What a token says before anybody has verified that; undefined = it cannot be good, or is not this provider's. */
export function readToken(token: string, { issuer, audiences }: TokenAuth): Claims | undefined {
  if (!SHAPE.test(token)) return undefined;
  try {
    const { alg, crit } = decodeProtectedHeader(token);
    if (alg === undefined || !ALGORITHMS.includes(alg) || crit !== undefined) return undefined;
    const claims = decodeJwt(token);
    if (issuer !== undefined && claims.iss !== issuer) return undefined;
    if (audiences.length > 0 && ![claims.aud ?? []].flat().some((one) => audiences.includes(one))) return undefined;
    return hasTimes(claims) ? claims : undefined;
  } catch {
    // Neither JSON nor an object: no token at all.
    return undefined;
  }
}

/** Times are numbers of seconds (RFC 7519 section 2), and JSON's 1e999 is none. */
function hasTimes(claims: Claims): boolean {
  return ["exp", "nbf", "iat"].every((name) => claims[name] === undefined || Number.isFinite(claims[name]));
}

/** Unix milliseconds from which a token is good no more. */
export function expiryMs({ exp }: Claims): number {
  return typeof exp === "number" ? (exp + LEEWAY_SECONDS) * 1000 : Number.POSITIVE_INFINITY;
}

/** A token that is good. */
export interface GoodToken {
  readonly claims: Claims;
  /** Version of the keys it was verified with. */
  readonly version: number;
}

/** Verifies what {@link readToken} has read; keys that are not known are looked for once. */
export async function verifyToken(
  token: string,
  auth: TokenAuth,
  keySet: KeySet,
  wallMs: () => number,
): Promise<GoodToken | Doubt> {
  await keySet.refresh();
  let { version } = keySet;
  let claims = await verifyWith(token, auth, keySet.keys, wallMs());
  if (claims === "unknown-key") {
    await keySet.lookAgain();
    if (keySet.version === version) return "invalid";
    version = keySet.version;
    claims = await verifyWith(token, auth, keySet.keys, wallMs());
  }
  if (claims === "unknown-key") return "invalid";
  return typeof claims === "string" ? claims : { claims, version };
}

async function verifyWith(
  token: string,
  { issuer, audiences }: TokenAuth,
  keys: JWTVerifyGetKey | undefined,
  nowMs: number,
): Promise<Claims | Doubt | "unknown-key"> {
  if (keys === undefined) return "issuer-unavailable";
  const options = {
    algorithms: ALGORITHMS,
    clockTolerance: LEEWAY_SECONDS,
    currentDate: new Date(nowMs),
    ...(issuer !== undefined && { issuer }),
    ...(audiences.length > 0 && { audience: [...audiences] }),
  };
  try {
    return (await jwtVerify(token, keys, options)).payload;
  } catch (error) {
    if (error instanceof errors.JWKSNoMatchingKey) return "unknown-key";
    if (error instanceof errors.JWKSMultipleMatchingKeys) return await verifyWithAny(token, error, options);
    return error instanceof errors.JWTExpired ? "expired" : "invalid";
  }
}

/** For tokens that do not name their key, where there are several. */
async function verifyWithAny(
  token: string,
  keys: errors.JWKSMultipleMatchingKeys,
  options: Parameters<typeof jwtVerify>[2],
): Promise<Claims | Doubt> {
  let tried = 0;
  for await (const key of keys) {
    if (++tried > KEYS_TRIED_MAX) break;
    try {
      return (await jwtVerify(token, key, options)).payload;
    } catch (error) {
      if (error instanceof errors.JWTExpired) return "expired";
      // Not this one.
    }
  }
  return "invalid";
}
