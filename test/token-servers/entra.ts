/** A stand-in for Microsoft Entra ID. */
import type { Answer, SeenRequest, TokenServers } from "./token-servers.ts";

/** https://learn.microsoft.com/en-us/entra/identity-platform/v2-oauth2-client-creds-grant-flow */
const ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/** What Entra ID expects and issues. */
export interface EntraOptions {
  readonly tenantId: string;
  readonly clientId: string;
  readonly proof:
    | { readonly clientSecret: string }
    /** Whether an assertion is the one to be trusted. */
    | { readonly isAssertion: (assertion: string) => boolean | Promise<boolean> };
  readonly accessToken: string;
  /** Default: an hour. */
  readonly expiresIn?: number;
  /** Default: that of the public cloud. */
  readonly host?: string;
}

/** Plays Microsoft Entra ID. */
export function playEntra(servers: TokenServers, options: EntraOptions): void {
  const { host = "login.microsoftonline.com", tenantId } = options;
  const origin = host === "127.0.0.1" ? servers.url : `https://${host}`;
  const base = `/${tenantId}`;
  servers.issuers.set(host, (request) => {
    const path = request.path.replace(/\?.*/, "");
    if (path === `${base}/v2.0/.well-known/openid-configuration`) {
      const body = {
        issuer: `${origin}${base}/v2.0`,
        token_endpoint: `${origin}${base}/oauth2/v2.0/token`,
        authorization_endpoint: `${origin}${base}/oauth2/v2.0/authorize`,
        end_session_endpoint: `${origin}${base}/oauth2/v2.0/logout`,
        jwks_uri: `${origin}${base}/discovery/v2.0/keys`,
      };
      return { status: 200, body };
    }
    if (path === `${base}/oauth2/v2.0/token`) return issue(request, options);
    return { status: 404, body: "" };
  });
}

async function issue({ method, form }: SeenRequest, options: EntraOptions): Promise<Answer> {
  if (method !== "POST") return entraError("invalid_request", 900144, "not a POST");
  if (form.get("grant_type") !== "client_credentials") return entraError("unsupported_grant_type", 70003, "");
  if (form.get("client_id") !== options.clientId) return entraError("unauthorized_client", 700016, "");
  if (form.get("scope") !== "https://cognitiveservices.azure.com/.default")
    return entraError("invalid_scope", 70011, "");
  if (!(await proves(form, options))) return entraError("invalid_client", 7000215, `Invalid: ${form}`, 401);
  const { accessToken, expiresIn = 3600 } = options;
  const body = { token_type: "Bearer", expires_in: expiresIn, ext_expires_in: expiresIn, access_token: accessToken };
  return { status: 200, body };
}

async function proves(form: URLSearchParams, { proof }: EntraOptions): Promise<boolean> {
  if ("clientSecret" in proof) return form.get("client_secret") === proof.clientSecret && !form.has("client_assertion");
  if (form.get("client_assertion_type") !== ASSERTION_TYPE || form.has("client_secret")) return false;
  return await proof.isAssertion(form.get("client_assertion") ?? "");
}

/** Quotes what was sent, as no real one does: it must not get any further. */
function entraError(error: string, number: number, quote: string, status = 400): Answer {
  return { status, body: { error, error_description: `AADSTS${number}: ${quote}`, error_codes: [number] } };
}
