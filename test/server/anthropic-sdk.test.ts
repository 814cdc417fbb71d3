/** The official Anthropic client for JavaScript against a started gateway. */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import Anthropic from "@anthropic-ai/sdk";
import { startForClients } from "./client-config.ts";
import type { GatewayWithSimulator } from "./start-gateway.ts";

const MODEL = "claude-simulated";
const HELLO = { model: MODEL, max_tokens: 100, messages: [{ role: "user" as const, content: "hello" }] };
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

/** Options that make the provider misbehave. */
function simulate(wish: string): { headers: Record<string, string> } {
  return { headers: { "x-simulate": wish } };
}

for (const prefix of ["", "/anthropic"]) {
  test(`a message under the base path "${prefix}/"`, async () => {
    const other = new Anthropic({ baseURL: gateway.url + prefix, apiKey: "sk-ant-caller", maxRetries: 0 });
    const message = await other.messages.create(HELLO);
    const [block] = message.content;
    assert.equal(block?.type === "text" && block.text, SAID);
    assert.equal(message.stop_reason, "end_turn");
    assert.deepEqual([message.usage.input_tokens, message.usage.output_tokens], [2, 16]);
    const { headers } = gateway.simulator.requests.at(-1) ?? {};
    assert.equal(headers?.["x-api-key"], "sk-ant-upstream");
    assert.match(headers?.["anthropic-version"] ?? "", /^\d{4}-\d\d-\d\d$/);
  });
}

test("a streamed message", async () => {
  const stream = client.messages.stream(HELLO);
  let said = "";
  stream.on("text", (text) => {
    said += text;
  });
  const message = await stream.finalMessage();
  assert.equal(said, SAID);
  assert.equal(message.usage.output_tokens, 16);
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

test("the list of models", async () => {
  const ids: string[] = [];
  for await (const model of client.models.list()) ids.push(model.id);
  assert.ok(ids.includes("simulated"), String(ids));
});

const errors = [
  { wish: "status=400", type: Anthropic.BadRequestError, status: 400 },
  { wish: "status=401", type: Anthropic.AuthenticationError, status: 401 },
  { wish: "status=429", type: Anthropic.RateLimitError, status: 429 },
  { wish: "status=529", type: Anthropic.InternalServerError, status: 529 },
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

test("an unknown model is raised as NotFoundError and names the model", async () => {
  await assert.rejects(client.messages.create({ ...HELLO, model: "unheard-of" }), (error) => {
    assert.ok(error instanceof Anthropic.NotFoundError, String(error));
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
    const stream = await client.messages.create({ ...HELLO, stream: true }, simulate(`fault=${fault}`));
    let events = 0;
    await assert.rejects(async () => {
      for await (const _ of stream) events += 1;
    });
    assert.ok(events > 0);
  });
}

test("aborting a stream reaches the provider, and its log line keeps the input tokens", async () => {
  const options = { headers: { "x-simulate": "fault=hang-mid-stream", "x-request-id": "anthropic-abort" } };
  const stream = await client.messages.create({ ...HELLO, stream: true }, options);
  for await (const _ of stream) break;
  stream.controller.abort();
  const recorded = gateway.simulator.requests.find((request) => request.headers["x-request-id"] === "anthropic-abort");
  await recorded?.ended;
  const line = await gateway.log(({ request_id }) => request_id === "anthropic-abort");
  assert.equal(recorded?.aborted, true);
  assert.equal(line["outcome"], "cancelled");
  assert.equal(line["gen_ai.usage.input_tokens"], 2);
});
