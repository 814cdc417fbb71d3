/** Everyone who issues credentials, for a gateway that runs as a process of its own. */
import { playSts } from "./aws.ts";
import { playEntra } from "./entra.ts";
import { playGoogleIam, playGoogleSts, playGoogleToken, SERVICE_ACCOUNT } from "./google.ts";
import { playOidc, verifyOidcToken } from "./oidc.ts";
import { ISSUERS_CA, TokenServers } from "./token-servers.ts";

/** Stands in a configuration for the URL of the OpenID provider. */
export const ISSUER_URL = "ISSUER_URL";

/** The clients, and what is issued to them; every secret and token has a mark by which it is found in outputs. */
export const ISSUED = {
  tenant: "aaaaaaaa-0000-0000-0000-000000000000",
  federatedTenant: "bbbbbbbb-0000-0000-0000-000000000000",
  clientId: "gateway-client",
  azureSecret: "canary-azure-secret",
  azureToken: "canary-azure-token",
  azureFederatedToken: "canary-azure-federated-token",
  oidcSecret: "canary-oidc-secret",
  googleToken: "canary-google-token",
  googleFederatedToken: "canary-google-sts-token",
  googleImpersonatedToken: "canary-google-impersonated-token",
  audience: "//iam.googleapis.com/projects/42/locations/global/workloadIdentityPools/pool/providers/provider",
  roleArn: "arn:aws:iam::123456789012:role/gateway",
} as const;

/** Keys that the token service of AWS issues. */
export interface TemporaryKeys {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken: string;
}

/** What a gateway needs to find the stand-ins. */
export interface Issuers {
  readonly servers: TokenServers;
  readonly env: Readonly<Record<string, string>>;
  /** Puts the URL of the OpenID provider into a configuration. */
  place(config: string): string;
}

const ENTRA = "login.microsoftonline.com";

/** Starts all of them; stop {@link Issuers.servers} in the end. */
export async function startIssuers(temporaryKeys: TemporaryKeys): Promise<Issuers> {
  const servers = await TokenServers.start();
  const { clientId, oidcSecret } = ISSUED;
  const { issuer } = playOidc(servers, { clientId, clientSecret: oidcSecret, expiresIn: 3600 });
  const isTrusted = (token: string) =>
    verifyOidcToken(token, issuer).then(
      () => true,
      () => false,
    );
  playTenants(servers, isTrusted);
  playGoogleToken(servers, { accessToken: ISSUED.googleToken });
  const { audience, googleFederatedToken: federatedToken } = ISSUED;
  playGoogleSts(servers, { audience, isSubject: isTrusted, federatedToken });
  playGoogleIam(servers, {
    account: SERVICE_ACCOUNT,
    bearer: federatedToken,
    accessToken: ISSUED.googleImpersonatedToken,
    expireTime: new Date(Date.now() + 3_600_000).toISOString(),
  });
  playSts(servers, { roleArn: ISSUED.roleArn, isTrusted, credentials: temporaryKeys });
  const { proxyUrl } = servers;
  const env = {
    NODE_EXTRA_CA_CERTS: ISSUERS_CA,
    AI_GATEWAY_STS_PROXY_URL: proxyUrl,
    AI_GATEWAY_AZURE_PROXY_URL: proxyUrl,
    AI_GATEWAY_GCP_AUTH_PROXY_URL: proxyUrl,
  };
  return { servers, env, place: (config) => config.replaceAll(ISSUER_URL, issuer) };
}

/** Two tenants: one takes a secret, one the tokens of the OpenID provider. */
function playTenants(servers: TokenServers, isAssertion: (token: string) => Promise<boolean>): void {
  const { tenant, federatedTenant, clientId, azureSecret, azureToken, azureFederatedToken } = ISSUED;
  playEntra(servers, { tenantId: tenant, clientId, accessToken: azureToken, proof: { clientSecret: azureSecret } });
  const first = servers.issuers.get(ENTRA);
  playEntra(servers, { tenantId: federatedTenant, clientId, accessToken: azureFederatedToken, proof: { isAssertion } });
  const second = servers.issuers.get(ENTRA);
  servers.issuers.set(ENTRA, (request) => {
    const issuer = request.path.startsWith(`/${tenant}/`) ? first : second;
    return issuer?.(request) ?? { status: 404, body: "" };
  });
}
