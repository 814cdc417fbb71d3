/** Tokens of OpenID providers, which the clouds take for their own. */
import type { AuthorizationServer } from "oauth4webapi";
import type { OidcClient } from "../config/backend-auth.ts";
import type { Issued } from "./credential-source.ts";
import { IssuerClient } from "./issuer-client.ts";
import { askForToken, reasonOf, TOKEN_LIFE_MS } from "./oauth-grant.ts";

/** What an exchange needs beside the configuration. */
export interface OidcTokenOptions {
  /** Unix milliseconds. */
  readonly nowMs: () => number;
  readonly signal: AbortSignal;
}

/**
 * Gets a token by the client credentials grant (RFC 6749 section 4.4): the ID token where there is one, otherwise the access token.
 * Rejects with an Error that names the host and what it answered, without secrets.
 */
export async function oidcToken(client: OidcClient, { nowMs, signal }: OidcTokenOptions): Promise<Issued<string>> {
  const oauth = await import("oauth4webapi");
  const issuer = new IssuerClient({ signal, proxy: undefined });
  try {
    const server = await findServer(client, issuer);
    const secret = client.clientSecret.reveal().trim();
    const authentication = takesPost(server) ? oauth.ClientSecretPost(secret) : oauth.ClientSecretBasic(secret);
    const parameters = new URLSearchParams();
    if (client.scopes.length > 0) parameters.set("scope", client.scopes.join(" "));
    if (client.audience !== undefined) parameters.set("audience", client.audience);
    const answer = await askForToken(issuer, {
      server,
      client: { id: client.clientId, authentication },
      grantType: "client_credentials",
      parameters,
    });
    const token = answer.id_token ?? answer.access_token;
    return { credential: token, expiresAtMs: await expiryOf(token, answer.expires_in, nowMs()) };
  } catch (error) {
    throw issuer.fault(`token of the OpenID provider ${client.issuer}`, reasonOf(error));
  }
}

/** What is known of the server: its discovery document, unless the configuration names the endpoint. */
async function findServer(client: OidcClient, issuer: IssuerClient): Promise<AuthorizationServer> {
  if (client.tokenEndpoint !== undefined) return { issuer: client.issuer, token_endpoint: client.tokenEndpoint };
  const oauth = await import("oauth4webapi");
  const url = new URL(client.issuer);
  // Clear text that leaves the machine is refused by the issuer's client.
  const options = { [oauth.customFetch]: issuer.fetch, [oauth.allowInsecureRequests]: true };
  return await oauth.processDiscoveryResponse(url, await oauth.discoveryRequest(url, options));
}

/**
 * In the body where the provider says that it takes the secret there; otherwise by Basic, which every one has to take (RFC 6749
 * section 2.3.1) but which not every one decodes.
 */
function takesPost({ token_endpoint_auth_methods_supported: methods }: AuthorizationServer): boolean {
  return methods?.includes("client_secret_post") ?? false;
}

/** When a token ends: what the answer says of its access token or the token of itself, whichever is sooner. */
async function expiryOf(token: string, lifeSeconds: number | undefined, nowMs: number): Promise<number> {
  const { decodeJwt } = await import("jose");
  const ends: number[] = [];
  if (lifeSeconds !== undefined) ends.push(nowMs + lifeSeconds * 1000);
  try {
    const { exp } = decodeJwt(token);
    if (exp !== undefined) ends.push(exp * 1000);
  } catch {
    // Access tokens need not be JWTs.
  }
  return ends.length > 0 ? Math.min(...ends) : nowMs + TOKEN_LIFE_MS;
}
