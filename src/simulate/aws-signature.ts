/**
 * Checks signatures as AWS does: everything is computed anew from what was received, and nothing is shared with the code that
 * signs (https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html).
 */
import { createHash, createHmac } from "node:crypto";
import type { IncomingHttpHeaders } from "node:http";

/** The credentials that signatures are checked with. */
export interface AwsKey {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  /** Has to come along where it is given, and must not where it is not. */
  readonly sessionToken?: string;
}

/** A request as it was received. */
export interface ReceivedRequest {
  readonly method: string;
  /** Path with query. */
  readonly url: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

/** How far the clocks may be apart. */
const SKEW_MS_MAX = 5 * 60_000;

const AUTHORIZATION =
  /^AWS4-HMAC-SHA256 Credential=([^/, ]+)\/(\d{8})\/([a-z0-9-]+)\/bedrock\/aws4_request, SignedHeaders=([a-z0-9;-]+), Signature=([0-9a-f]{64})$/;
const AMZ_DATE = /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/;

/** Whether a request is signed, well or not. */
export function isSigned({ authorization }: IncomingHttpHeaders): boolean {
  return authorization?.startsWith("AWS4-") ?? false;
}

/** What is wrong with a signature; undefined = nothing. */
export function signatureFault(request: ReceivedRequest, keys: readonly AwsKey[], nowMs: number): string | undefined {
  const { headers } = request;
  const parts = AUTHORIZATION.exec(headers.authorization ?? "");
  if (parts === null) return "The Authorization header is not one of Signature Version 4 for bedrock.";
  const [, accessKeyId, day = "", region = "", signedNames = "", signature] = parts;
  const key = keys.find((one) => one.accessKeyId === accessKeyId);
  if (key === undefined || headers["x-amz-security-token"] !== key.sessionToken) {
    return "The security token included in the request is invalid.";
  }

  const date = String(headers["x-amz-date"]);
  const sentAt = Date.parse(date.replace(AMZ_DATE, "$1-$2-$3T$4:$5:$6Z"));
  if (!(Math.abs(nowMs - sentAt) <= SKEW_MS_MAX)) return `Signature expired or not yet current: ${date}`;
  if (!date.startsWith(day)) return "Date in Credential scope does not match the date of the request.";

  const names = signedNames.split(";");
  const mustBeSigned = ["host", ...Object.keys(headers).filter((name) => name.startsWith("x-amz-"))];
  const missing = mustBeSigned.filter((name) => !names.includes(name));
  if (missing.length > 0) return `${missing.join(", ")} must be a 'SignedHeader' in the AWS Authorization.`;

  const scope = `${day}/${region}/bedrock/aws4_request`;
  const text = ["AWS4-HMAC-SHA256", date, scope, sha256(canonicalRequest(request, names))].join("\n");
  let signingKey: Buffer | string = `AWS4${key.secretAccessKey}`;
  for (const part of [day, region, "bedrock", "aws4_request", text]) {
    signingKey = createHmac("sha256", signingKey).update(part).digest();
  }
  if (signingKey.toString("hex") === signature) return undefined;
  return "The request signature we calculated does not match the signature you provided.";
}

function canonicalRequest({ method, url, headers, body }: ReceivedRequest, names: readonly string[]): string {
  const [path = "", query = ""] = url.split("?", 2);
  const host = headers.host ?? headers[":authority"];
  const values = names.map((name) => `${name}:${String(name === "host" ? host : headers[name]).trim()}\n`);
  const segments = path.split("/").map(escapeBytes);
  const parameters = [...new URLSearchParams(query.replaceAll("+", "%2B"))]
    .map(([name, value]) => ({ name: escapeBytes(name), value: escapeBytes(value) }))
    .toSorted((a, b) => Buffer.compare(Buffer.from(`${a.name}\0${a.value}`), Buffer.from(`${b.name}\0${b.value}`)))
    .map(({ name, value }) => `${name}=${value}`);
  return [method, segments.join("/"), parameters.join("&"), values.join(""), names.join(";"), sha256(body)].join("\n");
}

/** Byte by byte: all but letters, digits, `-`, `.`, `_` and `~`. */
function escapeBytes(text: string): string {
  let escaped = "";
  for (const byte of Buffer.from(text)) {
    const char = String.fromCharCode(byte);
    escaped += /[\w.~-]/.test(char) ? char : `%${byte.toString(16).toUpperCase().padStart(2, "0")}`;
  }
  return escaped;
}

function sha256(data: string | Buffer): string {
  return createHash("sha256").update(data).digest("hex");
}
