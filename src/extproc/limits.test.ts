import assert from "node:assert/strict";
import { test } from "node:test";
import { ANSWER, BACKENDS, CHAT_HEAD, chat, refId, route, rule } from "./scripted-config.ts";
import { edited, planOf, ScriptedEnvoy } from "./scripted-envoy.ts";

function quota(backend: string, limit: number): string {
  return `---
apiVersion: aigateway.envoyproxy.io/v1alpha1
kind: QuotaPolicy
metadata: { name: ${backend}, namespace: default }
spec:
  targetRefs: [{ group: aigateway.envoyproxy.io, kind: AIServiceBackend, name: ${backend} }]
  serviceQuota: { quota: { limit: ${limit}, duration: 1d } }
`;
}

const BUDGET = `---
apiVersion: aigw.dev/v1alpha1
kind: BudgetPolicy
metadata: { name: two, namespace: default }
spec:
  budgets: [{ name: requests, limit: { requests: 1 }, window: { type: Fixed, duration: 1h } }]
`;
const RULES = `${rule("one", "[{ name: openai }]")}${rule("two", "[{ name: openai }, { name: azure }]")}`;
const [OPENAI, AZURE] = [refId("openai", 1, 0), refId("azure", 1, 1)];
/** Reserves less than 40 tokens. */
const BODY = chat("two", { max_tokens: 9 });

test("a request beyond its limit is answered before any backend is chosen", async () => {
  const envoy = new ScriptedEnvoy(await planOf(`${route(RULES)}${BACKENDS}${BUDGET}`));
  assert.equal(envoy.admitted(CHAT_HEAD, BODY).told?.phase, "requestBody");
  const { told } = envoy.admitted(CHAT_HEAD, BODY);
  assert.deepEqual([told?.phase, told?.status], ["immediateResponse", 429]);
  assert.match(told?.body ?? "", /BudgetPolicy default\/two, budget ..requests..: 1 of 1 requests are used/);
  assert.equal(envoy.record.refusedBy?.id, "BudgetPolicy/default/two/requests");
});

test("an attempt at a backend whose quota is exhausted ends the request, which tells of the quota", async () => {
  const envoy = new ScriptedEnvoy(await planOf(`${route(RULES)}${BACKENDS}${quota("azure", 0)}`));
  const { call, told } = envoy.admitted(CHAT_HEAD, BODY);
  const headers = edited(CHAT_HEAD, told ?? { phase: undefined });
  const [refusal] = envoy.upstream().attemptHead(headers, call.id, AZURE);
  assert.deepEqual([refusal?.phase, refusal?.status], ["immediateResponse", 429]);
  const [answer] = call.responseHead(429, {}, { details: "aigw_rate_limited" });
  assert.match(
    answer?.body ?? "",
    /QuotaPolicy default\/azure, service, backend default\/azure: 0 of 0 tokens are used/,
  );
  assert.equal(envoy.record.refusedBy?.kind, "QuotaPolicy");
});

test("a further attempt gives back what the one before has reserved", async () => {
  const envoy = new ScriptedEnvoy(
    await planOf(`${route(RULES)}${BACKENDS}${quota("openai", 40)}${quota("azure", 40)}`),
  );
  const { call, told } = envoy.admitted(CHAT_HEAD, BODY);
  const headers = edited(CHAT_HEAD, told ?? { phase: undefined });
  const attempt = (id: string, backend: string) => envoy.upstream().attemptHead(headers, id, backend)[0]?.phase;
  assert.equal(attempt(call.id, OPENAI), "requestHeaders");
  assert.equal(attempt(call.id, AZURE), "requestHeaders");
  call.responseHead(200, { "content-type": "application/json" });
  call.responseBody(ANSWER, { end: true });
  call.close();
  const other = envoy.admitted(CHAT_HEAD, BODY).call;
  assert.equal(attempt(other.id, OPENAI), "requestHeaders", "nothing is used of it");
  assert.equal(attempt(other.id, AZURE), "requestHeaders", "8 of 40 are");
  other.responseHead(500, { "content-type": "application/json" }, { end: true });
  assert.deepEqual(
    envoy.records.map(({ refusedBy, attempts }) => [refusedBy, attempts]),
    [
      [undefined, 2],
      [undefined, 2],
    ],
  );
});
