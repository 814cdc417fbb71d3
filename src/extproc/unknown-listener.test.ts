import assert from "node:assert/strict";
import { test } from "node:test";
import { CHAT_HEAD, chat, MESSAGES_HEAD, STANDARD } from "./scripted-config.ts";
import { type Heads, planOf, ScriptedEnvoy } from "./scripted-envoy.ts";

const PLAN = await planOf(STANDARD);
const NOT_YET = "the gateway is not configured for this port yet";
const ADDED_LISTENER = `apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: { name: g, namespace: default }
spec:
  gatewayClassName: aigw
  listeners: [{ name: added, port: 8080, protocol: HTTP }]
---
`;

const UNKNOWN_LISTENER: readonly { name: string; head: Heads; body: object }[] = [
  {
    name: "in OpenAI's words",
    head: CHAT_HEAD,
    body: { type: "error", error: { type: "ServiceUnavailable", code: "503", message: NOT_YET } },
  },
  {
    name: "in Anthropic's words",
    head: MESSAGES_HEAD,
    body: { type: "error", error: { type: "overloaded_error", message: NOT_YET } },
  },
  {
    name: "also where the models are asked for",
    head: { ...CHAT_HEAD, ":method": "GET", ":path": "/v1/models" },
    body: { type: "error", error: { type: "ServiceUnavailable", code: "503", message: NOT_YET } },
  },
];

for (const { name, head, body } of UNKNOWN_LISTENER) {
  test(`a listener that the configuration does not have yet may be asked again: ${name}`, () => {
    const envoy = new ScriptedEnvoy(PLAN);
    const [told] = envoy.router("added").requestHead(head, { end: head[":method"] === "GET" });
    assert.deepEqual([told?.phase, told?.status, told?.details], ["immediateResponse", 503, "aigw_unknown_listener"]);
    assert.equal(told?.set?.["retry-after"], "1");
    assert.partialDeepStrictEqual(JSON.parse(told?.body ?? ""), body);
    assert.partialDeepStrictEqual(envoy.record, { status: 503, errorType: "unknown_listener", outcome: "error" });
  });
}

test("a listener is served once the configuration has it", async () => {
  const envoy = new ScriptedEnvoy(PLAN);
  envoy.host.reload(await planOf(`${ADDED_LISTENER}${STANDARD}`));
  const call = envoy.router("added");
  assert.equal(call.requestHead(CHAT_HEAD)[0]?.phase, "requestHeaders");
  assert.equal(call.requestBody(JSON.stringify(chat("one")))[0]?.phase, "requestBody");
});
