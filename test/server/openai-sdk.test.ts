/** The official OpenAI client for JavaScript against a started gateway. */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import OpenAI from "openai";
import { startForClients } from "./client-config.ts";
import type { GatewayWithSimulator } from "./start-gateway.ts";

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
  const completion = await client.chat.completions.create({ model: "gpt-4o", messages: HELLO });
  assert.equal(completion.choices[0]?.message.content, SAID);
  assert.equal(completion.choices[0]?.finish_reason, "stop");
  assert.equal(completion.usage?.total_tokens, 18);
  assert.equal(gateway.simulator.requests.at(-1)?.headers["authorization"], "Bearer sk-upstream");
});

test("a streamed chat completion, with the usage only where it was asked for", async () => {
  for (const include_usage of [false, true]) {
    const options = { include_usage };
    const stream = await client.chat.completions.create({
      model: "gpt-4o",
      messages: HELLO,
      stream: true,
      stream_options: options,
    });
    let said = "";
    let usages = 0;
    for await (const chunk of stream) {
      said += chunk.choices[0]?.delta.content ?? "";
      usages += chunk.usage ? 1 : 0;
    }
    assert.equal(said, SAID);
    assert.equal(usages, include_usage ? 1 : 0);
  }
});

test("a round of tool calls, streamed", async () => {
  const ask = { role: "user" as const, content: "call get_weather" };
  const stream = client.chat.completions.stream({ model: "gpt-4o", messages: [ask], tools: [WEATHER] });
  const { message, finish_reason } = (await stream.finalChatCompletion()).choices[0] ?? {};
  const [call] = message?.tool_calls ?? [];
  assert.equal(finish_reason, "tool_calls");
  assert.deepEqual(call?.type === "function" && call.function.arguments, '{"city":"simulated"}');
  const answer = await client.chat.completions.create({
    model: "gpt-4o",
    tools: [WEATHER],
    messages: [
      ask,
      { role: "assistant", tool_calls: message?.tool_calls ?? [] },
      { role: "tool", tool_call_id: call?.id ?? "", content: "rain" },
    ],
  });
  assert.match(answer.choices[0]?.message.content ?? "", /The tool said: rain$/);
});

test("a legacy completion, whole and streamed", async () => {
  const completion = await client.completions.create({ model: "gpt-3.5-turbo-instruct", prompt: "hello" });
  const stream = await client.completions.create({ model: "gpt-3.5-turbo-instruct", prompt: "hello", stream: true });
  let said = "";
  for await (const chunk of stream) said += chunk.choices[0]?.text ?? "";
  assert.equal(completion.choices[0]?.text, SAID);
  assert.equal(said, SAID);
});

test("embeddings, which the client asks for in base64 and gives out as numbers", async () => {
  const { data, usage } = await client.embeddings.create({ model: "gpt-e", input: ["a", "b"], dimensions: 16 });
  assert.equal(data.length, 2);
  assert.equal(data[0]?.embedding.length, 16);
  assert.ok(Math.abs(Math.hypot(...(data[0]?.embedding ?? [])) - 1) < 1e-6);
  assert.equal(usage.prompt_tokens, 1);
});

test("a response, whole and streamed", async () => {
  const response = await client.responses.create({ model: "gpt-4o", input: "hello" });
  const stream = await client.responses.create({ model: "gpt-4o", input: "hello", stream: true });
  let said = "";
  let last = "";
  for await (const event of stream) {
    last = event.type;
    if (event.type === "response.output_text.delta") said += event.delta;
  }
  assert.equal(response.output_text, SAID);
  assert.equal(response.usage?.output_tokens, 16);
  assert.equal(said, SAID);
  assert.equal(last, "response.completed");
});

test("the list of models", async () => {
  const ids: string[] = [];
  for await (const model of client.models.list()) ids.push(model.id);
  assert.ok(ids.includes("simulated"), String(ids));
});

const errors = [
  { wish: "status=400", type: OpenAI.BadRequestError, status: 400 },
  { wish: "status=401", type: OpenAI.AuthenticationError, status: 401 },
  { wish: "status=429", type: OpenAI.RateLimitError, status: 429 },
  { wish: "status=500", type: OpenAI.InternalServerError, status: 500 },
  { wish: "fault=reset-before-headers", type: OpenAI.InternalServerError, status: 503 },
  { wish: "fault=html", type: OpenAI.InternalServerError, status: 502 },
];

for (const { wish, type, status } of errors) {
  test(`an error (${wish}) is raised as ${type.name}`, async () => {
    const request = client.chat.completions.create({ model: "gpt-4o", messages: HELLO }, simulate(wish));
    await assert.rejects(request, (error) => {
      assert.ok(error instanceof type, String(error));
      assert.equal(error.status, status);
      assert.match(error.message, /\w+/);
      return true;
    });
  });
}

test("an unknown model is raised as NotFoundError and names the model", async () => {
  const request = client.chat.completions.create({ model: "unheard-of", messages: HELLO });
  await assert.rejects(request, (error) => {
    assert.ok(error instanceof OpenAI.NotFoundError, String(error));
    assert.match(error.message, /unheard-of/);
    return true;
  });
});

for (const fault of [
  "reset-mid-stream",
  "close-mid-stream",
  "unfinished-stream",
  "truncated-stream",
  "in-band-error",
]) {
  test(`a stream that breaks (${fault}) raises, never ends as if it were whole`, async () => {
    const body = { model: "gpt-4o", messages: HELLO, stream: true as const };
    const stream = await client.chat.completions.create(body, simulate(`fault=${fault}`));
    let chunks = 0;
    await assert.rejects(async () => {
      for await (const _ of stream) chunks += 1;
    });
    assert.ok(chunks > 0);
  });
}

test("a broken response stream raises too", async () => {
  const body = { model: "gpt-4o", input: "hello", stream: true as const };
  const stream = await client.responses.create(body, simulate("fault=reset-mid-stream"));
  await assert.rejects(async () => {
    for await (const _ of stream);
  });
});

test("aborting a stream reaches the provider, and its log line says who left", async () => {
  const options = { headers: { "x-simulate": "fault=hang-mid-stream", "x-request-id": "openai-abort" } };
  const stream = await client.chat.completions.create({ model: "gpt-4o", messages: HELLO, stream: true }, options);
  for await (const _ of stream) break;
  stream.controller.abort();
  const recorded = gateway.simulator.requests.find((request) => request.headers["x-request-id"] === "openai-abort");
  await recorded?.ended;
  const line = await gateway.log(({ request_id }) => request_id === "openai-abort");
  assert.equal(recorded?.aborted, true);
  assert.equal(line["outcome"], "cancelled");
});

test("a stream that the client has read to its last event is logged as delivered, though it waits for no end", async () => {
  const headers = { "x-simulate": "fault=hang-after-stream", "x-request-id": "openai-leaves-at-done" };
  const stream = await client.chat.completions.create({ model: "gpt-4o", messages: HELLO, stream: true }, { headers });
  for await (const _ of stream);
  const line = await gateway.log(({ request_id }) => request_id === "openai-leaves-at-done");
  assert.deepEqual([line["outcome"], line["error.type"], line["usage_estimated"]], ["ok", undefined, undefined]);
});

test("the client's own retries lead to an answer once the provider is back", async () => {
  const retrying = new OpenAI({ baseURL: `${gateway.url}/v1`, apiKey: "sk-caller", maxRetries: 1 });
  const before = gateway.simulator.requests.length;
  const request = retrying.chat.completions.create(
    { model: "gpt-4o", messages: HELLO },
    simulate("status=429,retry-after=0"),
  );
  await assert.rejects(request, OpenAI.RateLimitError);
  assert.equal(gateway.simulator.requests.length - before, 2);
});
