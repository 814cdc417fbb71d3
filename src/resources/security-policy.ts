import * as Type from "typebox";
import { type CrossFieldRule, defineKind, type Violation } from "./kind.ts";
import { hasOneKindOfTarget } from "./policy-target.ts";
import type { Resource } from "./resource.ts";
import { HeaderName, NonEmpty, open, PolicyTargetRef, PositiveDuration, SecretRef, unapplied } from "./schema.ts";

const Names = Type.Optional(Type.Array(NonEmpty, { maxItems: 16 }));

const APIKeyAuth = open({
  credentialRefs: Type.Array(SecretRef, { minItems: 1, maxItems: 64 }),
  extractFrom: Type.Array(
    open({ headers: Type.Optional(Type.Array(HeaderName, { maxItems: 16 })), params: Names, cookies: Names }),
    { minItems: 1, maxItems: 16 },
  ),
  forwardClientIDHeader: Type.Optional(HeaderName),
  // The credential never goes on, whatever is written here.
  sanitize: Type.Optional(Type.Boolean()),
});

const ClaimToHeader = open({ header: HeaderName, claim: NonEmpty });

const JWTProvider = open({
  name: NonEmpty,
  issuer: Type.Optional(Type.String({ maxLength: 253 })),
  audiences: Type.Optional(Type.Array(NonEmpty, { maxItems: 8 })),
  remoteJWKS: Type.Optional(
    open({
      uri: Type.String({ minLength: 1, maxLength: 253 }),
      cacheDuration: Type.Optional(PositiveDuration),
      backendRefs: unapplied("is not applied by this gateway: the keys are fetched from the uri"),
      backendSettings: unapplied(),
    }),
  ),
  localJWKS: Type.Optional(
    open({
      type: Type.Enum(["Inline", "ValueRef"], { default: "Inline" }),
      inline: Type.Optional(NonEmpty),
      valueRef: Type.Optional(open({ group: Type.Optional(Type.String()), kind: NonEmpty, name: NonEmpty })),
    }),
  ),
  claimToHeaders: Type.Optional(Type.Array(ClaimToHeader, { maxItems: 32 })),
  // Routes are always chosen after the caller is known.
  recomputeRoute: Type.Optional(Type.Boolean()),
  extractFrom: Type.Optional(
    open({
      headers: Type.Optional(
        Type.Array(open({ name: HeaderName, valuePrefix: Type.Optional(Type.String()) }), { maxItems: 16 }),
      ),
      cookies: Names,
      params: Names,
    }),
  ),
});

const JWT = open({
  optional: Type.Boolean({ default: false }),
  providers: Type.Array(JWTProvider, { minItems: 1, maxItems: 16 }),
});

const Spec = open({
  targetRef: Type.Optional(PolicyTargetRef),
  targetRefs: Type.Optional(Type.Array(PolicyTargetRef, { maxItems: 16 })),
  targetSelectors: Type.Optional(Type.Unknown()),
  apiKeyAuth: Type.Optional(APIKeyAuth),
  jwt: Type.Optional(JWT),
  basicAuth: Type.Optional(Type.Unknown()),
  oidc: Type.Optional(Type.Unknown()),
  extAuth: Type.Optional(Type.Unknown()),
  authorization: Type.Optional(Type.Unknown()),
  cors: unapplied(),
  csrf: unapplied(),
});
type Spec = Type.Static<typeof Spec>;
type Provider = Type.Static<typeof JWTProvider>;

/** Who may call a route or a whole Gateway
 * (https://gateway.envoyproxy.io/latest/api/extension_types/#securitypolicy). */
export type SecurityPolicy = Resource<Spec>;

/** What would let requests pass that are to be refused is no matter for a notice. */
const NOT_ENFORCED = ["targetSelectors", "basicAuth", "oidc", "extAuth", "authorization"] as const;

const nothingIsLeftOpen: CrossFieldRule<Spec> = (spec) =>
  NOT_ENFORCED.filter((field) => spec[field] !== undefined).map((field) => ({
    path: [field],
    reason: "is not enforced by this gateway, so that requests it refuses would be served: remove it to accept that",
  }));

/** In Envoy both are asked for at once, which would be two callers of one request here. */
const oneWayToBeKnown: CrossFieldRule<Spec> = ({ apiKeyAuth, jwt }) =>
  apiKeyAuth === undefined || jwt === undefined
    ? []
    : [{ path: ["jwt"], reason: "must not be given beside apiKeyAuth: this gateway asks for one of them" }];

const keysAreTakenFromSomewhere: CrossFieldRule<Spec> = ({ apiKeyAuth }) =>
  (apiKeyAuth?.extractFrom ?? []).flatMap(({ headers = [], params = [], cookies = [] }, index) =>
    headers.length + params.length + cookies.length > 0
      ? []
      : [{ path: ["apiKeyAuth", "extractFrom", index], reason: "needs headers, params or cookies" }],
  );

const providersHaveKeys: CrossFieldRule<Spec> = ({ jwt }) =>
  (jwt?.providers ?? []).flatMap((provider, index) => providerViolations(provider, ["jwt", "providers", index]));

function providerViolations({ remoteJWKS, localJWKS }: Provider, path: (string | number)[]): Violation[] {
  if ((remoteJWKS === undefined) === (localJWKS === undefined)) {
    return [{ path, reason: "needs exactly one of remoteJWKS and localJWKS" }];
  }
  if (remoteJWKS !== undefined) {
    if (isSafeUri(remoteJWKS.uri)) return [];
    return [{ path: [...path, "remoteJWKS", "uri"], reason: "must be an https:// address" }];
  }
  const wanted = localJWKS?.type === "ValueRef" ? "valueRef" : "inline";
  if (localJWKS?.[wanted] !== undefined) return [];
  return [{ path: [...path, "localJWKS", wanted], reason: `is required with type ${localJWKS?.type}` }];
}

/** Whoever answers in the provider's place says who may call: only this machine may do so in clear text. */
function isSafeUri(uri: string): boolean {
  if (!URL.canParse(uri)) return false;
  const { protocol, hostname } = new URL(uri);
  return protocol === "https:" || (protocol === "http:" && ["127.0.0.1", "localhost", "[::1]"].includes(hostname));
}

/** SecurityPolicy of gateway.envoyproxy.io. */
export const SECURITY_POLICY = defineKind({
  kind: "SecurityPolicy",
  group: "gateway.envoyproxy.io",
  versions: ["v1alpha1"],
  schema: Spec,
  rules: [hasOneKindOfTarget, nothingIsLeftOpen, oneWayToBeKnown, keysAreTakenFromSomewhere, providersHaveKeys],
});
