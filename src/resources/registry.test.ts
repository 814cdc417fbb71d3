import assert from "node:assert/strict";
import { test } from "node:test";
import { formatFault } from "../errors/config-error.ts";
import { parseResources } from "./load.ts";

const unread = (path: string): string => {
  throw new Error(`ENOENT: ${path}`);
};

const CASES = [
  {
    name: "a wrong version, a misspelt kind and a misspelt group",
    in: `apiVersion: aigateway.envoyproxy.io/v1
kind: AIGatewayRoute
metadata: {name: a}
---
apiVersion: aigateway.envoyproxy.io/v1beta1
kind: AIGatwayRoute
metadata: {name: b}
---
apiVersion: aigateway.envoyproxi.io/v1beta1
kind: AIGatewayRoute
metadata: {name: c}
---
apiVersion: v1
kind: Secrets
metadata: {name: d}
---
apiVersion: aigateway.envoyproxy.io/v1beta1
kind: Nonsense
metadata: {name: e}
---
apiVersion: example.com/v1
kind: AIServiceBackend
metadata: {name: f}
`,
    want: [
      'f.yaml:1:13: AIGatewayRoute default/a: apiVersion: AIGatewayRoute is not known in version "aigateway.envoyproxy.io/v1"; write aigateway.envoyproxy.io/v1beta1 or aigateway.envoyproxy.io/v1alpha1',
      'f.yaml:6:7: AIGatwayRoute default/b: kind: "AIGatwayRoute" is not a known kind; did you mean "AIGatewayRoute"?',
      'f.yaml:9:13: AIGatewayRoute default/c: apiVersion: AIGatewayRoute is not known in "aigateway.envoyproxi.io/v1beta1"; did you mean "aigateway.envoyproxy.io/v1beta1"?',
      'f.yaml:14:7: Secrets default/d: kind: "Secrets" is not a known kind; did you mean "Secret"?',
      'f.yaml:18:7: Nonsense default/e: kind: "Nonsense" is not a known kind; known in aigateway.envoyproxy.io are AIGatewayRoute, AIServiceBackend, BackendSecurityPolicy, GatewayConfig, QuotaPolicy, MCPRoute',
      'f.yaml:21:13: AIServiceBackend default/f: apiVersion: AIServiceBackend is not known in "example.com/v1"; write aigateway.envoyproxy.io/v1beta1 or aigateway.envoyproxy.io/v1alpha1',
    ],
  },
  {
    name: "objects without head",
    in: `kind: AIGatewayRoute
metadata: {name: r}
---
hello: world
---
just text
`,
    want: [
      "f.yaml:1:1: AIGatewayRoute default/r: apiVersion: is required: every object begins with its apiVersion and kind",
      "f.yaml:4:1: apiVersion: is required: every object begins with its apiVersion and kind",
      "f.yaml:4:1: kind: is required: every object begins with its apiVersion and kind",
      "f.yaml:6:1: apiVersion: is required: every object begins with its apiVersion and kind",
      "f.yaml:6:1: kind: is required: every object begins with its apiVersion and kind",
    ],
  },
];

for (const { name, in: text, want } of CASES) {
  test(`what is wrong of a kind is reported at its place: ${name}`, () => {
    const { faults } = parseResources([{ name: "f.yaml", text }], {}, unread);
    assert.deepEqual(faults.map(formatFault), want);
  });
}
