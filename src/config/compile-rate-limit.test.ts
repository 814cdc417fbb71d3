import assert from "node:assert/strict";
import { test } from "node:test";
import { formatFault } from "../errors/config-error.ts";
import { parseResources } from "../resources/load.ts";
import { compile } from "./compile.ts";

function compileRules(rules: string) {
  const text = `apiVersion: aigateway.envoyproxy.io/v1beta1
kind: AIGatewayRoute
metadata: {name: r}
spec: {rules: []}
---
apiVersion: gateway.envoyproxy.io/v1alpha1
kind: BackendTrafficPolicy
metadata: {name: p, namespace: default}
spec:
  targetRefs: [{group: gateway.networking.k8s.io, kind: HTTPRoute, name: r}]
  rateLimit:
    type: Global
    global:
      rules:
        ${rules}
`;
  const { set, faults } = parseResources([{ name: "f.yaml", text }], {}, () => "");
  assert.deepEqual(faults.map(formatFault), []);
  const { config, notices, faults: found } = compile(set, { loadedAt: 1, host: "envoy" });
  return {
    limit: config.routes[0]?.traffic?.rateLimit,
    notices: notices.map(formatFault),
    faults: found.map(formatFault),
  };
}

const HOURLY = "limit: {requests: 9, unit: Hour}";

test("a limit for tokens is compiled with all it says", () => {
  const { limit, notices, faults } = compileRules(`- clientSelectors:
            - headers:
                - {name: X-AI-EG-Model, value: gpt-4o}
                - {name: X-Tenant, type: Distinct}
                - {name: x-plan, type: RegularExpression, value: "free|trial", invert: true}
              sourceCIDR: {type: Distinct, value: 10.0.0.0/8}
              methods: [{value: POST}]
              path: {type: Exact, value: /v1/chat/completions}
          limit: {requests: 1000, unit: Day}
          cost:
            request: {from: Number, number: 0}
            response: {from: Metadata, metadata: {namespace: io.envoy.ai_gateway, key: llm_total_token}}
          shadowMode: true`);
  assert.deepEqual([notices, faults], [[], []]);
  assert.deepEqual(limit, {
    policy: "default/p",
    rules: [
      {
        selectors: [
          {
            headers: [
              { name: "x-ai-eg-model", type: "Exact", value: "gpt-4o", invert: false },
              { name: "x-tenant", type: "Distinct", value: undefined, invert: false },
              { name: "x-plan", type: "RegularExpression", value: "free|trial", invert: true },
            ],
            source: { type: "Distinct", cidr: "10.0.0.0/8" },
            methods: ["POST"],
            path: { type: "Exact", value: "/v1/chat/completions" },
          },
        ],
        requests: 1000,
        unit: "Day",
        requestCost: { from: "Number", number: 0 },
        responseCost: { from: "Metadata", namespace: "io.envoy.ai_gateway", key: "llm_total_token" },
        shadowMode: true,
      },
    ],
  });
});

test("a limit without selectors is for every request, each of which costs one", () => {
  assert.deepEqual(compileRules(`- ${HOURLY}`).limit?.rules, [
    {
      selectors: [],
      requests: 9,
      unit: "Hour",
      requestCost: { from: "Number", number: 1 },
      responseCost: undefined,
      shadowMode: false,
    },
  ]);
});

const UNAPPLIED = [
  { name: "a shared counter", in: "shared: true", want: "shared" },
  {
    name: "query parameters",
    in: "clientSelectors: [{queryParams: [{name: a, value: b}]}]",
    want: "clientSelectors[0].queryParams",
  },
  {
    name: "all methods but one",
    in: "clientSelectors: [{methods: [{value: GET}, {value: POST, invert: true}]}]",
    want: "clientSelectors[0].methods[1].invert",
  },
  {
    name: "all paths but one",
    in: "clientSelectors: [{path: {value: /v1, invert: true}}]",
    want: "clientSelectors[0].path.invert",
  },
  {
    name: "all addresses but some",
    in: "clientSelectors: [{headers: [{name: a, value: b}]}, {sourceCIDR: {value: 10.0.0.0/8, invert: true}}]",
    want: "clientSelectors[1].sourceCIDR.invert",
  },
];

for (const { name, in: rule, want } of UNAPPLIED) {
  test(`a limit that cannot be applied as written is left out after a notice: ${name}`, () => {
    const { limit, notices } = compileRules(`- {${rule}, ${HOURLY}}\n        - ${HOURLY}`);
    assert.equal(limit?.rules.length, 1);
    assert.equal(notices.length, 1);
    assert.match(notices[0] ?? "", /^f\.yaml:15:\d+: /);
    assert.ok(
      notices[0]?.endsWith(
        `BackendTrafficPolicy default/p: spec.rateLimit.global.rules[0].${want}: is not applied by this gateway, so that the whole rule is not`,
      ),
      notices[0],
    );
  });
}

test("no rule that can be applied is no limit", () => {
  assert.equal(compileRules(`- {shared: true, ${HOURLY}}`).limit, undefined);
});

test("an expression that is no RE2 is a fault at its place", () => {
  const { faults } = compileRules(`- clientSelectors:
            - headers: [{name: a, type: RegularExpression, value: "("}]
              path: {type: RegularExpression, value: "(?!x)"}
          ${HOURLY}`);
  assert.deepEqual(faults, [
    "f.yaml:16:67: BackendTrafficPolicy default/p: spec.rateLimit.global.rules[0].clientSelectors[0].headers[0].value: is no RE2 regular expression: error parsing regexp: missing closing ): `(`",
    "f.yaml:17:54: BackendTrafficPolicy default/p: spec.rateLimit.global.rules[0].clientSelectors[0].path.value: is no RE2 regular expression: error parsing regexp: invalid or unsupported Perl syntax: `(?!`",
  ]);
});
