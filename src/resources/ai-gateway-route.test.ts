import assert from "node:assert/strict";
import { test } from "node:test";
import { formatFault } from "../errors/config-error.ts";
import { parseResources } from "./load.ts";

const unread = (path: string): string => {
  throw new Error(`ENOENT: ${path}`);
};

const CASES = [
  {
    name: "a misspelt type of cost",
    in: `apiVersion: aigateway.envoyproxy.io/v1beta1
kind: AIGatewayRoute
metadata: {name: r}
spec:
  rules: []
  llmRequestCosts: [{metadataKey: c, type: InputTokens}]
`,
    want: [
      'f.yaml:6:44: AIGatewayRoute default/r: spec.llmRequestCosts[0].type: must be one of OutputToken, InputToken, CachedInputToken, CacheCreationInputToken, TotalToken, ReasoningToken, CEL, not "InputTokens"; did you mean "InputToken"?',
    ],
  },
  {
    name: "a broken duration",
    in: `apiVersion: aigateway.envoyproxy.io/v1beta1
kind: AIGatewayRoute
metadata: {name: r}
spec:
  rules:
    - timeouts: {request: 30 sec}
`,
    want: [
      'f.yaml:6:27: AIGatewayRoute default/r: spec.rules[0].timeouts.request: must be a duration such as 30s, 1m30s or 500ms, not "30 sec"',
    ],
  },
  {
    name: "a try that takes longer than its request",
    in: `apiVersion: aigateway.envoyproxy.io/v1beta1
kind: AIGatewayRoute
metadata: {name: r}
spec:
  rules:
    - timeouts: {request: 30s, backendRequest: 1m}
`,
    want: [
      "f.yaml:6:48: AIGatewayRoute default/r: spec.rules[0].timeouts.backendRequest: must not be longer than timeouts.request (30s)",
    ],
  },
  {
    name: "rule names that repeat or are reserved",
    in: `apiVersion: aigateway.envoyproxy.io/v1beta1
kind: AIGatewayRoute
metadata: {name: r}
spec:
  rules:
    - name: a
    - name: a
    - name: route-not-found
`,
    want: [
      'f.yaml:7:13: AIGatewayRoute default/r: spec.rules[1].name: "a" is already the name of rules[0]; choose another',
      'f.yaml:8:13: AIGatewayRoute default/r: spec.rules[2].name: "route-not-found" is reserved; choose another',
    ],
  },
  {
    name: "too many rules",
    in: `apiVersion: aigateway.envoyproxy.io/v1beta1
kind: AIGatewayRoute
metadata: {name: r}
spec:
  rules: [{}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}]
`,
    want: ["f.yaml:5:10: AIGatewayRoute default/r: spec.rules: has 16 entries; at most 15 are allowed"],
  },
  {
    name: "the same header twice in a match",
    in: `apiVersion: aigateway.envoyproxy.io/v1beta1
kind: AIGatewayRoute
metadata: {name: r}
spec:
  rules:
    - matches:
        - headers:
            - {name: x-a, value: "1"}
            - {name: x-a, value: "2"}
`,
    want: [
      "f.yaml:9:22: AIGatewayRoute default/r: spec.rules[0].matches[0].headers[1].name: has the same name as entry [0]; remove one",
    ],
  },
  {
    name: "backends of wrong kinds",
    in: `apiVersion: aigateway.envoyproxy.io/v1beta1
kind: AIGatewayRoute
metadata: {name: r}
spec:
  parentRefs: [{name: g, kind: Service}]
  rules:
    - backendRefs: [{name: a, kind: Service}]
    - backendRefs: [{name: a, group: "", kind: Service}]
    - backendRefs:
        - {name: a}
        - {name: a, group: inference.networking.k8s.io, kind: InferencePool}
    - backendRefs: [{name: a, weight: -1}]
`,
    want: [
      "f.yaml:5:32: AIGatewayRoute default/r: spec.parentRefs[0].kind: only a Gateway of gateway.networking.k8s.io can be a parent",
      "f.yaml:7:21: AIGatewayRoute default/r: spec.rules[0].backendRefs[0]: group and kind must come together; leave both out for an AIServiceBackend",
      "f.yaml:8:48: AIGatewayRoute default/r: spec.rules[1].backendRefs[0].kind: only an InferencePool of inference.networking.k8s.io can be named by group and kind; leave both out for an AIServiceBackend",
      "f.yaml:11:11: AIGatewayRoute default/r: spec.rules[2].backendRefs[1]: an InferencePool must be the only backend of its rule",
      "f.yaml:12:39: AIGatewayRoute default/r: spec.rules[3].backendRefs[0].weight: must be at least 0, not -1",
    ],
  },
  {
    name: "a creation time that is none",
    in: `apiVersion: aigateway.envoyproxy.io/v1beta1
kind: AIGatewayRoute
metadata: {name: r}
spec:
  rules:
    - modelsCreatedAt: yesterday
`,
    want: [
      "f.yaml:6:24: AIGatewayRoute default/r: spec.rules[0].modelsCreatedAt: must be a date and time such as 2025-01-31T12:00:00Z",
    ],
  },
  {
    name: "costs without or with a needless expression",
    in: `apiVersion: aigateway.envoyproxy.io/v1beta1
kind: AIGatewayRoute
metadata: {name: r}
spec:
  rules: []
  llmRequestCosts:
    - {metadataKey: a, type: CEL}
    - {metadataKey: b, type: InputToken, cel: "1u"}
`,
    want: [
      "f.yaml:7:7: AIGatewayRoute default/r: spec.llmRequestCosts[0].cel: type CEL needs an expression here",
      "f.yaml:8:47: AIGatewayRoute default/r: spec.llmRequestCosts[1].cel: is only read with type: CEL, but the type is InputToken",
    ],
  },
];

for (const { name, in: text, want } of CASES) {
  test(`what is wrong in an AIGatewayRoute is reported at its place: ${name}`, () => {
    const { faults } = parseResources([{ name: "f.yaml", text }], {}, unread);
    assert.deepEqual(faults.map(formatFault), want);
  });
}

test("a route has its defaults", () => {
  const text = `apiVersion: aigateway.envoyproxy.io/v1alpha1
kind: AIGatewayRoute
metadata: {name: r}
spec:
  parentRefs: [{name: g}]
  rules:
    - matches: [{headers: [{name: x-ai-eg-model, value: m}]}]
      backendRefs: [{name: b}]
`;
  const { faults, set } = parseResources([{ name: "f.yaml", text }], {}, unread);
  assert.deepEqual(faults, []);
  assert.deepEqual(set.ofKind("AIGatewayRoute")[0]?.spec, {
    parentRefs: [{ name: "g", group: "gateway.networking.k8s.io", kind: "Gateway" }],
    rules: [
      {
        matches: [{ headers: [{ name: "x-ai-eg-model", value: "m", type: "Exact" }] }],
        backendRefs: [{ name: "b", weight: 1, priority: 0 }],
        modelsOwnedBy: "Envoy AI Gateway",
      },
    ],
  });
});
