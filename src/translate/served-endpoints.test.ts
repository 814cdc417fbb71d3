import assert from "node:assert/strict";
import { test } from "node:test";
import type { StatusCondition } from "../config/runtime-config.ts";
import { compileValid } from "../config/test-configuration.ts";
import { withServedEndpoints } from "./served-endpoints.ts";

/** The conditions of a route whose rules have backends of these schemas. */
function conditionsFor(...rules: readonly (readonly string[])[]): readonly StatusCondition[] {
  const schemas = [...new Set(rules.flat())];
  const refs = rules.map((backends) => `{backendRefs: [${backends.map((name) => `{name: ${name.toLowerCase()}}`)}]}`);
  const objects = [
    `{apiVersion: aigateway.envoyproxy.io/v1beta1, kind: AIGatewayRoute, metadata: {name: r}, spec: {rules: [${refs}]}}`,
    ...schemas.map((schema) => {
      const ref = "{group: gateway.envoyproxy.io, kind: Backend, name: b}";
      const spec = `{schema: {name: ${schema}}, backendRef: ${ref}}`;
      const metadata = `{name: ${schema.toLowerCase()}}`;
      return `{apiVersion: aigateway.envoyproxy.io/v1beta1, kind: AIServiceBackend, metadata: ${metadata}, spec: ${spec}}`;
    }),
    "{apiVersion: gateway.envoyproxy.io/v1alpha1, kind: Backend, metadata: {name: b}, spec: {endpoints: [{fqdn: {hostname: api.example, port: 80}}]}}",
  ];
  const { config } = compileValid(objects.join("\n---\n"));
  const route = withServedEndpoints(config).find(({ kind }) => kind === "AIGatewayRoute");
  return route?.conditions ?? [];
}

test("backends that serve the same endpoints are nothing to tell of", () => {
  const types = conditionsFor(["AWSAnthropic", "GCPAnthropic"], ["OpenAI"], ["Cohere"]).map(({ type }) => type);
  assert.deepEqual(types, ["Accepted"]);
});

test("a rule says which of its backends cannot serve what others can", () => {
  const [accepted, served, ...more] = conditionsFor(["OpenAI"], ["Anthropic", "GCPAnthropic"], ["Cohere", "Anthropic"]);
  assert.equal(accepted?.type, "Accepted");
  assert.deepEqual(served, {
    type: "EndpointsServed",
    status: "False",
    reason: "PartlyServed",
    message:
      "rule 1: backend default/anthropic cannot serve tokenize; " +
      "rule 2: backend default/cohere cannot serve chat-completions, generate-content, messages, responses, count-tokens; " +
      "rule 2: backend default/anthropic cannot serve rerank",
  });
  assert.deepEqual(more, []);
});
