/** Where AWS credentials come from. */
import { readCredentialsFile } from "../config/aws-credentials-file.ts";
import type { AwsAuth, OidcClient } from "../config/backend-auth.ts";
import { Secret } from "../config/secret.ts";
import type { AwsCredentials } from "./aws-credentials.ts";
import type { AwsIdentity } from "./aws-exchange.ts";
import type { CredentialContext, CredentialSource, Issued } from "./credential-source.ts";
import { oidcToken } from "./oidc-token.ts";

/**
 * When what the default chain gave without an end is asked for again: it was in the environment, or in a file that may have
 * changed since.
 */
const READ_AGAIN_MS = 15 * 60_000;

/** The source that a policy names. */
export function awsSource(auth: AwsAuth, context: CredentialContext): CredentialSource<AwsCredentials> {
  const { source, region } = auth;
  switch (source.from) {
    case "file":
      return async () => {
        const file = readCredentialsFile(source);
        if ("fault" in file) throw new Error(`the AWS credentials file ${file.fault}`);
        return { credential: file.keys, expiresAtMs: Number.POSITIVE_INFINITY };
      };
    case "default-chain":
      return fromDefaultChain(region, context);
    case "oidc":
      return fromOidc({ ...source, region }, context);
  }
}

/** What the machine has. */
function fromDefaultChain(region: string, { env, log, nowMs }: CredentialContext): CredentialSource<AwsCredentials> {
  let chain: (() => Promise<AwsIdentity>) | undefined;
  return async () => {
    const { defaultChain, reasonOf } = await import("./aws-exchange.ts");
    // One chain for good: it knows the last credentials of an instance, which serve while its metadata service fails.
    chain ??= defaultChain({ region, env }, log);
    try {
      return issued(await chain(), nowMs() + READ_AGAIN_MS);
    } catch (error) {
      throw new Error(`AWS default credential chain: ${reasonOf(error)}`);
    }
  };
}

interface Role {
  readonly oidc: OidcClient;
  readonly roleArn: string;
  readonly sessionName: string;
  readonly region: string;
}

/** A role that trusts an OpenID provider. */
function fromOidc(
  { oidc, roleArn, sessionName, region }: Role,
  { env, nowMs }: CredentialContext,
): CredentialSource<AwsCredentials> {
  return async (signal) => {
    const { credential: webIdentityToken } = await oidcToken(oidc, { nowMs, signal });
    const { assumeRole, reasonOf } = await import("./aws-exchange.ts");
    try {
      const role = { webIdentityToken, roleArn, roleSessionName: sessionName };
      return issued(await assumeRole(role, { region, env }), Number.POSITIVE_INFINITY);
    } catch (error) {
      throw new Error(`AWS STS AssumeRoleWithWebIdentity (${stsHost(region, env)}): ${reasonOf(error)}`);
    }
  };
}

/** Where it is, for messages: the library reads the same settings (https://docs.aws.amazon.com/sdkref/latest/guide/feature-ss-endpoints.html). */
function stsHost(region: string, env: CredentialContext["env"]): string {
  const endpoint = env["AWS_ENDPOINT_URL_STS"] || env["AWS_ENDPOINT_URL"];
  return URL.parse(endpoint ?? "")?.host ?? `region ${region}`;
}

function issued(identity: AwsIdentity, withoutEndMs: number): Issued<AwsCredentials> {
  const { accessKeyId, secretAccessKey, sessionToken, expiration } = identity;
  return {
    credential: {
      accessKeyId,
      secretAccessKey: new Secret(secretAccessKey),
      sessionToken: sessionToken === undefined ? undefined : new Secret(sessionToken),
    },
    expiresAtMs: expiration?.getTime() ?? withoutEndMs,
  };
}
