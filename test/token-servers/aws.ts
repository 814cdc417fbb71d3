/** A stand-in for AWS's Security Token Service. */
import type { Answer, TokenServers } from "./token-servers.ts";

/** What the service expects and issues. */
export interface StsOptions {
  readonly roleArn: string;
  /** Whether a token is one of the provider's that the role trusts. */
  readonly isTrusted: (token: string) => boolean | Promise<boolean>;
  readonly credentials: {
    readonly accessKeyId: string;
    readonly secretAccessKey: string;
    readonly sessionToken: string;
  };
  /** Default: us-east-1. */
  readonly region?: string;
}

/** Plays it; https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRoleWithWebIdentity.html */
export function playSts(servers: TokenServers, options: StsOptions): void {
  const { region = "us-east-1", roleArn, isTrusted, credentials } = options;
  servers.issuers.set(`sts.${region}.amazonaws.com`, async ({ form }) => {
    if (form.get("Action") !== "AssumeRoleWithWebIdentity") return refusal(400, "InvalidAction", form);
    if (!(await isTrusted(form.get("WebIdentityToken") ?? ""))) return refusal(400, "InvalidIdentityToken", form);
    if (form.get("RoleArn") !== roleArn) return refusal(403, "AccessDenied", form);
    const expiration = new Date(Date.now() + 3_600_000).toISOString();
    return xml(
      200,
      `<AssumeRoleWithWebIdentityResponse><AssumeRoleWithWebIdentityResult><Credentials>
<AccessKeyId>${credentials.accessKeyId}</AccessKeyId>
<SecretAccessKey>${credentials.secretAccessKey}</SecretAccessKey>
<SessionToken>${credentials.sessionToken}</SessionToken>
<Expiration>${expiration}</Expiration>
</Credentials></AssumeRoleWithWebIdentityResult></AssumeRoleWithWebIdentityResponse>`,
    );
  });
}

/** Quotes what was sent, as no real one does: it must not get any further. */
function refusal(status: number, code: string, form: URLSearchParams): Answer {
  const quoted = `not with ${form.get("WebIdentityToken")}`;
  return xml(status, `<ErrorResponse><Error><Code>${code}</Code><Message>${quoted}</Message></Error></ErrorResponse>`);
}

function xml(status: number, body: string): Answer {
  return { status, body, headers: { "content-type": "text/xml" } };
}
