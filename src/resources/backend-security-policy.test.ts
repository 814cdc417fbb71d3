import assert from "node:assert/strict";
import { test } from "node:test";
import { formatFault } from "../errors/config-error.ts";
import { parseResources } from "./load.ts";

const unread = (path: string): string => {
  throw new Error(`ENOENT: ${path}`);
};

const CASES = [
  {
    name: "credentials that do not fit their type",
    in: `apiVersion: aigateway.envoyproxy.io/v1beta1
kind: BackendSecurityPolicy
metadata: {name: p}
spec:
  targetRefs: [{group: gateway.envoyproxy.io, kind: Backend, name: b}]
  type: APIKey
  anthropicAPIKey: {secretRef: {name: s}}
`,
    want: [
      "f.yaml:5:3: BackendSecurityPolicy default/p: spec.apiKey: is required with type: APIKey",
      "f.yaml:5:16: BackendSecurityPolicy default/p: spec.targetRefs[0]: must have group: aigateway.envoyproxy.io and kind: AIServiceBackend",
      "f.yaml:7:20: BackendSecurityPolicy default/p: spec.anthropicAPIKey: must not be set with type: APIKey; remove it, or write type: AnthropicAPIKey",
    ],
  },
  {
    name: "fields that came with v1beta1",
    in: `apiVersion: aigateway.envoyproxy.io/v1alpha1
kind: BackendSecurityPolicy
metadata: {name: p}
spec:
  type: GCPCredentials
  gcpCredentials: {projectName: p, region: r}
  credentialOverride: {fromRequestHeaders: {}}
`,
    want: [
      "f.yaml:6:19: BackendSecurityPolicy default/p: spec.gcpCredentials: exactly one of credentialsFile and workloadIdentityFederationConfig must be given",
      "f.yaml:7:23: BackendSecurityPolicy default/p: spec.credentialOverride: needs apiVersion: aigateway.envoyproxy.io/v1beta1",
    ],
  },
  {
    name: "an override from nowhere and Azure credentials from everywhere",
    in: `apiVersion: aigateway.envoyproxy.io/v1beta1
kind: BackendSecurityPolicy
metadata: {name: p}
spec:
  type: AzureCredentials
  azureCredentials: {clientID: a, tenantID: b, clientSecretRef: {name: s}, oidcExchangeToken: {oidc: {provider: {issuer: "https://i.example"}, clientID: c, clientSecret: {name: s}}}}
  credentialOverride: {}
`,
    want: [
      "f.yaml:6:21: BackendSecurityPolicy default/p: spec.azureCredentials: at most one of clientSecretRef and oidcExchangeToken must be given",
      "f.yaml:7:23: BackendSecurityPolicy default/p: spec.credentialOverride: has 0 fields; at least 1 must be given",
    ],
  },
];

for (const { name, in: text, want } of CASES) {
  test(`what is wrong in a BackendSecurityPolicy is reported at its place: ${name}`, () => {
    const { faults } = parseResources([{ name: "f.yaml", text }], {}, unread);
    assert.deepEqual(faults.map(formatFault), want);
  });
}

test("a policy may have the default credentials of Google with v1beta1", () => {
  const text = `apiVersion: aigateway.envoyproxy.io/v1beta1
kind: BackendSecurityPolicy
metadata: {name: p}
spec: {type: GCPCredentials, gcpCredentials: {projectName: p, region: r}}
`;
  assert.deepEqual(parseResources([{ name: "f.yaml", text }], {}, unread).faults, []);
});
