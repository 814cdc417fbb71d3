/** A stand-in for an OpenID provider. */
import { createPrivateKey, createPublicKey } from "node:crypto";
import { type JWTPayload, jwtVerify, SignJWT } from "jose";
import { type Answer, ISSUERS_KEY, oauthError, type SeenRequest, type TokenServers } from "./token-servers.ts";

const PRIVATE_KEY = createPrivateKey(ISSUERS_KEY);
const PUBLIC_KEY = createPublicKey(ISSUERS_KEY);

/** What the provider expects and issues. */
export interface OidcProviderOptions {
  readonly clientId: string;
  readonly clientSecret: string;
  /** Expected in the request; undefined = none. */
  readonly scope?: string;
  readonly audience?: string;
  /** Undefined = the answer does not say. */
  readonly expiresIn?: number;
  /** Life of the token itself. Default: an hour. */
  readonly lifeSeconds?: number;
  /** Also issue an ID token. */
  readonly idToken?: boolean;
  /** Issue an access token that is not a JWT. */
  readonly opaque?: boolean;
  /** Default: `client_secret_basic`. */
  readonly authMethods?: readonly string[];
}

/** Plays an OpenID provider at `127.0.0.1`; the issuer is the servers' own URL with `/oidc`. */
export function playOidc(servers: TokenServers, options: OidcProviderOptions): { readonly issuer: string } {
  const issuer = `${servers.url}/oidc`;
  servers.issuers.set("127.0.0.1", (request) => {
    if (request.path === "/oidc/.well-known/openid-configuration") {
      const methods = options.authMethods && { token_endpoint_auth_methods_supported: options.authMethods };
      return { status: 200, body: { issuer, token_endpoint: `${issuer}/token`, ...methods } };
    }
    if (request.path === "/oidc/token") return issue(request, options, issuer);
    return { status: 404, body: "" };
  });
  return { issuer };
}

/** Verifies a token of the stand-in. */
export async function verifyOidcToken(token: string, issuer: string): Promise<JWTPayload> {
  return (await jwtVerify(token, PUBLIC_KEY, { issuer })).payload;
}

async function issue(request: SeenRequest, options: OidcProviderOptions, issuer: string): Promise<Answer> {
  const { form } = request;
  if (request.method !== "POST") return oauthError("invalid_request", "not a POST");
  if (form.get("grant_type") !== "client_credentials") return oauthError("unsupported_grant_type", "");
  if (!isClient(request, options)) return oauthError("invalid_client", `not the secret: ${request.body}`, 401);
  if (form.get("scope") !== (options.scope ?? null)) return oauthError("invalid_scope", "");
  if (form.get("audience") !== (options.audience ?? null)) return oauthError("invalid_target", "");
  const access = options.opaque ? "opaque-access-token" : await sign(issuer, { ...options, use: "access" });
  const id = options.idToken && { id_token: await sign(issuer, { ...options, use: "id" }) };
  const life = options.expiresIn !== undefined && { expires_in: options.expiresIn };
  return { status: 200, body: { access_token: access, token_type: "Bearer", ...id, ...life } };
}

/** RFC 6749 section 2.3.1, both ways. */
function isClient({ headers, form }: SeenRequest, options: OidcProviderOptions): boolean {
  const { clientId, clientSecret, authMethods = ["client_secret_basic"] } = options;
  if (authMethods.includes("client_secret_post") && form.has("client_secret")) {
    return form.get("client_id") === clientId && form.get("client_secret") === clientSecret;
  }
  const pair = Buffer.from((headers.authorization ?? "").replace(/^Basic /, ""), "base64").toString();
  const [id = "", secret = ""] = pair.split(":").map((part) => [...new URLSearchParams(`part=${part}`).values()][0]);
  return authMethods.includes("client_secret_basic") && id === clientId && secret === clientSecret;
}

function sign(issuer: string, options: OidcProviderOptions & { use: string }): Promise<string> {
  const issuedAt = Math.floor(Date.now() / 1000);
  return new SignJWT({ use: options.use })
    .setProtectedHeader({ alg: "RS256" })
    .setIssuer(issuer)
    .setSubject(options.clientId)
    .setAudience(options.clientId)
    .setIssuedAt(issuedAt)
    .setExpirationTime(issuedAt + (options.lifeSeconds ?? 3600))
    .sign(PRIVATE_KEY);
}
