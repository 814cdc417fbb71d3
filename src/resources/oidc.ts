/** OpenID Connect settings as Envoy Gateway has them: https://gateway.envoyproxy.io/docs/api/extension_types/#oidc */
import * as Type from "typebox";
import type { Violation } from "./kind.ts";
import type { FieldPath } from "./resource.ts";
import { NonEmpty, object, open, SecretRef, unapplied, unappliedFields } from "./schema.ts";

/** Of a person's way through a browser, which the gateway's own way to a token is not. */
const NO_BROWSER = "is for people's logins, and not applied to the gateway's own";

const Provider = open({
  issuer: NonEmpty,
  tokenEndpoint: Type.Optional(NonEmpty),
  authorizationEndpoint: unapplied(NO_BROWSER),
  endSessionEndpoint: unapplied(NO_BROWSER),
  backendRef: Type.Optional(Type.Unknown()),
  ...unappliedFields("backendRefs", "backendSettings"),
});

const Oidc = open({
  provider: Provider,
  clientID: Type.Optional(NonEmpty),
  clientIDRef: Type.Optional(SecretRef),
  clientSecret: SecretRef,
  scopes: Type.Optional(Type.Array(NonEmpty)),
  forwardAccessToken: Type.Optional(Type.Unknown({ "x-unapplied": NO_BROWSER })),
  forwardIDToken: Type.Optional(Type.Unknown({ "x-unapplied": NO_BROWSER })),
  ...unappliedFields(
    "cookieConfig",
    "cookieDomain",
    "cookieNames",
    "csrfTokenTTL",
    "defaultRefreshTokenTTL",
    "defaultTokenTTL",
    "denyRedirect",
    "disableTokenEncryption",
    "logoutPath",
    "passThroughAuthHeader",
    "redirectURL",
    "refreshToken",
    "resources",
  ),
});

/** How a token of an OpenID provider is got, which is then exchanged for a cloud's. */
export const OidcExchange = object({
  oidc: Oidc,
  grantType: Type.Optional(Type.String()),
  aud: Type.Optional(Type.String()),
});
export type OidcExchange = Type.Static<typeof OidcExchange>;

/** Rules over several fields. */
export function oidcViolations(path: FieldPath, exchange: OidcExchange | undefined): Violation[] {
  if (exchange === undefined) return [];
  const { oidc } = exchange;
  const violations: Violation[] = [];
  if ((oidc.clientID === undefined) === (oidc.clientIDRef === undefined)) {
    violations.push({ path: [...path, "oidc"], reason: "exactly one of clientID and clientIDRef must be given" });
  }
  if (oidc.provider.backendRef !== undefined) {
    const reason = "is not taken any more; the token endpoint is called by its URL";
    violations.push({ path: [...path, "oidc", "provider", "backendRef"], reason });
  }
  if (forwardsTwice(oidc)) {
    const reason = "the access token and the ID token cannot both be forwarded in the header Authorization";
    violations.push({ path: [...path, "oidc", "forwardIDToken"], reason });
  }
  return violations;
}

function forwardsTwice({ forwardAccessToken, forwardIDToken }: OidcExchange["oidc"]): boolean {
  if (forwardAccessToken !== true || typeof forwardIDToken !== "object" || forwardIDToken === null) return false;
  const { header } = forwardIDToken as { readonly header?: unknown };
  return typeof header === "string" && header.toLowerCase() === "authorization";
}
