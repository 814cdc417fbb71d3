import * as Type from "typebox";
import { type CrossFieldRule, defineKind, type Violation } from "./kind.ts";
import type { Resource } from "./resource.ts";
import { HeaderName, NonEmpty, ObjectName, object, SecretRef } from "./schema.ts";

const KeyRef = object({ secretRef: SecretRef });

/** OpenID Connect settings, which belong to Envoy Gateway and are read by nobody here yet. */
const OIDCExchangeToken = object({
  oidc: Type.Unknown(),
  grantType: Type.Optional(Type.String()),
  aud: Type.Optional(Type.String()),
});

const AWSCredentials = object({
  region: NonEmpty,
  credentialsFile: Type.Optional(object({ secretRef: SecretRef, profile: Type.String({ default: "default" }) })),
  oidcExchangeToken: Type.Optional(object({ ...OIDCExchangeToken.properties, awsRoleArn: NonEmpty })),
});

const AzureCredentials = object({
  clientID: NonEmpty,
  tenantID: NonEmpty,
  clientSecretRef: Type.Optional(SecretRef),
  oidcExchangeToken: Type.Optional(OIDCExchangeToken),
});

const GCPCredentials = object({
  projectName: NonEmpty,
  region: NonEmpty,
  credentialsFile: Type.Optional(KeyRef),
  workloadIdentityFederationConfig: Type.Optional(
    object({
      projectID: NonEmpty,
      workloadIdentityPoolName: NonEmpty,
      workloadIdentityProviderName: NonEmpty,
      oidcExchangeToken: OIDCExchangeToken,
      serviceAccountImpersonation: Type.Optional(object({ serviceAccountName: NonEmpty })),
    }),
  ),
});

const CredentialOverride = object(
  {
    fromRequestHeaders: Type.Optional(
      object({ header: Type.Optional(HeaderName), fallbackToConfigured: Type.Boolean({ default: true }) }),
    ),
    fromDynamicMetadata: Type.Optional(
      object({
        namespace: NonEmpty,
        key: Type.Optional(Type.String()),
        fallbackToConfigured: Type.Boolean({ default: true }),
      }),
    ),
  },
  { minProperties: 1, maxProperties: 1 },
);

const Spec = object({
  targetRefs: Type.Optional(
    Type.Array(object({ group: Type.String(), kind: NonEmpty, name: ObjectName }), { maxItems: 16 }),
  ),
  type: Type.Enum(["APIKey", "AWSCredentials", "AzureAPIKey", "AzureCredentials", "GCPCredentials", "AnthropicAPIKey"]),
  apiKey: Type.Optional(KeyRef),
  azureAPIKey: Type.Optional(KeyRef),
  anthropicAPIKey: Type.Optional(KeyRef),
  awsCredentials: Type.Optional(AWSCredentials),
  azureCredentials: Type.Optional(AzureCredentials),
  gcpCredentials: Type.Optional(GCPCredentials),
  credentialOverride: Type.Optional(CredentialOverride),
});
type Spec = Type.Static<typeof Spec>;

/** Credentials with which the gateway calls a provider. */
export type BackendSecurityPolicy = Resource<Spec>;

/** The field in which each type of credential is configured. */
const FIELD_OF_TYPE = {
  APIKey: "apiKey",
  AWSCredentials: "awsCredentials",
  AzureAPIKey: "azureAPIKey",
  AzureCredentials: "azureCredentials",
  GCPCredentials: "gcpCredentials",
  AnthropicAPIKey: "anthropicAPIKey",
} as const satisfies Record<Spec["type"], keyof Spec>;

/** The field of the chosen type is set, and no other one. */
const onlyTheChosenTypeIsSet: CrossFieldRule<Spec> = (spec) => {
  const chosen = FIELD_OF_TYPE[spec.type];
  const violations: Violation[] = [];
  if (spec[chosen] === undefined) {
    violations.push({ path: [chosen], reason: `is required with type: ${spec.type}` });
  }
  for (const [type, field] of Object.entries(FIELD_OF_TYPE)) {
    if (field === chosen || spec[field] === undefined) continue;
    violations.push({
      path: [field],
      reason: `must not be set with type: ${spec.type}; remove it, or write type: ${type}`,
    });
  }
  return violations;
};

/** Policies are for providers: an AIServiceBackend or an InferencePool. */
const targetsAreBackends: CrossFieldRule<Spec> = ({ targetRefs = [] }) =>
  targetRefs.flatMap(({ group, kind }, index) => {
    if (group === "aigateway.envoyproxy.io" && kind === "AIServiceBackend") return [];
    if (group === "inference.networking.k8s.io" && kind === "InferencePool") return [];
    const reason = "must have group: aigateway.envoyproxy.io and kind: AIServiceBackend";
    return [{ path: ["targetRefs", index], reason }];
  });

/** Azure takes a client secret or a token exchange. */
const azureHasOneSource: CrossFieldRule<Spec> = ({ azureCredentials: azure }) => {
  if (azure === undefined || (azure.clientSecretRef === undefined) !== (azure.oidcExchangeToken === undefined))
    return [];
  return [{ path: ["azureCredentials"], reason: "exactly one of clientSecretRef and oidcExchangeToken must be given" }];
};

/** Google takes a file or a federation; the default credentials need v1beta1. */
const gcpHasOneSource: CrossFieldRule<Spec> = ({ gcpCredentials: gcp }, apiVersion) => {
  if (gcp === undefined) return [];
  const given = [gcp.credentialsFile, gcp.workloadIdentityFederationConfig].filter((source) => source !== undefined);
  if (given.length === 1 || (given.length === 0 && !isAlpha(apiVersion))) return [];
  const quantity = isAlpha(apiVersion) ? "exactly" : "at most";
  const reason = `${quantity} one of credentialsFile and workloadIdentityFederationConfig must be given`;
  return [{ path: ["gcpCredentials"], reason }];
};

/** The override came with v1beta1. */
const overrideNeedsBeta: CrossFieldRule<Spec> = ({ credentialOverride }, apiVersion) => {
  if (credentialOverride === undefined || !isAlpha(apiVersion)) return [];
  return [{ path: ["credentialOverride"], reason: "needs apiVersion: aigateway.envoyproxy.io/v1beta1" }];
};

function isAlpha(apiVersion: string): boolean {
  return apiVersion.endsWith("/v1alpha1");
}

/** BackendSecurityPolicy of aigateway.envoyproxy.io. */
export const BACKEND_SECURITY_POLICY = defineKind({
  kind: "BackendSecurityPolicy",
  group: "aigateway.envoyproxy.io",
  versions: ["v1beta1", "v1alpha1"],
  schema: Spec,
  rules: [onlyTheChosenTypeIsSet, targetsAreBackends, azureHasOneSource, gcpHasOneSource, overrideNeedsBeta],
});
