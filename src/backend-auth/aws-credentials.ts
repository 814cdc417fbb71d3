import type { Secret } from "../config/secret.ts";

/** A key pair of AWS, with the token that goes along with a temporary one. */
export interface AwsCredentials {
  readonly accessKeyId: string;
  readonly secretAccessKey: Secret;
  readonly sessionToken: Secret | undefined;
}
