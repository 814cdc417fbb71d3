/** Responses of the official OpenAI client for JavaScript against a provider that speaks another vendor's API. */
import assert from "node:assert/strict";
import { globSync, readFileSync } from "node:fs";
import { join, relative } from "node:path";
import { after, before, test } from "node:test";
import OpenAI from "openai";
import type { ResponseInputItem, ResponseOutputItem } from "openai/resources/responses/responses";
import { startForClients } from "./client-config.ts";
import type { GatewayWithSimulator } from "./start-gateway.ts";

const MODEL = "claude-simulated";
const SAID = "This is a simulated answer; no model was asked. You said: hello";
const WEATHER = {
  type: "function" as const,
  name: "get_weather",
  strict: false,
  parameters: { type: "object", properties: { city: { type: "string" } }, required: ["city"] },
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

test("a response", async () => {
  const response = await client.responses.create({ model: MODEL, input: "hello", instructions: "Be kind." });
  assert.equal(response.output_text, SAID);
  assert.equal(response.status, "completed");
  assert.equal(response.usage?.output_tokens, 16);
  const { headers, path } = gateway.simulator.requests.at(-1) ?? {};
  assert.deepEqual([path, headers?.["x-api-key"]], ["/v1/messages", "sk-ant-upstream"]);
});

test("a streamed response, event by event", async () => {
  let said = "";
  const types = new Set<string>();
  for await (const event of await client.responses.create({ model: MODEL, input: "hello", stream: true })) {
    types.add(event.type);
    if (event.type === "response.output_text.delta") said += event.delta;
  }
  assert.equal(said, SAID);
  assert.deepEqual(
    [...types],
    [
      "response.created",
      "response.in_progress",
      "response.output_item.added",
      "response.content_part.added",
      "response.output_text.delta",
      "response.output_text.done",
      "response.content_part.done",
      "response.output_item.done",
      "response.completed",
    ],
  );
});

test("a round of tool calls, streamed, gathered by the client and sent back as it came", async () => {
  const input: ResponseInputItem[] = [{ role: "user", content: "call get_weather" }];
  const stream = client.responses.stream({ model: MODEL, input, tools: [WEATHER] });
  const { output } = await stream.finalResponse();
  const call = output.find(({ type }) => type === "function_call");
  assert.ok(call?.type === "function_call");
  assert.equal(call.arguments, '{"city":"simulated"}');
  const result = { type: "function_call_output" as const, call_id: call.call_id, output: "rain" };
  const answer = await client.responses.create({
    model: MODEL,
    tools: [WEATHER],
    input: [...input, ...(output as ResponseInputItem[]), result],
  });
  assert.match(answer.output_text, /The tool said: rain$/);
});

test("a custom tool, which the provider takes for a function", async () => {
  const tools = [{ type: "custom" as const, name: "apply_patch" }];
  const stream = client.responses.stream({ model: MODEL, input: "call apply_patch", tools });
  const { output } = await stream.finalResponse();
  const call = output.find(({ type }) => type === "custom_tool_call");
  assert.ok(call?.type === "custom_tool_call");
  assert.deepEqual([call.name, call.input], ["apply_patch", "simulated"]);
});

test("what needs a stored response is refused", async () => {
  const request = client.responses.create({ model: MODEL, input: "hello", previous_response_id: "resp_1" });
  await assert.rejects(request, (error) => error instanceof OpenAI.UnprocessableEntityError);
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
    const request = client.responses.create({ model: MODEL, input: "hello" }, simulate(wish));
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
    const body = { model: MODEL, input: "hello", stream: true as const };
    const stream = await client.responses.create(body, simulate(`fault=${fault}`));
    let events = 0;
    await assert.rejects(async () => {
      for await (const _ of stream) events += 1;
    });
    assert.ok(events > 0);
  });
}

const GOLDENS = join(import.meta.dirname, "../../testdata/translate/responses/responses");

/** Whole streams of vendors whose answers are translated; the ids of Gemini's calls are ours, which are all the same in goldens. */
const streams = globSync(join(GOLDENS, "{Anthropic,AWSAnthropic,AWSBedrock,GCPAnthropic,GCPVertexAI}/*.out.sse"))
  .filter((path) => !path.endsWith("GCPVertexAI/stream-tools.out.sse"))
  .filter((path) => readFileSync(path.replace(".out.sse", ".facts.json"), "utf8").includes('"state": "complete"'));

for (const path of streams) {
  test(`the client gathers what the last event says: ${relative(GOLDENS, path)}`, async () => {
    const body = readFileSync(path, "utf8");
    const headers = { "content-type": "text/event-stream" };
    const replay = new OpenAI({ apiKey: "k", fetch: async () => new Response(body, { headers }) });
    const gathered: ResponseOutputItem[] = [];
    const stream = replay.responses.stream({ model: MODEL, input: "hello" });
    stream.on("response.output_item.done", ({ item }) => gathered.push(item));
    const { output } = await stream.finalResponse();
    assert.deepEqual(
      output.map(({ id, type }) => [id, type]),
      gathered.map(({ id, type }) => [id, type]),
    );
  });
}
