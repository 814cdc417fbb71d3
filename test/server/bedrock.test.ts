/** The official clients of OpenAI and Anthropic against Bedrock, which answers with recordings. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { after, before, test } from "node:test";
import Anthropic from "@anthropic-ai/sdk";
import OpenAI from "openai";
import { backend, route, upstream } from "../conformance/configs.ts";
import { type Gateway, startGateway } from "./start-gateway.ts";

const RECORDINGS = join(import.meta.dirname, "../../testdata/translate");

/** What a model and operation are answered with: `/model/bedrock-<recording>/converse…`. */
async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
  await text(request);
  const [, recording = "", operation] = /^\/model\/bedrock-([^/]+)\/(.+)$/.exec(request.url ?? "") ?? [];
  const isStream = operation === "converse-stream";
  const endpoint = operation === "invoke" ? "embeddings" : "chat-completions";
  const stem = join(
    RECORDINGS,
    `${endpoint}/responses/AWSBedrock/${isStream ? recording.replace("unary", "stream") : recording}`,
  );
  response.statusCode = recording.startsWith("error") ? 429 : 200;
  response.setHeader("content-type", isStream ? "application/vnd.amazon.eventstream" : "application/json");
  response.setHeader("x-amzn-errortype", "ThrottlingException:http://internal.amazon.com/coral/");
  response.end(readFileSync(`${stem}.in.${isStream ? "bin" : "json"}`));
}

let provider: Server;
let gateway: Gateway;
let openai: OpenAI;
let anthropic: Anthropic;
before(async () => {
  provider = createServer((request, response) => void answer(request, response));
  await new Promise<void>((resolve) => {
    provider.listen(0, "127.0.0.1", resolve);
  });
  const { port } = provider.address() as AddressInfo;
  const rules = `
    - matches:
        - headers: [{ type: RegularExpression, name: x-ai-eg-model, value: "bedrock-.*" }]
      backendRefs: [{ name: bedrock }]`;
  const config = [route("bedrock", rules), backend("bedrock", "{ name: AWSBedrock }"), upstream(String(port))];
  gateway = await startGateway(config.join("\n"));
  openai = new OpenAI({ baseURL: `${gateway.url}/v1`, apiKey: "sk-caller", maxRetries: 0 });
  anthropic = new Anthropic({ baseURL: gateway.url, apiKey: "sk-ant-caller", maxRetries: 0 });
});
after(async () => {
  assert.equal(await gateway.stop(), 0);
  provider.close();
});

const HELLO = [{ role: "user" as const, content: "Weather?" }];
const CALLS = [
  ["get_weather", { city: "Rome" }],
  ["get_time", {}],
];

test("OpenAI's client asks for calls, whole and as a stream", async () => {
  const ask = { model: "bedrock-unary-tools", messages: HELLO };
  const options = { stream_options: { include_usage: true } };
  const whole = await openai.chat.completions.create(ask);
  const streamed = await openai.chat.completions.stream({ ...ask, ...options }).finalChatCompletion();
  for (const { choices, usage } of [whole, streamed]) {
    const calls = choices[0]?.message.tool_calls?.flatMap((call) => (call.type === "function" ? [call.function] : []));
    assert.deepEqual(
      calls?.map(({ name, arguments: json }) => [name, JSON.parse(json)]),
      CALLS,
    );
    assert.equal(choices[0]?.message.content, "I look it up.");
    assert.equal(choices[0]?.finish_reason, "tool_calls");
    assert.equal(usage?.total_tokens, 17);
  }
});

test("Anthropic's client asks for calls, whole and as a stream", async () => {
  const ask = { model: "bedrock-unary-tools", max_tokens: 100, messages: HELLO };
  for (const message of [await anthropic.messages.create(ask), await anthropic.messages.stream(ask).finalMessage()]) {
    const uses = message.content.flatMap((block) => (block.type === "tool_use" ? [[block.name, block.input]] : []));
    assert.deepEqual(uses, CALLS);
    assert.equal(message.stop_reason, "tool_use");
    assert.equal(message.usage.output_tokens, 5);
  }
});

test("Anthropic's client gets thoughts that it can send back", async () => {
  const ask = { model: "bedrock-unary-thinking", max_tokens: 100, messages: HELLO };
  for (const { content } of [
    await anthropic.messages.create(ask),
    await anthropic.messages.stream(ask).finalMessage(),
  ]) {
    assert.deepEqual(content, [
      { type: "thinking", thinking: "Let me think.", signature: "c2lnbmVk" },
      { type: "redacted_thinking", data: "RXJSZWRhY3RlZA==" },
      { type: "text", text: "42" },
    ]);
  }
});

test("an exception inside the stream reaches both clients as an error", async () => {
  const model = "bedrock-stream-exception";
  await assert.rejects(
    openai.chat.completions.stream({ model, messages: HELLO }).finalChatCompletion(),
    /Too many tokens/,
  );
  const stream = anthropic.messages.stream({ model, max_tokens: 100, messages: HELLO });
  await assert.rejects(stream.finalMessage(), /Too many tokens/);
  const line = await gateway.log(({ outcome }) => outcome === "error");
  assert.match(String(line["error.message"]), /ThrottlingException/);
});

test("an error answer is the clients' own kind of error", async () => {
  const model = "bedrock-error";
  await assert.rejects(openai.chat.completions.create({ model, messages: HELLO }), OpenAI.RateLimitError);
  await assert.rejects(
    anthropic.messages.create({ model, max_tokens: 100, messages: HELLO }),
    Anthropic.RateLimitError,
  );
});

test("OpenAI's client, which asks for base64 by itself, gets embeddings", async () => {
  const { data, usage } = await openai.embeddings.create({ model: "bedrock-unary", input: "x" });
  assert.deepEqual(data[0]?.embedding, [0.5, -0.25]);
  assert.equal(usage.prompt_tokens, 4);
});

test("what Bedrock cannot be told is named", async () => {
  const ask = { model: "bedrock-unary", messages: HELLO, seed: 7, logit_bias: { "1": 1 } };
  const { response } = await openai.chat.completions.create(ask).withResponse();
  assert.equal(response.headers.get("x-aigw-dropped-fields"), "logit_bias, seed");
});
