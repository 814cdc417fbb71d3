import assert from "node:assert/strict";
import { test } from "node:test";
import { compileText } from "./test-configuration.ts";

const OPENAI = `apiVersion: aigateway.envoyproxy.io/v1beta1
kind: AIServiceBackend
metadata: {name: openai}
spec:
  schema: {name: OpenAI}
  backendRef: {group: gateway.envoyproxy.io, kind: Backend, name: openai}
---
apiVersion: gateway.envoyproxy.io/v1alpha1
kind: Backend
metadata: {name: openai}
spec:
  endpoints: [{fqdn: {hostname: api.example, port: 80}}]
---
`;

const CASES = [
  {
    name: "a backend that is not there, with a name like it",
    in: `${OPENAI}apiVersion: aigateway.envoyproxy.io/v1beta1
kind: AIGatewayRoute
metadata: {name: r}
spec:
  rules:
    - backendRefs:
        - name: opnai
`,
    want: [
      `f.yaml:20:17: AIGatewayRoute default/r: spec.rules[0].backendRefs[0].name: there is no AIServiceBackend default/opnai; did you mean "openai"?`,
    ],
  },
  {
    name: "a backend in another namespace",
    in: `${OPENAI}apiVersion: aigateway.envoyproxy.io/v1beta1
kind: AIGatewayRoute
metadata: {name: r, namespace: apps}
spec:
  rules:
    - backendRefs:
        - name: openai
        - {name: openai, namespace: default}
`,
    want: [
      "f.yaml:20:17: AIGatewayRoute apps/r: spec.rules[0].backendRefs[0].name: there is no AIServiceBackend apps/openai; there is one in the namespace default",
      `f.yaml:21:37: AIGatewayRoute apps/r: spec.rules[0].backendRefs[1].namespace: AIServiceBackend default/openai may not be used from the namespace apps: add a ReferenceGrant to the namespace default with from {group: aigateway.envoyproxy.io, kind: AIGatewayRoute, namespace: apps} and to {group: "aigateway.envoyproxy.io", kind: AIServiceBackend}`,
    ],
  },
  {
    name: "a grant for another name",
    in: `${OPENAI}apiVersion: aigateway.envoyproxy.io/v1beta1
kind: AIGatewayRoute
metadata: {name: r, namespace: apps}
spec:
  rules:
    - backendRefs:
        - {name: openai, namespace: default}
---
apiVersion: gateway.networking.k8s.io/v1beta1
kind: ReferenceGrant
metadata: {name: g}
spec:
  from: [{group: aigateway.envoyproxy.io, kind: AIGatewayRoute, namespace: apps}]
  to: [{group: aigateway.envoyproxy.io, kind: AIServiceBackend, name: other}]
`,
    want: [
      `f.yaml:20:37: AIGatewayRoute apps/r: spec.rules[0].backendRefs[0].namespace: AIServiceBackend default/openai may not be used from the namespace apps: add a ReferenceGrant to the namespace default with from {group: aigateway.envoyproxy.io, kind: AIGatewayRoute, namespace: apps} and to {group: "aigateway.envoyproxy.io", kind: AIServiceBackend}`,
    ],
  },
  {
    name: "a provider whose Backend is not there",
    in: `apiVersion: aigateway.envoyproxy.io/v1beta1
kind: AIServiceBackend
metadata: {name: openai}
spec:
  schema: {name: OpenAI}
  backendRef: {group: gateway.envoyproxy.io, kind: Backend, name: openai}
`,
    want: ["f.yaml:6:67: AIServiceBackend default/openai: spec.backendRef.name: there is no Backend default/openai"],
  },
  {
    name: "a parent that is not there",
    in: `apiVersion: aigateway.envoyproxy.io/v1beta1
kind: AIGatewayRoute
metadata: {name: r}
spec:
  parentRefs: [{name: eg}]
  rules: []
`,
    want: ["f.yaml:5:23: AIGatewayRoute default/r: spec.parentRefs[0].name: there is no Gateway default/eg"],
  },
  {
    name: "a listener that is not there",
    in: `apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata:
  name: eg
  annotations: {aigateway.envoyproxy.io/gateway-config: nothing}
spec:
  gatewayClassName: envoy
  listeners: [{name: http, port: 80, protocol: HTTP}]
---
apiVersion: gateway.networking.k8s.io/v1
kind: GatewayClass
metadata: {name: envoi}
spec: {controllerName: a.example/b}
---
apiVersion: aigateway.envoyproxy.io/v1beta1
kind: AIGatewayRoute
metadata: {name: r}
spec:
  parentRefs: [{name: eg, sectionName: htp}, {name: eg, port: 81}]
  rules: []
`,
    want: [
      `f.yaml:5:57: Gateway default/eg: metadata.annotations["aigateway.envoyproxy.io/gateway-config"]: there is no GatewayConfig default/nothing`,
      `f.yaml:7:21: Gateway default/eg: spec.gatewayClassName: there is no GatewayClass envoy; did you mean "envoi"?`,
      `f.yaml:19:40: AIGatewayRoute default/r: spec.parentRefs[0].sectionName: Gateway default/eg has no listener htp; did you mean "http"?`,
      "f.yaml:19:63: AIGatewayRoute default/r: spec.parentRefs[1].port: Gateway default/eg has no listener on port 81; there is 80",
    ],
  },
  {
    name: "several Gateways and a route without parents",
    in: `apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: {name: a}
spec: {gatewayClassName: c, listeners: [{name: http, port: 80, protocol: HTTP}]}
---
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: {name: b}
spec: {gatewayClassName: c, listeners: [{name: http, port: 80, protocol: HTTP}]}
---
apiVersion: aigateway.envoyproxy.io/v1beta1
kind: AIGatewayRoute
metadata: {name: r}
spec: {rules: []}
`,
    want: [
      "f.yaml:14:7: AIGatewayRoute default/r: spec: parentRefs is required where there are several Gateways; name one of a, b",
    ],
  },
  {
    name: "two policies for one backend",
    in: `${OPENAI}apiVersion: aigateway.envoyproxy.io/v1beta1
kind: BackendSecurityPolicy
metadata: {name: one}
spec:
  targetRefs: [{group: aigateway.envoyproxy.io, kind: AIServiceBackend, name: openai}]
  type: APIKey
  apiKey: {secretRef: {name: s}}
---
apiVersion: aigateway.envoyproxy.io/v1beta1
kind: BackendSecurityPolicy
metadata: {name: two}
spec:
  targetRefs:
    - {group: aigateway.envoyproxy.io, kind: AIServiceBackend, name: openai}
    - {group: aigateway.envoyproxy.io, kind: AIServiceBackend, name: openay}
  type: APIKey
  apiKey: {secretRef: {name: s}}
---
apiVersion: v1
kind: Secret
metadata: {name: s}
stringData: {apiKey: k}
`,
    want: [
      "f.yaml:27:7: BackendSecurityPolicy default/two: spec.targetRefs[0]: AIServiceBackend default/openai already has the BackendSecurityPolicy default/one; remove one of them",
      `f.yaml:28:70: BackendSecurityPolicy default/two: spec.targetRefs[1].name: there is no AIServiceBackend default/openay; did you mean "openai"?`,
    ],
  },
  {
    name: "Secrets that are not there, lack the key or hold nothing",
    in: `${OPENAI}apiVersion: aigateway.envoyproxy.io/v1beta1
kind: BackendSecurityPolicy
metadata: {name: one}
spec: {type: APIKey, apiKey: {secretRef: {name: nothing}}, targetRefs: []}
---
apiVersion: aigateway.envoyproxy.io/v1beta1
kind: BackendSecurityPolicy
metadata: {name: two}
spec:
  type: AzureAPIKey
  azureAPIKey:
    secretRef: {name: keys}
---
apiVersion: aigateway.envoyproxy.io/v1beta1
kind: BackendSecurityPolicy
metadata: {name: three}
spec:
  type: AnthropicAPIKey
  anthropicAPIKey:
    secretRef: {name: empty}
---
apiVersion: aigateway.envoyproxy.io/v1beta1
kind: BackendSecurityPolicy
metadata: {name: four}
spec:
  type: AWSCredentials
  awsCredentials:
    region: r
    credentialsFile:
      secretRef: {name: keys, namespace: other, kind: ConfigMap}
---
apiVersion: v1
kind: Secret
metadata: {name: keys}
stringData: {apikey: k}
---
apiVersion: v1
kind: Secret
metadata: {name: empty}
stringData: {apiKey: " "}
`,
    want: [
      "f.yaml:17:49: BackendSecurityPolicy default/one: spec.apiKey.secretRef.name: there is no Secret default/nothing; there is keys, empty",
      `f.yaml:25:23: BackendSecurityPolicy default/two: spec.azureAPIKey.secretRef.name: Secret default/keys has no key apiKey; did you mean "apikey"?`,
      "f.yaml:33:23: BackendSecurityPolicy default/three: spec.anthropicAPIKey.secretRef.name: the key apiKey of Secret default/empty is empty",
      "f.yaml:43:18: BackendSecurityPolicy default/four: spec.awsCredentials.credentialsFile.secretRef: must refer to a Secret; leave out group and kind",
    ],
  },
  {
    name: "an expression that is no RE2",
    in: `apiVersion: aigateway.envoyproxy.io/v1beta1
kind: AIGatewayRoute
metadata: {name: r}
spec:
  rules:
    - matches:
        - headers:
            - {name: x-ai-eg-model, type: RegularExpression, value: "gpt-(?!4)"}
            - {name: x-b, type: RegularExpression, value: "("}
`,
    want: [
      "f.yaml:8:69: AIGatewayRoute default/r: spec.rules[0].matches[0].headers[0].value: is no RE2 regular expression: error parsing regexp: invalid or unsupported Perl syntax: `(?!`",
      "f.yaml:9:59: AIGatewayRoute default/r: spec.rules[0].matches[0].headers[1].value: is no RE2 regular expression: error parsing regexp: missing closing ): `(`",
    ],
  },
  {
    name: "certificate authorities that are none",
    in: `${OPENAI}apiVersion: gateway.networking.k8s.io/v1
kind: BackendTLSPolicy
metadata: {name: t}
spec:
  targetRefs: [{group: gateway.envoyproxy.io, kind: Backend, name: openai}]
  validation:
    hostname: api.example
    caCertificateRefs:
      - {group: "", kind: ConfigMap, name: ca}
      - {group: "", kind: ConfigMap, name: missing}
      - {group: "", kind: Service, name: ca}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: ca}
data: {ca.crt: hello}
---
apiVersion: gateway.networking.k8s.io/v1
kind: BackendTLSPolicy
metadata: {name: u}
spec:
  targetRefs: [{group: gateway.envoyproxy.io, kind: Backend, name: openai}]
  validation: {hostname: api.example, wellKnownCACertificates: System}
`,
    want: [
      "f.yaml:22:9: BackendTLSPolicy default/t: spec.validation.caCertificateRefs[0]: ConfigMap default/ca must hold certificates in PEM under the key ca.crt",
      "f.yaml:23:44: BackendTLSPolicy default/t: spec.validation.caCertificateRefs[1].name: there is no ConfigMap default/missing; there is ca",
      `f.yaml:24:9: BackendTLSPolicy default/t: spec.validation.caCertificateRefs[2]: must have group: "" and kind: ConfigMap or Secret`,
      "f.yaml:35:16: BackendTLSPolicy default/u: spec.targetRefs[0]: BackendTLSPolicy default/t is already for Backend default/openai; remove one of them",
    ],
  },
  {
    name: "policies for what is not there",
    in: `apiVersion: gateway.envoyproxy.io/v1alpha1
kind: ClientTrafficPolicy
metadata: {name: a}
spec:
  targetRefs: [{group: gateway.networking.k8s.io, kind: Gateway, name: missing}]
---
apiVersion: gateway.envoyproxy.io/v1alpha1
kind: BackendTrafficPolicy
metadata: {name: b}
spec:
  targetRef: {group: gateway.networking.k8s.io, kind: HTTPRoute, name: missing}
---
apiVersion: gateway.networking.k8s.io/v1
kind: BackendTLSPolicy
metadata: {name: c}
spec:
  targetRefs: [{group: gateway.envoyproxy.io, kind: Backend, name: missing}]
  validation: {hostname: api.example, wellKnownCACertificates: System}
`,
    want: [
      "f.yaml:5:72: ClientTrafficPolicy default/a: spec.targetRefs[0].name: there is no Gateway default/missing",
      "f.yaml:11:72: BackendTrafficPolicy default/b: spec.targetRef.name: there is no AIGatewayRoute default/missing",
      "f.yaml:17:68: BackendTLSPolicy default/c: spec.targetRefs[0].name: there is no Backend default/missing",
    ],
  },
  {
    name: "references to what is broken itself, only there",
    in: `apiVersion: aigateway.envoyproxy.io/v1beta1
kind: AIServiceBackend
metadata: {name: openai}
spec: {}
---
apiVersion: aigateway.envoyproxy.io/v1beta1
kind: AIGatewayRoute
metadata: {name: r}
spec:
  rules:
    - backendRefs: [{name: openai}, {name: other}]
`,
    want: [
      "f.yaml:4:7: AIServiceBackend default/openai: spec.schema: is required",
      "f.yaml:4:7: AIServiceBackend default/openai: spec.backendRef: is required",
      "f.yaml:11:44: AIGatewayRoute default/r: spec.rules[0].backendRefs[1].name: there is no AIServiceBackend default/other",
    ],
  },
  {
    name: "nothing of references while text is unreadable",
    in: `apiVersion: aigateway.envoyproxy.io/v1beta1
kind: AIGatewayRoute
metadata: {name: r}
spec:
  rules:
    - backendRefs: [{name: openai}]
---
a: [
`,
    want: [
      "f.yaml:9:1: YAML: the YAML is broken: Flow sequence in block collection must be sufficiently indented and end with a ]",
    ],
  },
];

for (const { name, in: text, want } of CASES) {
  test(`a reference that leads nowhere is reported at its place: ${name}`, () => {
    assert.deepEqual(compileText(text).faults, want);
  });
}
