/** From a BackendSecurityPolicy and its Secrets to how the gateway authenticates; every fault is found here, at load. */
import type { BackendSecurityPolicy } from "../resources/backend-security-policy.ts";
import { idOf } from "../resources/field-path.ts";
import type { OidcExchange } from "../resources/oidc.ts";
import type { FieldPath } from "../resources/resource.ts";
import type { SecretRef } from "../resources/schema.ts";
import { didYouMean } from "../resources/suggest.ts";
import { readCredentialsFile } from "./aws-credentials-file.ts";
import type {
  AwsAuth,
  AzureAuth,
  BackendAuth,
  CredentialOverride,
  GcpAuth,
  GcpFederation,
  KeyAuth,
  OidcClient,
} from "./backend-auth.ts";
import {
  awsRegionFault,
  azureTenantFault,
  gcpProjectFault,
  gcpRegionFault,
  gcpServiceAccountFault,
} from "./cloud-names.ts";
import type { Compilation } from "./compilation.ts";
import { issuerUrlFault } from "./issuer-url.ts";
import type { References } from "./references.ts";
import { Secret } from "./secret.ts";
import { serviceAccountKeyFault } from "./service-account-key.ts";

const POLICY = { group: "aigateway.envoyproxy.io", kind: "BackendSecurityPolicy" };

type Spec = BackendSecurityPolicy["spec"];

/** Where each kind of key is configured. */
const KEY_FIELDS = {
  APIKey: "apiKey",
  AzureAPIKey: "azureAPIKey",
  AnthropicAPIKey: "anthropicAPIKey",
} as const satisfies Record<KeyAuth["type"], keyof Spec>;

/** The request header that may carry another credential, or for AWS the prefix of three, unless a name is given. */
const OVERRIDE_HEADERS: Record<Spec["type"], string> = {
  APIKey: "x-aigw-api-key",
  AzureAPIKey: "x-aigw-azure-api-key",
  AnthropicAPIKey: "x-aigw-anthropic-api-key",
  AzureCredentials: "x-aigw-azure-access-token",
  GCPCredentials: "x-aigw-gcp-access-token",
  AWSCredentials: "x-aigw-aws-",
};
/** In metadata the three of AWS are one struct. */
const AWS_METADATA_KEY = "x-aigw-aws-credentials";

/** Longest name of a session: https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRoleWithWebIdentity.html */
const SESSION_NAME_MAX = 64;
/** Not these characters: the same page. */
const NOT_IN_SESSION_NAME = /[^\w+=,.@-]/g;

/** Characters a key may have: those of a header value (RFC 9110 section 5.5). */
const KEY = /^[\x20-\x7e\x80-\xff]+$/;

/** Reads policies. */
export class PolicyReader {
  readonly #compilation: Compilation;
  readonly #references: References;

  constructor(compilation: Compilation, references: References) {
    this.#compilation = compilation;
    this.#references = references;
  }

  /** Undefined after a fault. */
  authOf(policy: BackendSecurityPolicy): BackendAuth | undefined {
    const { type } = policy.spec;
    switch (type) {
      case "APIKey":
      case "AzureAPIKey":
      case "AnthropicAPIKey":
        return this.#keys(policy, type);
      case "AWSCredentials":
        return this.#aws(policy);
      case "AzureCredentials":
        return this.#azure(policy);
      case "GCPCredentials":
        return this.#gcp(policy);
    }
  }

  #keys(policy: BackendSecurityPolicy, type: KeyAuth["type"]): KeyAuth | undefined {
    const path = ["spec", KEY_FIELDS[type], "secretRef"];
    const text = this.#secret(policy, path, policy.spec[KEY_FIELDS[type]]?.secretRef, "apiKey");
    if (text === undefined) return undefined;
    const lines = text.split("\n").map((line) => line.trim());
    const keys = [...new Set(lines.filter((line) => line !== ""))];
    if (!keys.every((key) => KEY.test(key))) {
      this.#compilation.fault(policy, path, "the key holds characters that no header may have; write one key a line");
      return undefined;
    }
    return { type, ...common(policy), keys: keys.map((key) => new Secret(key)) };
  }

  #aws(policy: BackendSecurityPolicy): AwsAuth | undefined {
    const aws = policy.spec.awsCredentials;
    this.#check(policy, ["spec", "awsCredentials", "region"], aws && awsRegionFault(aws.region));
    const source = aws && this.#awsSource(policy, aws);
    return source && { type: "AWSCredentials", ...common(policy), region: aws.region, source };
  }

  #awsSource(
    policy: BackendSecurityPolicy,
    { credentialsFile, oidcExchangeToken }: NonNullable<Spec["awsCredentials"]>,
  ): AwsAuth["source"] | undefined {
    if (credentialsFile !== undefined) {
      const path = ["spec", "awsCredentials", "credentialsFile"];
      const text = this.#secret(policy, [...path, "secretRef"], credentialsFile.secretRef, "credentials");
      if (text === undefined) return undefined;
      const file = { text: new Secret(text), profile: credentialsFile.profile };
      const read = readCredentialsFile(file);
      if ("fault" in read) this.#compilation.fault(policy, path, `the credentials file ${read.fault}`);
      return { from: "file", ...file };
    }
    if (oidcExchangeToken === undefined) return { from: "default-chain" };
    const oidc = this.#oidc(policy, ["spec", "awsCredentials", "oidcExchangeToken"], oidcExchangeToken);
    const { name } = policy.metadata;
    const sessionName = `ai-gateway-${name}`.replace(NOT_IN_SESSION_NAME, "-").slice(0, SESSION_NAME_MAX);
    return oidc && { from: "oidc", oidc, roleArn: oidcExchangeToken.awsRoleArn, sessionName };
  }

  #azure(policy: BackendSecurityPolicy): AzureAuth | undefined {
    const azure = policy.spec.azureCredentials;
    if (azure === undefined) return undefined;
    this.#check(policy, ["spec", "azureCredentials", "tenantID"], azureTenantFault(azure.tenantID));
    const source = this.#azureSource(policy, azure);
    const { tenantID: tenantId, clientID: clientId } = azure;
    return source && { type: "AzureCredentials", ...common(policy), tenantId, clientId, source };
  }

  #azureSource(
    policy: BackendSecurityPolicy,
    { clientSecretRef, oidcExchangeToken }: NonNullable<Spec["azureCredentials"]>,
  ): AzureAuth["source"] | undefined {
    if (clientSecretRef !== undefined) {
      const path = ["spec", "azureCredentials", "clientSecretRef"];
      const text = this.#secret(policy, path, clientSecretRef, "client-secret");
      return text === undefined ? undefined : { from: "client-secret", clientSecret: new Secret(text.trim()) };
    }
    if (oidcExchangeToken === undefined) return { from: "workload-identity" };
    const oidc = this.#oidc(policy, ["spec", "azureCredentials", "oidcExchangeToken"], oidcExchangeToken);
    return oidc && { from: "oidc", oidc };
  }

  #gcp(policy: BackendSecurityPolicy): GcpAuth | undefined {
    const gcp = policy.spec.gcpCredentials;
    if (gcp === undefined) return undefined;
    const path = ["spec", "gcpCredentials"];
    this.#check(policy, [...path, "projectName"], gcpProjectFault(gcp.projectName));
    this.#check(policy, [...path, "region"], gcpRegionFault(gcp.region));
    const source = this.#gcpSource(policy, gcp);
    const { projectName: project, region } = gcp;
    return source && { type: "GCPCredentials", ...common(policy), project, region, source };
  }

  #gcpSource(policy: BackendSecurityPolicy, gcp: NonNullable<Spec["gcpCredentials"]>): GcpAuth["source"] | undefined {
    const { credentialsFile, workloadIdentityFederationConfig } = gcp;
    if (credentialsFile !== undefined) {
      const path = ["spec", "gcpCredentials", "credentialsFile"];
      const text = this.#secret(policy, [...path, "secretRef"], credentialsFile.secretRef, "service_account.json");
      if (text === undefined) return undefined;
      const fault = serviceAccountKeyFault(text);
      this.#check(policy, path, fault && `the service account's key ${fault}`);
      return { from: "file", key: new Secret(text) };
    }
    if (workloadIdentityFederationConfig === undefined) return { from: "default" };
    const federation = this.#federation(policy, gcp.projectName, workloadIdentityFederationConfig);
    return federation && { from: "federation", federation };
  }

  #federation(
    policy: BackendSecurityPolicy,
    project: string,
    config: NonNullable<NonNullable<Spec["gcpCredentials"]>["workloadIdentityFederationConfig"]>,
  ): GcpFederation | undefined {
    const path = ["spec", "gcpCredentials", "workloadIdentityFederationConfig"];
    const { projectID, workloadIdentityPoolName: pool, workloadIdentityProviderName: provider } = config;
    this.#check(policy, [...path, "projectID"], gcpProjectFault(projectID));
    this.#check(policy, [...path, "workloadIdentityPoolName"], poolNameFault(pool));
    this.#check(policy, [...path, "workloadIdentityProviderName"], poolNameFault(provider));
    const name = config.serviceAccountImpersonation?.serviceAccountName;
    const serviceAccount =
      name === undefined || name.includes("@") ? name : `${name}@${project}.iam.gserviceaccount.com`;
    if (serviceAccount !== undefined) {
      const at = [...path, "serviceAccountImpersonation", "serviceAccountName"];
      this.#check(policy, at, gcpServiceAccountFault(serviceAccount));
    }
    const oidc = this.#oidc(policy, [...path, "oidcExchangeToken"], config.oidcExchangeToken);
    const of = `projects/${projectID}/locations/global/workloadIdentityPools/${pool}/providers/${provider}`;
    return oidc && { oidc, audience: `//iam.googleapis.com/${of}`, serviceAccount };
  }

  #oidc(
    policy: BackendSecurityPolicy,
    path: FieldPath,
    { oidc, aud, grantType }: OidcExchange,
  ): OidcClient | undefined {
    const at = [...path, "oidc"];
    const { provider, scopes = [], clientIDRef } = oidc;
    const { issuer, tokenEndpoint } = provider;
    this.#check(policy, [...at, "provider", "issuer"], issuerUrlFault(issuer));
    this.#check(policy, [...at, "provider", "tokenEndpoint"], tokenEndpoint && issuerUrlFault(tokenEndpoint));
    if (grantType !== undefined && grantType !== "client_credentials") {
      this.#compilation.notice(policy, [...path, "grantType"], "is not applied: the grant is client_credentials");
    }
    const clientId = oidc.clientID ?? this.#secret(policy, [...at, "clientIDRef"], clientIDRef, "client-id")?.trim();
    const clientSecret = this.#secret(policy, [...at, "clientSecret"], oidc.clientSecret, "client-secret")?.trim();
    if (clientId === undefined || clientSecret === undefined) return undefined;
    return {
      issuer,
      tokenEndpoint,
      clientId,
      clientSecret: new Secret(clientSecret),
      scopes,
      audience: aud || undefined,
    };
  }

  #check(policy: BackendSecurityPolicy, path: FieldPath, fault: string | undefined): void {
    if (fault) this.#compilation.fault(policy, path, fault);
  }

  /** The text of a Secret; undefined after a fault, or where nothing refers to one. */
  #secret(from: BackendSecurityPolicy, path: FieldPath, ref: SecretRef | undefined, key: string): string | undefined {
    if (ref === undefined) return undefined;
    if ((ref.group ?? "") !== "" || (ref.kind ?? "Secret") !== "Secret") {
      this.#compilation.fault(from, path, "must refer to a Secret; leave out group and kind");
      return undefined;
    }
    const { name, namespace } = ref;
    const secret = this.#references.resolve({ from, path, kind: "Secret", name, namespace, grantedTo: [POLICY] });
    if (secret === undefined) return undefined;
    const { data, faultyKeys } = secret.spec;
    if (faultyKeys.includes(key)) return undefined;
    const value = Object.hasOwn(data, key) ? data[key] : undefined;
    if (value === undefined) {
      const hint = didYouMean(key, Object.keys(data)) || `; put the credential under it`;
      this.#compilation.fault(from, [...path, "name"], `Secret ${idOf(secret)} has no key ${key}${hint}`);
      return undefined;
    }
    if (value.trim() !== "") return value;
    this.#compilation.fault(from, [...path, "name"], `the key ${key} of Secret ${idOf(secret)} is empty`);
    return undefined;
  }
}

/** What every type has. */
function common(policy: BackendSecurityPolicy) {
  const { credentialOverride, type } = policy.spec;
  return { policy: idOf(policy), override: overrideOf(credentialOverride, type) };
}

function overrideOf(override: Spec["credentialOverride"], type: Spec["type"]): CredentialOverride | undefined {
  const { fromRequestHeaders, fromDynamicMetadata } = override ?? {};
  const byDefault = OVERRIDE_HEADERS[type];
  if (fromRequestHeaders !== undefined) {
    const { header = byDefault, fallbackToConfigured } = fromRequestHeaders;
    return { from: "headers", header: header.toLowerCase(), fallbackToConfigured };
  }
  if (fromDynamicMetadata === undefined) return undefined;
  const { namespace, fallbackToConfigured } = fromDynamicMetadata;
  const key = fromDynamicMetadata.key || (type === "AWSCredentials" ? AWS_METADATA_KEY : byDefault);
  return { from: "metadata", namespace, key, fallbackToConfigured };
}

/** https://docs.cloud.google.com/iam/docs/reference/rest/v1/projects.locations.workloadIdentityPools/create */
function poolNameFault(name: string): string | undefined {
  return /^[a-z0-9-]+$/.test(name) ? undefined : "must be lower-case letters, digits and hyphens";
}
