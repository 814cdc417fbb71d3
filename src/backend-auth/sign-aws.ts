import type { AwsAuth } from "../config/backend-auth.ts";
import type { UnsignedRequest } from "./authenticator.ts";
import type { AwsCredentials } from "./aws-credentials.ts";
import { authorizationV4, formatAmzDate } from "./sigv4.ts";

/** Name of Bedrock in signatures, also for its runtime. */
const SERVICE = "bedrock";

/**
 * Hosts of Bedrock's runtime name their region, whichever one is configured: public and FIPS endpoints, dual-stack ones, and
 * those of a VPC (https://docs.aws.amazon.com/general/latest/gr/bedrock.html,
 * https://docs.aws.amazon.com/bedrock/latest/userguide/vpc-interface-endpoints.html).
 */
const REGION_IN_HOST =
  /(?:^|\.)bedrock-runtime(?:-fips)?\.([a-z0-9-]+)\.(?:amazonaws\.com|vpce\.amazonaws\.com|api\.aws)(?::\d+)?$/;

/** The region to sign for. */
export function signingRegion(authority: string, configured: string): string {
  return REGION_IN_HOST.exec(authority)?.[1] ?? configured;
}

/**
 * Signs a request to Bedrock. Headers that only the signer may write go first: what a caller or a mutation had put there would be
 * refused, since all of them have to be signed.
 */
export function signAws(request: UnsignedRequest, credentials: AwsCredentials, auth: AwsAuth, nowMs: number): void {
  const { headers, authority } = request;
  removeAmzHeaders(request);
  const amzDate = formatAmzDate(nowMs);
  const token = credentials.sessionToken?.reveal();
  const signed = ["host", authority, "x-amz-date", amzDate];
  headers.set("x-amz-date", amzDate);
  if (token !== undefined) {
    signed.push("x-amz-security-token", token);
    headers.set("x-amz-security-token", token);
  }
  const scope = { amzDate, region: signingRegion(authority, auth.region), service: SERVICE };
  const { method, path, body } = request;
  headers.set("authorization", authorizationV4({ method, path, headers: signed, body }, credentials, scope));
}

function removeAmzHeaders({ headers }: UnsignedRequest): void {
  for (let i = headers.flat.length - 2; i >= 0; i -= 2) {
    const name = headers.flat[i];
    // Names removed together shorten the list: what is past its end now was looked at or is gone.
    if (name?.startsWith("x-amz-")) headers.remove(name);
  }
}
