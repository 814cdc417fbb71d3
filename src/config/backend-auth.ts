/** How the gateway authenticates to a backend: what BackendSecurityPolicy says, with its Secrets read. */
import type { Secret } from "./secret.ts";

/** How the gateway authenticates to a backend. */
export type BackendAuth = { readonly type: "none" } | KeyAuth | AwsAuth | AzureAuth | GcpAuth;

interface Policy {
  /** `namespace/name` of the BackendSecurityPolicy; for messages and metrics. */
  readonly policy: string;
  readonly override: CredentialOverride | undefined;
}

/** API keys. */
export interface KeyAuth extends Policy {
  readonly type: "APIKey" | "AzureAPIKey" | "AnthropicAPIKey";
  /** One or more; empty = only callers' own. */
  readonly keys: readonly Secret[];
}

/** Signature Version 4. */
export interface AwsAuth extends Policy {
  readonly type: "AWSCredentials";
  /** Signed for where the host's name does not tell another one. */
  readonly region: string;
  readonly source:
    | { readonly from: "default-chain" }
    /** Text of a shared credentials file, and the profile in it. */
    | { readonly from: "file"; readonly text: Secret; readonly profile: string }
    | { readonly from: "oidc"; readonly oidc: OidcClient; readonly roleArn: string; readonly sessionName: string };
}

/** Tokens of Microsoft Entra ID. */
export interface AzureAuth extends Policy {
  readonly type: "AzureCredentials";
  readonly tenantId: string;
  readonly clientId: string;
  readonly source:
    | { readonly from: "client-secret"; readonly clientSecret: Secret }
    | { readonly from: "oidc"; readonly oidc: OidcClient }
    /** The token that Azure's workload identity puts into the pod: AZURE_FEDERATED_TOKEN_FILE. */
    | { readonly from: "workload-identity" };
}

/** Tokens of Google Cloud; paths begin at the project and the region. */
export interface GcpAuth extends Policy {
  readonly type: "GCPCredentials";
  readonly project: string;
  readonly region: string;
  readonly source: /** Application Default Credentials of the machine. */
    | { readonly from: "default" }
    /** A service account key, JSON. */
    | { readonly from: "file"; readonly key: Secret }
    | { readonly from: "federation"; readonly federation: GcpFederation };
}

export interface GcpFederation {
  readonly oidc: OidcClient;
  /** `//iam.googleapis.com/projects/<number>/locations/global/workloadIdentityPools/<pool>/providers/<provider>`. */
  readonly audience: string;
  /** E-mail address of the service account to impersonate. */
  readonly serviceAccount: string | undefined;
}

/** A client of an OpenID provider that gets its tokens by the client credentials grant (RFC 6749 section 4.4). */
export interface OidcClient {
  readonly issuer: string;
  /** Undefined = as the issuer's discovery document says. */
  readonly tokenEndpoint: string | undefined;
  readonly clientId: string;
  readonly clientSecret: Secret;
  readonly scopes: readonly string[];
  readonly audience: string | undefined;
}

/** A credential that may come with the request instead of the configured one. */
export type CredentialOverride = {
  /** Otherwise a request without one is refused. */
  readonly fallbackToConfigured: boolean;
} & (
  | {
      readonly from: "headers";
      /** Lower-case request header that carries it; for AWS the prefix of three. Removed before the upstream. */
      readonly header: string;
    }
  | { readonly from: "metadata"; readonly namespace: string; readonly key: string }
);
