/** The official OpenAI client for JavaScript against a provider that speaks another vendor's API. */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import OpenAI from "openai";
import { startForClients } from "./client-config.ts";
import type { GatewayWithSimulator } from "./start-gateway.ts";

const MODEL = "claude-simulated";
const HELLO = [{ role: "user" as const, content: "hello" }];
const SAID = "This is a simulated answer; no model was asked. You said: hello";
const WEATHER = {
  type: "function" as const,
  function: {
    name: "get_weather",
    parameters: { type: "object", properties: { city: { type: "string" } }, required: ["city"] },
  },
};

let gateway: GatewayWithSimulator;
let client: OpenAI;
before(async () => {
  gateway = await startForClients();
  client = new OpenAI({ baseURL: `${gateway.url}/v1`, apiKey: "sk-caller", maxRetries: 0 });
});
after(async () => {
  assert.equal(await gateway.stop(), 0);
});

/** Options that make the provider misbehave. */
function simulate(wish: string): { headers: Record<string, string> } {
  return { headers: { "x-simulate": wish } };
}

test("a chat completion", async () => {
  const messages = [{ role: "system" as const, content: "Be kind." }, ...HELLO];
  const completion = await client.chat.completions.create({ model: MODEL, messages });
  assert.equal(completion.choices[0]?.message.content, SAID);
  assert.equal(completion.choices[0]?.finish_reason, "stop");
  assert.equal(completion.usage?.completion_tokens, 16);
  const { headers, path } = gateway.simulator.requests.at(-1) ?? {};
  assert.deepEqual([path, headers?.["x-api-key"]], ["/v1/messages", "sk-ant-upstream"]);
});

test("a streamed chat completion, with the usage only where it was asked for", async () => {
  for (const include_usage of [false, true]) {
    const body = { model: MODEL, messages: HELLO, stream: true as const, stream_options: { include_usage } };
    let said = "";
    let usages = 0;
    for await (const chunk of await client.chat.completions.create(body)) {
      said += chunk.choices[0]?.delta.content ?? "";
      usages += chunk.usage ? 1 : 0;
    }
    assert.equal(said, SAID);
    assert.equal(usages, include_usage ? 1 : 0);
  }
});

test("a round of tool calls, streamed", async () => {
  const ask = { role: "user" as const, content: "call get_weather" };
  const stream = client.chat.completions.stream({ model: MODEL, messages: [ask], tools: [WEATHER] });
  const { message, finish_reason } = (await stream.finalChatCompletion()).choices[0] ?? {};
  const [call] = message?.tool_calls ?? [];
  assert.equal(finish_reason, "tool_calls");
  assert.deepEqual(call?.type === "function" && call.function.arguments, '{"city":"simulated"}');
  const answer = await client.chat.completions.create({
    model: MODEL,
    tools: [WEATHER],
    messages: [
      ask,
      { role: "assistant", tool_calls: message?.tool_calls ?? [] },
      { role: "tool", tool_call_id: call?.id ?? "", content: "rain" },
    ],
  });
  assert.match(answer.choices[0]?.message.content ?? "", /The tool said: rain$/);
});

const errors = [
  { wish: "status=400", type: OpenAI.BadRequestError, status: 400 },
  { wish: "status=401", type: OpenAI.AuthenticationError, status: 401 },
  { wish: "status=429", type: OpenAI.RateLimitError, status: 429 },
  { wish: "status=500", type: OpenAI.InternalServerError, status: 500 },
  { wish: "fault=html", type: OpenAI.InternalServerError, status: 502 },
];
for (const { wish, type, status } of errors) {
  test(`an error (${wish}) is raised as ${type.name}`, async () => {
    const request = client.chat.completions.create({ model: MODEL, messages: HELLO }, simulate(wish));
    await assert.rejects(request, (error) => {
      assert.ok(error instanceof type, String(error));
      assert.equal(error.status, status);
      assert.match(error.message, /\w+/);
      return true;
    });
  });
}

for (const fault of [
  "reset-mid-stream",
  "close-mid-stream",
  "unfinished-stream",
  "truncated-stream",
  "in-band-error",
]) {
  test(`a stream that breaks (${fault}) raises, never ends as if it were whole`, async () => {
    const body = { model: MODEL, messages: HELLO, stream: true as const };
    const stream = await client.chat.completions.create(body, simulate(`fault=${fault}`));
    let chunks = 0;
    await assert.rejects(async () => {
      for await (const _ of stream) chunks += 1;
    });
    assert.ok(chunks > 0);
  });
}
