/** Token requests of OAuth 2.0, by whatever grant. */
import type { AuthorizationServer, ClientAuth, TokenEndpointResponse } from "oauth4webapi";
import type { IssuerClient } from "./issuer-client.ts";

/** How long a token is taken to live when nothing tells. */
export const TOKEN_LIFE_MS = 5 * 60_000;

/** A request for a token. */
export interface OauthGrant {
  readonly server: AuthorizationServer;
  /** Who asks and how it proves that; undefined = what is in the parameters proves it. */
  readonly client: { readonly id: string; readonly authentication: ClientAuth } | undefined;
  readonly grantType: string;
  readonly parameters: URLSearchParams;
}

/**
 * Asks a token endpoint and checks the answer (RFC 6749 section 5).
 *
 * @throws OperationProcessingError and others of oauth4webapi; see {@link reasonOf}.
 */
export async function askForToken(issuer: IssuerClient, grant: OauthGrant): Promise<TokenEndpointResponse> {
  const oauth = await import("oauth4webapi");
  const client = { client_id: grant.client?.id ?? "none" };
  const response = await oauth.genericTokenEndpointRequest(
    grant.server,
    client,
    grant.client?.authentication ?? noAuthentication,
    grant.grantType,
    grant.parameters,
    // Clear text that leaves the machine is refused by the issuer's client.
    { [oauth.customFetch]: issuer.fetch, [oauth.allowInsecureRequests]: true },
  );
  return await oauth.processGenericTokenEndpointResponse(grant.server, client, response);
}

/** What oauth4webapi found wrong: its own words, which quote nothing of the answer. */
export function reasonOf(error: unknown): string {
  const known = error instanceof Error && /^(OperationProcessing|UnsupportedOperation)Error$/.test(error.name);
  return known ? error.message : "the answer is not understood";
}

function noAuthentication(): void {
  // The assertion in the parameters says who asks.
}
