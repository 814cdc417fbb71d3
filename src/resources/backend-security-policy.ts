import * as Type from "typebox";
import { type CrossFieldRule, defineKind, type Violation } from "./kind.ts";
import { OidcExchange, oidcViolations } from "./oidc.ts";
import type { Resource } from "./resource.ts";
import { HeaderName, NonEmpty, ObjectName, object, SecretRef } from "./schema.ts";

const KeyRef = object({ secretRef: SecretRef });

const AWSCredentials = object({
  region: NonEmpty,
  credentialsFile: Type.Optional(object({ secretRef: SecretRef, profile: Type.String({ default: "default" }) })),
  oidcExchangeToken: Type.Optional(object({ ...OidcExchange.properties, awsRoleArn: NonEmpty })),
});

const AzureCredentials = object({
  clientID: NonEmpty,
  tenantID: NonEmpty,
  clientSecretRef: Type.Optional(SecretRef),
  oidcExchangeToken: Type.Optional(OidcExchange),
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
      oidcExchangeToken: OidcExchange,
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

/** Azure takes a client secret or a token exchange; with neither, the workload identity of the pod. */
const azureHasOneSource: CrossFieldRule<Spec> = ({ azureCredentials: azure }) => {
  if (azure?.clientSecretRef === undefined || azure.oidcExchangeToken === undefined) return [];
  return [{ path: ["azureCredentials"], reason: "at most one of clientSecretRef and oidcExchangeToken must be given" }];
};

/** AWS takes a file or a token exchange; with neither, what the machine has. */
const awsHasOneSource: CrossFieldRule<Spec> = ({ awsCredentials: aws }) => {
  if (aws?.credentialsFile === undefined || aws.oidcExchangeToken === undefined) return [];
  return [{ path: ["awsCredentials"], reason: "at most one of credentialsFile and oidcExchangeToken must be given" }];
};

/** Token exchanges, wherever they stand. */
const exchangesAreSound: CrossFieldRule<Spec> = ({ awsCredentials, azureCredentials, gcpCredentials }) => [
  ...oidcViolations(["awsCredentials", "oidcExchangeToken"], awsCredentials?.oidcExchangeToken),
  ...oidcViolations(["azureCredentials", "oidcExchangeToken"], azureCredentials?.oidcExchangeToken),
  ...oidcViolations(
    ["gcpCredentials", "workloadIdentityFederationConfig", "oidcExchangeToken"],
    gcpCredentials?.workloadIdentityFederationConfig?.oidcExchangeToken,
  ),
];

/** Google's default credentials may be anybody's who runs the gateway: no caller falls back to them by mistake. */
const fallbackIsConfigured: CrossFieldRule<Spec> = ({ gcpCredentials: gcp, credentialOverride }, apiVersion) => {
  const isDefault = gcp && !gcp.credentialsFile && !gcp.workloadIdentityFederationConfig;
  if (!isDefault || credentialOverride === undefined || isAlpha(apiVersion)) return [];
  return (["fromRequestHeaders", "fromDynamicMetadata"] as const).flatMap((source) => {
    if (credentialOverride[source]?.fallbackToConfigured !== true) return [];
    const reason = "must be false with Google's default credentials: there is no configured credential to fall back to";
    return [{ path: ["credentialOverride", source], reason }];
  });
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
  rules: [
    onlyTheChosenTypeIsSet,
    targetsAreBackends,
    awsHasOneSource,
    azureHasOneSource,
    gcpHasOneSource,
    exchangesAreSound,
    overrideNeedsBeta,
    fallbackIsConfigured,
  ],
});
