/** The official Anthropic client for JavaScript against a started gateway, whose provider speaks OpenAI's chat completions. */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import Anthropic from "@anthropic-ai/sdk";
import { startForClients } from "./client-config.ts";
import type { GatewayWithSimulator } from "./start-gateway.ts";

const HELLO = { model: "simulated", max_tokens: 100, messages: [{ role: "user" as const, content: "hello" }] };
const SAID = "This is a simulated answer; no model was asked. You said: hello";
const WEATHER = {
  name: "get_weather",
  input_schema: { type: "object" as const, properties: { city: { type: "string" } }, required: ["city"] },
};

let gateway: GatewayWithSimulator;
let client: Anthropic;
before(async () => {
  gateway = await startForClients();
  client = new Anthropic({ baseURL: gateway.url, apiKey: "sk-ant-caller", maxRetries: 0 });
});
after(async () => {
  assert.equal(await gateway.stop(), 0);
});

function simulate(wish: string): { headers: Record<string, string> } {
  return { headers: { "x-simulate": wish } };
}

test("a message", async () => {
  const message = await client.messages.create({ ...HELLO, system: "Be brief." });
  assert.deepEqual(message.content, [{ type: "text", text: SAID }]);
  assert.equal(message.stop_reason, "end_turn");
  assert.ok(message.usage.input_tokens > 0 && message.usage.output_tokens > 0);
  const request = gateway.simulator.requests.at(-1);
  assert.equal(request?.headers["authorization"], "Bearer sk-upstream");
});

test("a streamed message", async () => {
  const stream = client.messages.stream(HELLO);
  let said = "";
  stream.on("text", (text) => {
    said += text;
  });
  const message = await stream.finalMessage();
  assert.equal(said, SAID);
  assert.equal(message.stop_reason, "end_turn");
  assert.ok(message.usage.input_tokens > 0 && message.usage.output_tokens > 0);
});

test("a round of tool calls, streamed", async () => {
  const ask = { role: "user" as const, content: "call get_weather" };
  const message = await client.messages.stream({ ...HELLO, messages: [ask], tools: [WEATHER] }).finalMessage();
  const [use] = message.content;
  assert.equal(message.stop_reason, "tool_use");
  assert.deepEqual(use?.type === "tool_use" && use.input, { city: "simulated" });
  const tool_use_id = use?.type === "tool_use" ? use.id : "";
  const result = { type: "tool_result" as const, tool_use_id, content: "rain" };
  const answer = await client.messages.create({
    ...HELLO,
    tools: [WEATHER],
    messages: [ask, { role: "assistant", content: message.content }, { role: "user", content: [result] }],
  });
  const [block] = answer.content;
  assert.match(block?.type === "text" ? block.text : "", /The tool said: rain$/);
});

const errors = [
  { wish: "status=400", type: Anthropic.BadRequestError, status: 400 },
  { wish: "status=401", type: Anthropic.AuthenticationError, status: 401 },
  { wish: "status=429", type: Anthropic.RateLimitError, status: 429 },
  { wish: "status=500", type: Anthropic.InternalServerError, status: 500 },
  { wish: "fault=reset-before-headers", type: Anthropic.InternalServerError, status: 503 },
  { wish: "fault=null", type: Anthropic.InternalServerError, status: 502 },
];

for (const { wish, type, status } of errors) {
  test(`an error (${wish}) is raised as ${type.name}`, async () => {
    await assert.rejects(client.messages.create(HELLO, simulate(wish)), (error) => {
      assert.ok(error instanceof type, String(error));
      assert.equal(error.status, status);
      assert.partialDeepStrictEqual(error.error, { type: "error" });
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
    const stream = await client.messages.create({ ...HELLO, stream: true }, simulate(`fault=${fault}`));
    let events = 0;
    await assert.rejects(async () => {
      for await (const _ of stream) events += 1;
    });
    assert.ok(events > 0);
  });
}

test("a request that is wrong in itself, or cannot be said to the provider, is refused by the gateway", async () => {
  const before = gateway.simulator.requests.length;
  const bad = { role: "user" as const, content: [{ type: "image" as const, source: { type: "telepathy" } }] };
  const wrong = { ...HELLO, messages: [bad] } as unknown as Anthropic.MessageCreateParamsNonStreaming;
  await assert.rejects(client.messages.create(wrong), Anthropic.BadRequestError);
  const source = { type: "url" as const, url: "https://example.com/a.pdf" };
  const document = { role: "user" as const, content: [{ type: "document" as const, source }] };
  await assert.rejects(client.messages.create({ ...HELLO, messages: [document] }), Anthropic.UnprocessableEntityError);
  assert.equal(gateway.simulator.requests.length, before);
});
