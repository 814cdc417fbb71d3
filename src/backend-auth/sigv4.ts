/**
 * Signature Version 4 (https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html). Written by
 * hand, because it is paid by every request, and the vendor's takes twice the time and returns a promise.
 */
import { createHmac, hash } from "node:crypto";
import type { AwsCredentials } from "./aws-credentials.ts";

const ALGORITHM = "AWS4-HMAC-SHA256";

/** A request as it is sent. */
export interface RequestToSign {
  readonly method: string;
  /** Path with query, percent-escaped. */
  readonly path: string;
  /** Alternating lower-case names and values of the headers to sign, sorted by name; values have no outer or double spaces. */
  readonly headers: readonly string[];
  readonly body: Uint8Array;
}

/** What a signature is good for. */
export interface SigningScope {
  /** `20150830T123600Z`: see {@link formatAmzDate}. */
  readonly amzDate: string;
  readonly region: string;
  readonly service: string;
}

/** The last date that was written: many requests have the same. */
const lastDate = { second: Number.NaN, text: "" };

/** The value of `x-amz-date` for a time in Unix milliseconds. */
export function formatAmzDate(nowMs: number): string {
  const second = Math.floor(nowMs / 1000);
  if (second !== lastDate.second) {
    lastDate.text = `${new Date(nowMs).toISOString().slice(0, 19).replace(/[-:]/g, "")}Z`;
    lastDate.second = second;
  }
  return lastDate.text;
}

/** The value of `authorization` for a request. */
export function authorizationV4(request: RequestToSign, credentials: AwsCredentials, scope: SigningScope): string {
  let headers = "";
  let names = "";
  for (let i = 0; i < request.headers.length; i += 2) {
    headers += `${request.headers[i]}:${request.headers[i + 1]}\n`;
    names += i === 0 ? request.headers[i] : `;${request.headers[i]}`;
  }
  const queryAt = request.path.indexOf("?");
  const path = canonicalPath(queryAt < 0 ? request.path : request.path.slice(0, queryAt));
  const query = queryAt < 0 ? "" : canonicalQuery(request.path.slice(queryAt + 1));
  const bodyHash = hash("sha256", request.body);
  const canonical = `${request.method}\n${path}\n${query}\n${headers}\n${names}\n${bodyHash}`;
  const scopeText = `${scope.amzDate.slice(0, 8)}/${scope.region}/${scope.service}/aws4_request`;
  const toSign = `${ALGORITHM}\n${scope.amzDate}\n${scopeText}\n${hash("sha256", canonical)}`;
  const signature = hmac(signingKey(credentials, scopeText), toSign);
  return `${ALGORITHM} Credential=${credentials.accessKeyId}/${scopeText}, SignedHeaders=${names}, Signature=${signature}`;
}

/** Bytes that SHA-256 takes at a time. */
const BLOCK = 64;

/** A key as HMAC uses it (RFC 2104 section 2): mixed with the bytes of the inner and of the outer pad. */
interface PaddedKey {
  readonly scope: string;
  readonly inner: Buffer;
  readonly outer: Buffer;
}

/** The last key that was derived from each credential: it holds for a day, and deriving it costs more than all the rest. */
const signingKeys = new WeakMap<AwsCredentials, PaddedKey>();

function signingKey(credentials: AwsCredentials, scope: string): PaddedKey {
  const kept = signingKeys.get(credentials);
  if (kept?.scope === scope) return kept;
  let key = Buffer.from(`AWS4${credentials.secretAccessKey.reveal()}`);
  for (const part of scope.split("/")) key = createHmac("sha256", key).update(part).digest();
  const padded = { scope, inner: Buffer.alloc(BLOCK, 0x36), outer: Buffer.alloc(BLOCK, 0x5c) };
  for (const pad of [padded.inner, padded.outer]) for (const [i, byte] of key.entries()) pad[i] = byte ^ (pad[i] ?? 0);
  signingKeys.set(credentials, padded);
  return padded;
}

/** HMAC-SHA-256 by two plain hashes: `createHmac` makes a stream for each, which costs a busy process 10 µs a request. */
function hmac({ inner, outer }: PaddedKey, text: string): string {
  const digest = hash("sha256", Buffer.concat([inner, Buffer.from(text)]), "buffer");
  return hash("sha256", Buffer.concat([outer, digest]));
}

/** A path whose canonical form is not the path itself: one with more than unreserved characters, or with segments to drop. */
const NOT_CANONICAL = /[^A-Za-z0-9\-._~/]|\/\/|\/\.|^$/;

/** Without empty and relative segments (RFC 3986 section 5.2.4), escaped once more than it is sent. */
function canonicalPath(path: string): string {
  if (!NOT_CANONICAL.test(path)) return path;
  const kept: string[] = [];
  for (const segment of path.split("/")) {
    if (segment === "..") kept.pop();
    else if (segment !== "" && segment !== ".") kept.push(escaped(segment));
  }
  return kept.length === 0 ? "/" : `/${kept.join("/")}${path.endsWith("/") ? "/" : ""}`;
}

/** Parameters by name and value, each escaped exactly once. */
function canonicalQuery(query: string): string {
  const pairs: (readonly [name: string, value: string])[] = [];
  for (const parameter of query.split("&")) {
    if (parameter === "") continue;
    const equals = parameter.indexOf("=");
    const name = equals < 0 ? parameter : parameter.slice(0, equals);
    const value = equals < 0 ? "" : parameter.slice(equals + 1);
    pairs.push([escaped(unescaped(name)), escaped(unescaped(value))]);
  }
  pairs.sort(([a, first], [b, second]) => compare(a, b) || compare(first, second));
  return pairs.map(([name, value]) => `${name}=${value}`).join("&");
}

/** By code point: what was escaped is ASCII. */
function compare(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}

/** Escapes everything but the unreserved characters of RFC 3986 section 2.3. */
function escaped(text: string): string {
  return encodeURIComponent(text.toWellFormed()).replace(
    /[!'()*]/g,
    (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}

function unescaped(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    // A percent sign that escapes nothing stands for itself.
    return text;
  }
}
