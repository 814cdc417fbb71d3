import assert from "node:assert/strict";
import { test } from "node:test";
import { backendYaml, planOf, TestGateway, UPSTREAM_YAML } from "./test-exchange.ts";

/** What an answer is taken to have where nobody limits it. */
const ASSUMED = 100;

/** A rule whose only backend has a body mutation. */
function configuration(mutation: string, schema: string): string {
  return `apiVersion: aigateway.envoyproxy.io/v1beta1
kind: AIGatewayRoute
metadata: { name: main }
spec: { rules: [{ backendRefs: [{ name: a, bodyMutation: ${mutation} }] }] }
${backendYaml("a", schema)}${UPSTREAM_YAML}---
apiVersion: aigw.dev/v1alpha1
kind: BudgetPolicy
metadata: { name: p }
spec:
  budgets: [{ name: b, limit: { tokens: 100000 }, window: { type: Never }, assumedOutputTokens: ${ASSUMED} }]
`;
}

const set = (path: string, value: number) => `{ set: [{ path: ${path}, value: "${value}" }] }`;
const COMPLETIONS = "/v1/completions";

const cases: readonly {
  name: string;
  mutation?: string;
  schema?: string;
  path?: string;
  in: object;
  /** Tokens of output. */
  want: number;
}[] = [
  { name: "the caller's cap", in: { max_tokens: 30 }, want: 30 },
  { name: "what is assumed", in: {}, want: ASSUMED },
  { name: "what is assumed, for each answer", in: { n: 3 }, want: 3 * ASSUMED },
  { name: "the cap for each prompt", path: COMPLETIONS, in: { prompt: ["a", "b"], max_tokens: 30, n: 2 }, want: 120 },
  { name: "a cap that is set", mutation: set("max_tokens", 500), in: { max_tokens: 30 }, want: 500 },
  { name: "a cap that is set, for each answer", mutation: set("max_tokens", 500), in: { n: 2 }, want: 1000 },
  {
    name: "the caller's larger cap in a field that stays",
    mutation: set("max_tokens", 500),
    in: { max_completion_tokens: 700 },
    want: 700,
  },
  {
    name: "a cap that is set where the caller's has become",
    mutation: set("max_tokens", 500),
    schema: "Anthropic",
    in: { max_completion_tokens: 700 },
    want: 500,
  },
  {
    name: "what is assumed when the cap is removed",
    mutation: "{ remove: [max_tokens] }",
    in: { max_tokens: 3 },
    want: ASSUMED,
  },
  { name: "the caller's cap beside other changes", mutation: set("seed", 1), in: { max_tokens: 30 }, want: 30 },
];

for (const { name, mutation = "{}", schema = "OpenAI", path = "/v1/chat/completions", in: more, want } of cases) {
  const body = { model: "gpt-4o", messages: [{ role: "user", content: "hello" }], ...more };

  test(`reserved is ${name}`, async () => {
    const gateway = new TestGateway(await planOf(configuration(mutation, schema)));
    const call = await gateway.begin({ path, body });
    assert.equal(call.got?.body, undefined);
    assert.equal(gateway.limiter.known(1)[0]?.state.used, Math.ceil(JSON.stringify(body).length / 4) + want);
  });
}

test("an answer without usage is charged the cap that was sent", async () => {
  const gateway = new TestGateway(await planOf(configuration(set("max_tokens", 500), "OpenAI")));
  const body = { model: "gpt-4o", messages: [] };
  await gateway.ask({ body }, { id: "c", object: "chat.completion", model: "gpt-4o", choices: [] });
  assert.equal(gateway.limiter.known(1)[0]?.state.used, Math.ceil(JSON.stringify(body).length / 4) + 500);
});
