/** Tokens of Google Cloud: of a service account's key, of a federated identity, of the machine. */
import type { GcpAuth, GcpFederation } from "../config/backend-auth.ts";
import { readServiceAccountKey } from "../config/service-account-key.ts";
import type { CredentialContext, CredentialSource, Issued } from "./credential-source.ts";
import { IssuerClient } from "./issuer-client.ts";
import { askForToken, reasonOf, TOKEN_LIFE_MS } from "./oauth-grant.ts";
import { oidcToken } from "./oidc-token.ts";

/** https://docs.cloud.google.com/vertex-ai/generative-ai/docs/reference/rest/v1/projects.locations.publishers.models/generateContent#authorization-scopes */
const SCOPE = "https://www.googleapis.com/auth/cloud-platform";

/** https://docs.cloud.google.com/iam/docs/reference/sts/rest/v1/TopLevel/token */
const STS = { issuer: "https://sts.googleapis.com", token_endpoint: "https://sts.googleapis.com/v1/token" };
const TOKEN_TYPE = "urn:ietf:params:oauth:token-type:";

const IAM_CREDENTIALS = "https://iamcredentials.googleapis.com/v1/projects/-/serviceAccounts/";

/** Longest life that Google gives a token. */
const LIFE_SECONDS = 3600;

/** Whom to ask, and by which clock. */
interface Exchange {
  readonly issuer: IssuerClient;
  readonly nowMs: () => number;
}

/** Gets tokens for a policy of type GCPCredentials. */
export function gcpSource({ project, source }: GcpAuth, context: CredentialContext): CredentialSource<string> {
  const { nowMs, env } = context;
  return async (signal) => {
    const exchange = { issuer: new IssuerClient({ signal, proxy: env["AI_GATEWAY_GCP_AUTH_PROXY_URL"] }), nowMs };
    switch (source.from) {
      case "default": {
        const { gcpDefaultToken } = await import("./gcp-default.ts");
        return await gcpDefaultToken({ ...exchange, project, scope: SCOPE, signal });
      }
      case "file":
        return await serviceAccountToken(source.key.reveal(), exchange);
      case "federation": {
        const { credential } = await oidcToken(source.federation.oidc, { nowMs, signal });
        return await federatedToken(source.federation, credential, exchange);
      }
    }
  };
}

/**
 * Exchanges an assertion signed by the key; https://developers.google.com/identity/protocols/oauth2/service-account#httprest
 *
 * Google's own library always asks the one endpoint, whichever the key names.
 */
async function serviceAccountToken(text: string, { issuer, nowMs }: Exchange): Promise<Issued<string>> {
  const key = readServiceAccountKey(text);
  const now = nowMs();
  const issuedAt = Math.floor(now / 1000);
  const { SignJWT } = await import("jose");
  const assertion = await new SignJWT({ scope: SCOPE })
    .setProtectedHeader({ alg: "RS256", typ: "JWT", ...(key.keyId !== undefined && { kid: key.keyId }) })
    .setIssuer(key.clientEmail)
    .setAudience(key.tokenUri)
    .setIssuedAt(issuedAt)
    .setExpirationTime(issuedAt + LIFE_SECONDS)
    .sign(key.privateKey);
  try {
    const answer = await askForToken(issuer, {
      server: { issuer: key.tokenUri, token_endpoint: key.tokenUri },
      client: undefined,
      grantType: "urn:ietf:params:oauth:grant-type:jwt-bearer",
      parameters: new URLSearchParams({ assertion }),
    });
    return { credential: answer.access_token, expiresAtMs: now + lifeMs(answer.expires_in) };
  } catch (error) {
    throw issuer.fault("token of the service account", reasonOf(error));
  }
}

/**
 * Exchanges another provider's token for one of Google's, and that for one of a service account's if so configured.
 *
 * Google's own library does the same, but its requests to the token service take neither a proxy nor a limit of time.
 */
async function federatedToken(federation: GcpFederation, subject: string, exchange: Exchange): Promise<Issued<string>> {
  const { issuer, nowMs } = exchange;
  try {
    const now = nowMs();
    const answer = await askForToken(issuer, {
      server: STS,
      client: undefined,
      grantType: "urn:ietf:params:oauth:grant-type:token-exchange",
      parameters: new URLSearchParams({
        audience: federation.audience,
        scope: SCOPE,
        requested_token_type: `${TOKEN_TYPE}access_token`,
        subject_token: subject,
        subject_token_type: `${TOKEN_TYPE}jwt`,
      }),
    });
    const { serviceAccount } = federation;
    if (serviceAccount !== undefined) return await impersonate(serviceAccount, answer.access_token, issuer);
    return { credential: answer.access_token, expiresAtMs: now + lifeMs(answer.expires_in) };
  } catch (error) {
    throw issuer.fault("token of the federated identity", reasonOf(error));
  }
}

/** https://docs.cloud.google.com/iam/docs/reference/credentials/rest/v1/projects.serviceAccounts/generateAccessToken */
async function impersonate(account: string, token: string, issuer: IssuerClient): Promise<Issued<string>> {
  const response = await issuer.fetch(`${IAM_CREDENTIALS}${encodeURIComponent(account)}:generateAccessToken`, {
    method: "POST",
    headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
    body: JSON.stringify({ scope: [SCOPE], lifetime: `${LIFE_SECONDS}s` }),
  });
  const { accessToken, expireTime } = (await response.json()) as Partial<Record<string, unknown>>;
  const expiresAtMs = Date.parse(String(expireTime));
  if (typeof accessToken !== "string" || accessToken === "" || Number.isNaN(expiresAtMs)) {
    throw new Error("no token");
  }
  return { credential: accessToken, expiresAtMs };
}

function lifeMs(seconds: number | undefined): number {
  return seconds === undefined ? TOKEN_LIFE_MS : seconds * 1000;
}
