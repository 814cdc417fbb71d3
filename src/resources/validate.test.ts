import assert from "node:assert/strict";
import { test } from "node:test";
import { formatFault } from "../errors/config-error.ts";
import { parseResources } from "./load.ts";

const unread = (path: string): string => {
  throw new Error(`ENOENT: ${path}`);
};

const CASES = [
  {
    name: "a misspelt field",
    in: `apiVersion: aigateway.envoyproxy.io/v1beta1
kind: AIGatewayRoute
metadata: {name: r}
spec:
  rules:
    - backendRef:
        - name: a
`,
    want: [
      'f.yaml:6:7: AIGatewayRoute default/r: spec.rules[0].backendRef: is not a known field; did you mean "backendRefs"?',
    ],
  },
  {
    name: "a field that resembles none",
    in: `apiVersion: aigateway.envoyproxy.io/v1beta1
kind: AIServiceBackend
metadata: {name: b}
spec:
  schema: {name: OpenAI, zzz: 1}
  backendRef: {group: gateway.envoyproxy.io, kind: Backend, name: b}
`,
    want: [
      "f.yaml:5:26: AIServiceBackend default/b: spec.schema.zzz: is not a known field; known are name, version, prefix",
    ],
  },
  {
    name: "a misspelt section",
    in: `apiVersion: aigateway.envoyproxy.io/v1beta1
kind: AIGatewayRoute
metadata: {name: r}
sepc:
  rules: []
`,
    want: [
      "f.yaml:1:1: AIGatewayRoute default/r: spec: is required",
      'f.yaml:4:1: AIGatewayRoute default/r: sepc: is not a known field; did you mean "spec"?',
    ],
  },
  {
    name: "a misspelt enum value",
    in: `apiVersion: aigateway.envoyproxy.io/v1beta1
kind: AIServiceBackend
metadata: {name: b}
spec:
  schema: {name: OpenAi}
  backendRef: {group: gateway.envoyproxy.io, kind: Backend, name: b}
`,
    want: [
      'f.yaml:5:18: AIServiceBackend default/b: spec.schema.name: must be one of OpenAI, Cohere, AWSBedrock, AzureOpenAI, GCPVertexAI, GCPAnthropic, Anthropic, AWSAnthropic, not "OpenAi"; did you mean "OpenAI"?',
    ],
  },
  {
    name: "a missing required field",
    in: `apiVersion: aigateway.envoyproxy.io/v1beta1
kind: AIServiceBackend
metadata: {name: b}
spec:
  schema: {}
  backendRef: {group: gateway.envoyproxy.io, kind: Backend, name: b}
`,
    want: [
      "f.yaml:5:11: AIServiceBackend default/b: spec.schema.name: is required: one of OpenAI, Cohere, AWSBedrock, AzureOpenAI, GCPVertexAI, GCPAnthropic, Anthropic, AWSAnthropic",
    ],
  },
  {
    name: "text where a list belongs",
    in: `apiVersion: aigateway.envoyproxy.io/v1beta1
kind: AIGatewayRoute
metadata: {name: r}
spec:
  rules: all
`,
    want: ['f.yaml:5:10: AIGatewayRoute default/r: spec.rules: must be a list, not the text "all"'],
  },
  {
    name: "an empty field that is required",
    in: `apiVersion: aigateway.envoyproxy.io/v1beta1
kind: AIGatewayRoute
metadata: {name: r}
spec:
  rules:
`,
    want: ["f.yaml:5:3: AIGatewayRoute default/r: spec.rules: is required"],
  },
  {
    name: "a number in quotes",
    in: `apiVersion: gateway.envoyproxy.io/v1alpha1
kind: Backend
metadata: {name: b}
spec:
  endpoints:
    - fqdn: {hostname: a.example, port: "443"}
`,
    want: [
      'f.yaml:6:41: Backend default/b: spec.endpoints[0].fqdn.port: must be a whole number, not the text "443"; write it without quotes',
    ],
  },
  {
    name: "a number where text belongs",
    in: `apiVersion: aigateway.envoyproxy.io/v1beta1
kind: AIServiceBackend
metadata: {name: b}
spec:
  schema: {name: AzureOpenAI, version: 2024}
  backendRef: {group: gateway.envoyproxy.io, kind: Backend, name: b}
`,
    want: [
      "f.yaml:5:40: AIServiceBackend default/b: spec.schema.version: must be text, not the number 2024; put it in quotes",
    ],
  },
  {
    name: "fields named like parts of JavaScript",
    in: `apiVersion: v1
kind: ConfigMap
metadata: {name: a, __proto__: {x: 1}}
constructor: {}
toString: 1
`,
    want: [
      "f.yaml:3:21: ConfigMap default/a: metadata.__proto__: is not a known field; known are name, namespace, labels, annotations, creationTimestamp, generateName, selfLink, uid, resourceVersion, generation, deletionTimestamp, deletionGracePeriodSeconds, finalizers, ownerReferences, managedFields",
      "f.yaml:4:1: ConfigMap default/a: constructor: is not a known field; known are apiVersion, kind, metadata, data, binaryData, immutable, status",
      "f.yaml:5:1: ConfigMap default/a: toString: is not a known field; known are apiVersion, kind, metadata, data, binaryData, immutable, status",
    ],
  },
];

for (const { name, in: text, want } of CASES) {
  test(`what is wrong in an object is reported at its place: ${name}`, () => {
    const { faults } = parseResources([{ name: "f.yaml", text }], {}, unread);
    assert.deepEqual(faults.map(formatFault), want);
  });
}
