import { serviceAccountJson } from "../../token-servers/google.ts";
import { ISSUED, ISSUER_URL } from "../../token-servers/issuers.ts";
import { type Case, type Group, UPSTREAM_PORT } from "../case.ts";
import { AWS_KEYS, backend, CHAT, chat, MESSAGES, route, upstream } from "../configs.ts";

const [LASTING] = AWS_KEYS;
const { tenant, federatedTenant, clientId, roleArn } = ISSUED;

const OIDC = `oidcExchangeToken:
      oidc: { provider: { issuer: "${ISSUER_URL}" }, clientID: ${clientId}, clientSecret: { name: oidc } }`;

/** Of the policy of each backend, which has its name. */
const POLICIES = {
  azure: `type: AzureCredentials
  azureCredentials: { tenantID: ${tenant}, clientID: ${clientId}, clientSecretRef: { name: azure } }
  credentialOverride: { fromRequestHeaders: {} }`,
  "azure-federated": `type: AzureCredentials
  azureCredentials:
    tenantID: ${federatedTenant}
    clientID: ${clientId}
    ${OIDC}`,
  "azure-refused": `type: AzureCredentials
  azureCredentials: { tenantID: ${tenant}, clientID: ${clientId}, clientSecretRef: { name: wrong } }
  credentialOverride: { fromRequestHeaders: { header: x-mine } }`,
  google: `type: GCPCredentials
  gcpCredentials: { projectName: my-project, region: us-east5, credentialsFile: { secretRef: { name: google } } }`,
  "google-federated": `type: GCPCredentials
  gcpCredentials:
    projectName: my-project
    region: us-east5
    workloadIdentityFederationConfig:
      projectID: "42"
      workloadIdentityPoolName: pool
      workloadIdentityProviderName: provider
      serviceAccountImpersonation: { serviceAccountName: gateway }
      ${OIDC.replaceAll("\n", "\n  ")}`,
  "google-own": `type: GCPCredentials
  gcpCredentials: { projectName: my-project, region: us-east5, credentialsFile: { secretRef: { name: google } } }
  credentialOverride: { fromRequestHeaders: { fallbackToConfigured: false } }`,
  aws: `type: AWSCredentials
  awsCredentials:
    region: us-east-1
    ${OIDC}
      awsRoleArn: ${roleArn}
  credentialOverride: { fromRequestHeaders: {} }`,
} as const;

type Name = keyof typeof POLICIES;

const SCHEMAS: Record<Name, string> = {
  azure: '{ name: AzureOpenAI, version: "1" }',
  "azure-federated": '{ name: AzureOpenAI, version: "1" }',
  "azure-refused": "{ name: OpenAI }",
  google: "{ name: GCPVertexAI }",
  "google-federated": "{ name: GCPVertexAI }",
  "google-own": "{ name: GCPAnthropic, version: vertex-2023-10-16 }",
  aws: "{ name: AWSBedrock }",
};

function policy(name: Name): string {
  return `${backend(name, SCHEMAS[name])}
---
apiVersion: aigateway.envoyproxy.io/v1beta1
kind: BackendSecurityPolicy
metadata: { name: ${name}, namespace: default }
spec:
  targetRefs: [{ group: aigateway.envoyproxy.io, kind: AIServiceBackend, name: ${name} }]
  ${POLICIES[name]}
`;
}

function secret(name: string, key: string, value: string): string {
  return `---
apiVersion: v1
kind: Secret
metadata: { name: ${name}, namespace: default }
stringData: { ${key}: ${JSON.stringify(value)} }
`;
}

function rule(model: string, backends: readonly Name[]): string {
  return `
    - matches: [{ headers: [{ name: x-ai-eg-model, value: ${model} }] }]
      backendRefs: [${backends.map((name) => `{ name: ${name} }`).join(", ")}]`;
}

const NAMES = Object.keys(POLICIES) as Name[];
/** Models of {@link ISSUED_CONFIG}. */
export const ISSUED_MODELS: readonly string[] = NAMES;
// With several backends Envoy chooses, and asks for a signature once it has.
const CHOICES = rule("either-azure", ["azure", "azure-federated"]) + rule("either-refused", ["azure-refused", "azure"]);

/** Policies of every type whose credentials are issued, each for the backend and the model of its name. */
export const ISSUED_CONFIG = `${route("issued", NAMES.map((name) => rule(name, [name])).join("") + CHOICES)}
${NAMES.map(policy).join("")}
${secret("azure", "client-secret", ISSUED.azureSecret)}
${secret("wrong", "client-secret", "canary-wrong-secret")}
${secret("oidc", "client-secret", ISSUED.oidcSecret)}
${secret("google", "service_account.json", serviceAccountJson())}
${upstream(UPSTREAM_PORT)}`;

const GEMINI = "/v1/projects/my-project/locations/us-east5/publishers/google/models";
const REFUSED =
  "the credentials of BackendSecurityPolicy default/azure-refused cannot be had: " +
  "token of Microsoft Entra ID: login.microsoftonline.com answered 401 invalid_client AADSTS7000215";

function ask(model: string, headers: Readonly<Record<string, string>> = {}): Case["request"] {
  return { path: CHAT, headers, body: chat(model) };
}

const OWN_AWS = {
  "x-aigw-aws-access-key-id": LASTING.accessKeyId,
  "x-aigw-aws-secret-access-key": LASTING.secretAccessKey,
};
const WITHHELD = { "x-aigw-aws-access-key-id": undefined, "x-aigw-aws-secret-access-key": undefined };

/** Credentials that have to be got first, from stand-ins for those who issue them. */
export const CREDENTIALS_ISSUED: Group = {
  name: "credentials that are issued",
  cases: [
    {
      name: "a token of Entra ID for a client secret",
      config: ISSUED_CONFIG,
      request: ask("azure"),
      want: {
        status: 200,
        upstream: { headers: { authorization: `Bearer ${ISSUED.azureToken}`, "api-key": undefined } },
      },
    },
    {
      name: "a token of Entra ID for one of an OpenID provider",
      config: ISSUED_CONFIG,
      request: ask("azure-federated"),
      want: { status: 200, upstream: { headers: { authorization: `Bearer ${ISSUED.azureFederatedToken}` } } },
    },
    {
      name: "a token for the backend that is chosen of several",
      config: ISSUED_CONFIG,
      request: ask("either-azure"),
      want: { status: 200, upstream: { headers: { authorization: /^Bearer canary-azure-(federated-)?token$/ } } },
    },
    {
      name: "a caller's own token instead, whose header goes no further",
      config: ISSUED_CONFIG,
      request: ask("azure", { "x-aigw-azure-access-token": " own " }),
      want: {
        status: 200,
        upstream: { headers: { authorization: "Bearer own", "x-aigw-azure-access-token": undefined } },
      },
    },
    {
      name: "a header for a caller's own credential reaches no other backend of the rule either",
      config: ISSUED_CONFIG,
      request: ask("either-refused", { "x-mine": "own" }),
      want: {
        status: 200,
        upstream: { headers: { authorization: /^Bearer (own|canary-azure-token)$/, "x-mine": undefined } },
      },
    },
    {
      name: "an exchange that fails is told to the caller without what was exchanged",
      config: ISSUED_CONFIG,
      request: ask("azure-refused"),
      want: {
        status: 500,
        upstream: null,
        body: { json: { type: "error", error: { type: "InternalServerError", code: "500", message: REFUSED } } },
        log: { status: 500, "error.type": "credentials_unavailable", backend: /azure-refused/ },
      },
    },
    {
      name: "in the caller's dialect",
      config: ISSUED_CONFIG,
      request: { path: MESSAGES, body: { ...chat("azure-refused"), max_tokens: 9 } },
      want: {
        status: 500,
        upstream: null,
        body: { json: { type: "error", error: { type: "api_error", message: REFUSED } } },
      },
    },
    {
      name: "who brings a credential does not mind",
      config: ISSUED_CONFIG,
      request: ask("azure-refused", { "x-mine": "own" }),
      want: { status: 200, upstream: { headers: { authorization: "Bearer own" } } },
    },
    {
      name: "a token of Google for a service account, and the project in front of the path",
      config: ISSUED_CONFIG,
      request: ask("google"),
      want: {
        status: 200,
        upstream: {
          path: `${GEMINI}/google:generateContent`,
          headers: { authorization: `Bearer ${ISSUED.googleToken}` },
        },
      },
    },
    {
      name: "a token of Google for one of an OpenID provider, impersonating a service account",
      config: ISSUED_CONFIG,
      request: ask("google-federated"),
      want: { status: 200, upstream: { headers: { authorization: `Bearer ${ISSUED.googleImpersonatedToken}` } } },
    },
    {
      name: "a caller's own token of Google",
      config: ISSUED_CONFIG,
      request: ask("google-own", { "x-aigw-gcp-access-token": "own" }),
      want: {
        status: 200,
        upstream: { headers: { authorization: "Bearer own", "x-aigw-gcp-access-token": undefined } },
      },
    },
    {
      name: "a caller's own token of Google that is missing",
      config: ISSUED_CONFIG,
      request: ask("google-own"),
      want: { status: 401, upstream: null, body: /missing upstream credential/ },
    },
    {
      name: "keys of AWS for a token of an OpenID provider; the signature verifies",
      config: ISSUED_CONFIG,
      request: ask("aws"),
      want: { status: 200, upstream: { headers: { authorization: /Credential=ASIATEMPORARY\/\d{8}\/us-east-1\// } } },
    },
    {
      name: "a caller's own keys of AWS; the signature verifies",
      config: ISSUED_CONFIG,
      request: ask("aws", OWN_AWS),
      want: {
        status: 200,
        upstream: {
          headers: { authorization: /Credential=AKIALASTING\//, "x-amz-security-token": undefined, ...WITHHELD },
        },
      },
    },
    {
      name: "a part of a caller's own keys of AWS",
      config: ISSUED_CONFIG,
      request: ask("aws", { "x-aigw-aws-access-key-id": "AKIALASTING" }),
      want: { status: 500, upstream: null, body: /the request brings only a part of its AWS credentials/ },
    },
  ],
};
