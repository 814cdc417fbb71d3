import assert from "node:assert/strict";
import { test } from "node:test";
import { serviceAccountJson } from "../../test/token-servers/google.ts";
import type { BackendAuth } from "./backend-auth.ts";
import { Secret } from "./secret.ts";
import { compileText } from "./test-configuration.ts";

const ENDPOINT = "{fqdn: {hostname: a.example, port: 80}}";

/** A policy in lines 1 to 5 and on, and what it needs behind it. */
function config(spec: string, data: Readonly<Record<string, string>> = {}, endpoints = ENDPOINT): string {
  return `apiVersion: aigateway.envoyproxy.io/v1beta1
kind: BackendSecurityPolicy
metadata: {name: p}
spec:
  targetRefs: [{group: aigateway.envoyproxy.io, kind: AIServiceBackend, name: b}]
  ${spec.replaceAll("\n", "\n  ")}
---
apiVersion: v1
kind: Secret
metadata: {name: s}
stringData: ${JSON.stringify(data)}
---
apiVersion: aigateway.envoyproxy.io/v1beta1
kind: AIGatewayRoute
metadata: {name: r}
spec: {rules: [{backendRefs: [{name: b}]}]}
---
apiVersion: aigateway.envoyproxy.io/v1beta1
kind: AIServiceBackend
metadata: {name: b}
spec: {schema: {name: OpenAI}, backendRef: {group: gateway.envoyproxy.io, kind: Backend, name: b}}
---
apiVersion: gateway.envoyproxy.io/v1alpha1
kind: Backend
metadata: {name: b}
spec: {endpoints: [${endpoints}]}
`;
}

function compiled(text: string) {
  const { config: result, faults, notices } = compileText(text);
  return { auth: result.routes[0]?.rules[0]?.backends[0]?.backend.auth, faults, notices };
}

/** With its Secrets as text. */
function shown(value: unknown): unknown {
  if (value instanceof Secret) return `secret ${value.reveal()}`;
  if (Array.isArray(value)) return value.map(shown);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, member]) => [name, shown(member)]));
}

const POLICY = { policy: "default/p", override: undefined };
const FILE = "[default]\naws_access_key_id = AKID\naws_secret_access_key = aws\n";
const OIDC = `oidcExchangeToken:
    oidc:
      provider: {issuer: "https://login.example"}
      clientID: c
      clientSecret: {name: s}
      scopes: [a, b]`;
const CLIENT = {
  issuer: "https://login.example",
  tokenEndpoint: undefined,
  clientId: "c",
  clientSecret: "secret oidc",
  scopes: ["a", "b"],
  audience: undefined,
};
const ROLE = "arn:aws:iam::123456789012:role/gateway";
const KEY_JSON = serviceAccountJson();

const AUTHS: { name: string; in: string; data?: Record<string, string>; want: object }[] = [
  {
    name: "an API key",
    in: "type: APIKey\napiKey: {secretRef: {name: s}}",
    data: { apiKey: " the key\n" },
    want: { ...POLICY, type: "APIKey", keys: ["secret the key"] },
  },
  {
    name: "a pool of keys, one a line",
    in: "type: AnthropicAPIKey\nanthropicAPIKey: {secretRef: {name: s}}",
    data: { apiKey: "k1\r\nk2\n\n k3 \nk1\n" },
    want: { ...POLICY, type: "AnthropicAPIKey", keys: ["secret k1", "secret k2", "secret k3"] },
  },
  {
    name: "AWS, whatever the machine has",
    in: "type: AWSCredentials\nawsCredentials: {region: r}",
    want: { ...POLICY, type: "AWSCredentials", region: "r", source: { from: "default-chain" } },
  },
  {
    name: "AWS, a file",
    in: "type: AWSCredentials\nawsCredentials: {region: r, credentialsFile: {secretRef: {name: s}}}",
    data: { credentials: FILE },
    want: {
      ...POLICY,
      type: "AWSCredentials",
      region: "r",
      source: { from: "file", text: `secret ${FILE}`, profile: "default" },
    },
  },
  {
    name: "AWS, a token exchange",
    in: `type: AWSCredentials\nawsCredentials:\n  region: r\n  ${OIDC}\n    awsRoleArn: ${ROLE}\n    aud: sts`,
    data: { "client-secret": "oidc\n" },
    want: {
      ...POLICY,
      type: "AWSCredentials",
      region: "r",
      source: { from: "oidc", oidc: { ...CLIENT, audience: "sts" }, roleArn: ROLE, sessionName: "ai-gateway-p" },
    },
  },
  {
    name: "Azure, a client secret",
    in: "type: AzureCredentials\nazureCredentials: {tenantID: t, clientID: c, clientSecretRef: {name: s}}",
    data: { "client-secret": "azure\n" },
    want: {
      ...POLICY,
      type: "AzureCredentials",
      tenantId: "t",
      clientId: "c",
      source: { from: "client-secret", clientSecret: "secret azure" },
    },
  },
  {
    name: "Azure, the workload identity",
    in: "type: AzureCredentials\nazureCredentials: {tenantID: t, clientID: c}",
    want: { ...POLICY, type: "AzureCredentials", tenantId: "t", clientId: "c", source: { from: "workload-identity" } },
  },
  {
    name: "Azure, a token exchange",
    in: `type: AzureCredentials\nazureCredentials:\n  tenantID: t\n  clientID: c\n  ${OIDC}`,
    data: { "client-secret": "oidc" },
    want: { ...POLICY, type: "AzureCredentials", tenantId: "t", clientId: "c", source: { from: "oidc", oidc: CLIENT } },
  },
  {
    name: "Google, a key",
    in: "type: GCPCredentials\ngcpCredentials: {projectName: p, region: r, credentialsFile: {secretRef: {name: s}}}",
    data: { "service_account.json": KEY_JSON },
    want: {
      ...POLICY,
      type: "GCPCredentials",
      project: "p",
      region: "r",
      source: { from: "file", key: `secret ${KEY_JSON}` },
    },
  },
  {
    name: "Google, a federation with impersonation",
    in: `type: GCPCredentials
gcpCredentials:
  projectName: my-project
  region: r
  workloadIdentityFederationConfig:
    projectID: "42"
    workloadIdentityPoolName: pool
    workloadIdentityProviderName: provider
    serviceAccountImpersonation: {serviceAccountName: gateway}
    ${OIDC.replaceAll("\n", "\n  ")}`,
    data: { "client-secret": "oidc" },
    want: {
      ...POLICY,
      type: "GCPCredentials",
      project: "my-project",
      region: "r",
      source: {
        from: "federation",
        federation: {
          oidc: CLIENT,
          audience: "//iam.googleapis.com/projects/42/locations/global/workloadIdentityPools/pool/providers/provider",
          serviceAccount: "gateway@my-project.iam.gserviceaccount.com",
        },
      },
    },
  },
  {
    name: "Google, whatever the machine has, for callers without a token of their own",
    in: "type: GCPCredentials\ngcpCredentials: {projectName: p, region: r}",
    want: { ...POLICY, type: "GCPCredentials", project: "p", region: "r", source: { from: "default" } },
  },
];

for (const { name, in: spec, data, want } of AUTHS) {
  test(`how the gateway authenticates to a backend: ${name}`, () => {
    const { auth, faults } = compiled(config(spec, data));
    assert.deepEqual(faults, []);
    assert.deepEqual(shown(auth), want);
  });
}

test("without a policy it does not authenticate", () => {
  const { auth } = compiled(config("type: APIKey\napiKey: {secretRef: {name: s}}").replace("name: b}]", "name: x}]"));
  assert.deepEqual(auth, { type: "none" });
});

const OVERRIDES: { name: string; type: string; in: string; want: object }[] = [
  ...[
    ["APIKey", "x-aigw-api-key"],
    ["AzureAPIKey", "x-aigw-azure-api-key"],
    ["AnthropicAPIKey", "x-aigw-anthropic-api-key"],
    ["AzureCredentials", "x-aigw-azure-access-token"],
    ["GCPCredentials", "x-aigw-gcp-access-token"],
    ["AWSCredentials", "x-aigw-aws-"],
  ].map(([type = "", header]) => ({
    name: `the usual header of ${type}`,
    type,
    in: "fromRequestHeaders: {fallbackToConfigured: false}",
    want: { from: "headers", header, fallbackToConfigured: false },
  })),
  {
    name: "a header of one's own",
    type: "APIKey",
    in: "fromRequestHeaders: {header: X-Key}",
    want: { from: "headers", header: "x-key", fallbackToConfigured: true },
  },
  {
    name: "metadata",
    type: "APIKey",
    in: "fromDynamicMetadata: {namespace: n}",
    want: { from: "metadata", namespace: "n", key: "x-aigw-api-key", fallbackToConfigured: true },
  },
  {
    name: "metadata of AWS",
    type: "AWSCredentials",
    in: "fromDynamicMetadata: {namespace: n}",
    want: { from: "metadata", namespace: "n", key: "x-aigw-aws-credentials", fallbackToConfigured: true },
  },
];
const SPECS: Record<string, string> = {
  APIKey: "apiKey: {secretRef: {name: s}}",
  AzureAPIKey: "azureAPIKey: {secretRef: {name: s}}",
  AnthropicAPIKey: "anthropicAPIKey: {secretRef: {name: s}}",
  AzureCredentials: "azureCredentials: {tenantID: t, clientID: c}",
  GCPCredentials: "gcpCredentials: {projectName: p, region: r}",
  AWSCredentials: "awsCredentials: {region: r}",
};
for (const { name, type, in: override, want } of OVERRIDES) {
  test(`where callers may bring their own credential: ${name}`, () => {
    const spec = `type: ${type}\n${SPECS[type]}\ncredentialOverride: {${override}}`;
    const { auth, faults } = compiled(config(spec, { apiKey: "k" }));
    assert.deepEqual(faults, []);
    assert.deepEqual((auth as Exclude<BackendAuth, { type: "none" }>).override, want);
  });
}

const FAULTS: { name: string; in: string; data?: Record<string, string>; endpoints?: string; want: string }[] = [
  {
    name: "a Secret without the key",
    in: "type: APIKey\napiKey: {secretRef: {name: s}}",
    data: { apikey: "k" },
    want: 'f.yaml:7:30: BackendSecurityPolicy default/p: spec.apiKey.secretRef.name: Secret default/s has no key apiKey; did you mean "apikey"?',
  },
  {
    name: "a key that no header can hold",
    in: "type: APIKey\napiKey: {secretRef: {name: s}}",
    data: { apiKey: "sk-\u0001canary" },
    want: "f.yaml:7:23: BackendSecurityPolicy default/p: spec.apiKey.secretRef: the key holds characters that no header may have; write one key a line",
  },
  {
    name: "an AWS file without the profile",
    in: "type: AWSCredentials\nawsCredentials: {region: r, credentialsFile: {profile: dev, secretRef: {name: s}}}",
    data: { credentials: FILE.replace("default", "prod") },
    want: "f.yaml:7:48: BackendSecurityPolicy default/p: spec.awsCredentials.credentialsFile: the credentials file has no profile [dev]",
  },
  {
    name: "two ways to AWS",
    in: `type: AWSCredentials\nawsCredentials:\n  region: r\n  credentialsFile: {secretRef: {name: s}}\n  ${OIDC}\n    awsRoleArn: ${ROLE}`,
    data: { credentials: FILE, "client-secret": "oidc" },
    want: "f.yaml:8:5: BackendSecurityPolicy default/p: spec.awsCredentials: at most one of credentialsFile and oidcExchangeToken must be given",
  },
  {
    name: "a tenant that would change the URL",
    in: "type: AzureCredentials\nazureCredentials: {tenantID: a/../b, clientID: c}",
    want: "f.yaml:7:32: BackendSecurityPolicy default/p: spec.azureCredentials.tenantID: must be the tenant's id or one of its domains",
  },
  {
    name: "a project that would change the path",
    in: "type: GCPCredentials\ngcpCredentials: {projectName: a/b, region: r}",
    want: "f.yaml:7:33: BackendSecurityPolicy default/p: spec.gcpCredentials.projectName: must be a project's id or number: letters, digits and hyphens",
  },
  {
    name: "a region that would change the path",
    in: "type: GCPCredentials\ngcpCredentials: {projectName: a, region: ..}",
    want: "f.yaml:7:44: BackendSecurityPolicy default/p: spec.gcpCredentials.region: must be a location such as us-central1 or global",
  },
  {
    name: "a key of Google that is none",
    in: "type: GCPCredentials\ngcpCredentials: {projectName: a, region: r, credentialsFile: {secretRef: {name: s}}}",
    data: { "service_account.json": "canary" },
    want: "f.yaml:7:64: BackendSecurityPolicy default/p: spec.gcpCredentials.credentialsFile: the service account's key is not JSON",
  },
  {
    name: "Google's default credentials to fall back to",
    in: "type: GCPCredentials\ngcpCredentials: {projectName: a, region: r}\ncredentialOverride: {fromRequestHeaders: {}}",
    want: "f.yaml:8:44: BackendSecurityPolicy default/p: spec.credentialOverride.fromRequestHeaders: must be false with Google's default credentials: there is no configured credential to fall back to",
  },
  {
    name: "an issuer in clear text",
    in: `type: AzureCredentials\nazureCredentials:\n  tenantID: t\n  clientID: c\n  ${OIDC.replace("https:", "http:")}`,
    data: { "client-secret": "oidc" },
    want: "f.yaml:12:28: BackendSecurityPolicy default/p: spec.azureCredentials.oidcExchangeToken.oidc.provider.issuer: must begin with https://; http:// is for this machine alone (localhost, 127.0.0.1)",
  },
  {
    name: "a client without an id",
    in: `type: AzureCredentials\nazureCredentials:\n  tenantID: t\n  clientID: c\n  ${OIDC.replace("clientID: c\n", "logoutPath: /\n")}`,
    data: { "client-secret": "oidc" },
    want: "f.yaml:12:9: BackendSecurityPolicy default/p: spec.azureCredentials.oidcExchangeToken.oidc: exactly one of clientID and clientIDRef must be given",
  },
  {
    name: "a provider behind a backendRef",
    in: `type: AzureCredentials\nazureCredentials:\n  tenantID: t\n  clientID: c\n  ${OIDC.replace('example"}', 'example", backendRef: {name: x}}')}`,
    data: { "client-secret": "oidc" },
    want: "f.yaml:12:65: BackendSecurityPolicy default/p: spec.azureCredentials.oidcExchangeToken.oidc.provider.backendRef: is not taken any more; the token endpoint is called by its URL",
  },
  {
    name: "AWS at two hosts",
    in: "type: AWSCredentials\nawsCredentials: {region: r}",
    endpoints: `${ENDPOINT}, {fqdn: {hostname: b.example, port: 80}}`,
    want: "f.yaml:7:19: BackendSecurityPolicy default/p: spec.awsCredentials: the endpoints of AIServiceBackend default/b have different hosts (a.example, b.example), and AWS signatures hold for one; make a Backend of each, or give all of them the same hostname",
  },
];
for (const { name, in: spec, data, endpoints, want } of FAULTS) {
  test(`what is wrong with credentials is told at its place: ${name}`, () => {
    assert.deepEqual(compiled(config(spec, data, endpoints)).faults, [want]);
  });
}

test("a client's id may be in a Secret, and what is for browsers is not applied", () => {
  const exchange = OIDC.replace("clientID: c", "clientIDRef: {name: s}\n      redirectURL: https://x.example");
  const spec = `type: AzureCredentials\nazureCredentials:\n  tenantID: t\n  clientID: c\n  ${exchange}\n    grantType: password`;
  const { auth, faults, notices } = compiled(config(spec, { "client-secret": "oidc", "client-id": " c\n" }));
  assert.deepEqual(faults, []);
  assert.partialDeepStrictEqual(shown(auth), { source: { oidc: CLIENT } });
  assert.deepEqual(notices, [
    "f.yaml:14:9: BackendSecurityPolicy default/p: spec.azureCredentials.oidcExchangeToken.oidc.redirectURL: is not applied by this gateway",
    "f.yaml:17:18: BackendSecurityPolicy default/p: spec.azureCredentials.oidcExchangeToken.grantType: is not applied: the grant is client_credentials",
  ]);
});

test("a credential in Envoy's metadata is for the Envoy host", () => {
  const override = "credentialOverride: {fromDynamicMetadata: {namespace: n}}";
  const { notices } = compiled(config(`type: APIKey\napiKey: {secretRef: {name: s}}\n${override}`, { apiKey: "k" }));
  assert.deepEqual(notices, [
    "f.yaml:8:45: BackendSecurityPolicy default/p: spec.credentialOverride.fromDynamicMetadata: is applied only by the Envoy host: aigw run --host envoy",
  ]);
});

test("a credential for one host may be used at endpoints that share it", () => {
  const same =
    "{hostname: a.example, ip: {address: 10.0.0.1, port: 80}}, {hostname: a.example, ip: {address: 10.0.0.2, port: 80}}";
  assert.deepEqual(compiled(config("type: AWSCredentials\nawsCredentials: {region: r}", {}, same)).faults, []);
});
