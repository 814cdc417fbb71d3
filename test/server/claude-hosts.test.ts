/** The official clients of OpenAI and Anthropic against Claude on each of its hosts, which answer with recordings. */
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
const HOSTS = ["Anthropic", "AWSAnthropic", "GCPAnthropic"] as const;
const EVENT_STREAM = "application/vnd.amazon.eventstream";

/** What a path is answered with: a recording and its label. */
const ANSWERS: readonly (readonly [path: RegExp, file: string, type: string])[] = [
  [/count_tokens|count-tokens:rawPredict/, "count-tokens/responses/Anthropic/unary.in.json", "application/json"],
  [/\/count-tokens$/, "count-tokens/responses/AWSAnthropic/unary.in.json", "application/json"],
  [/broken\/invoke-with/, "chat-completions/responses/AWSAnthropic/stream-error.in.bin", EVENT_STREAM],
  [/invoke-with/, "chat-completions/responses/AWSAnthropic/stream-tools.in.bin", EVENT_STREAM],
  [/streamRawPredict/, "chat-completions/responses/Anthropic/stream-tools.in.sse", "text/event-stream"],
];
const MESSAGE = "chat-completions/responses/Anthropic/unary-tools.in.json";
const STREAM = "chat-completions/responses/Anthropic/stream-tools.in.sse";

async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const asked = JSON.parse(await text(request)) as { stream?: boolean };
  const path = request.url ?? "";
  const plain = asked.stream === true ? [path, STREAM, "text/event-stream"] : [path, MESSAGE, "application/json"];
  const [, file, type] = ANSWERS.find(([pattern]) => pattern.test(path)) ?? plain;
  response.setHeader("content-type", String(type));
  response.end(readFileSync(join(RECORDINGS, String(file))));
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
  const rules = HOSTS.map(
    (name) => `
    - matches:
        - headers: [{ type: RegularExpression, name: x-ai-eg-model, value: "${name}-.*" }]
      backendRefs: [{ name: ${name.toLowerCase()} }]`,
  );
  const backends = HOSTS.map((name) => backend(name.toLowerCase(), `{ name: ${name} }`));
  gateway = await startGateway([route("claude", rules.join("")), ...backends, upstream(String(port))].join("\n"));
  openai = new OpenAI({ baseURL: `${gateway.url}/v1`, apiKey: "sk-caller", maxRetries: 0 });
  anthropic = new Anthropic({ baseURL: gateway.url, apiKey: "sk-ant-caller", maxRetries: 0 });
});
after(async () => {
  assert.equal(await gateway.stop(), 0);
  provider.close();
});

const HELLO = [{ role: "user" as const, content: "Weather?" }];
const CALLS = [
  ["get_weather", { city: "Prague" }],
  ["get_time", {}],
];

function callsOf({ message }: OpenAI.Chat.Completions.ChatCompletion.Choice): unknown[] {
  const calls = message.tool_calls?.flatMap((call) => (call.type === "function" ? [call.function] : [])) ?? [];
  return calls.map(({ name, arguments: json }) => [name, JSON.parse(json)]);
}

for (const host of HOSTS) {
  const model = `${host}-claude`;

  test(`OpenAI's client asks Claude on ${host}`, async () => {
    const completion = await openai.chat.completions.create({ model, messages: HELLO });
    const [choice] = completion.choices;
    assert.equal(choice?.message.content, "Let me look.");
    assert.equal(choice.finish_reason, "tool_calls");
    assert.deepEqual(callsOf(choice), CALLS);
    assert.equal(completion.usage?.total_tokens, 21);
  });

  test(`OpenAI's client asks Claude on ${host} for a stream`, async () => {
    const options = { stream_options: { include_usage: true } };
    const stream = openai.chat.completions.stream({ model, messages: HELLO, ...options });
    const completion = await stream.finalChatCompletion();
    const [choice] = completion.choices;
    assert.equal(choice?.message.content, "Let me look.");
    assert.deepEqual(callsOf(choice), CALLS);
    assert.deepEqual([completion.usage?.prompt_tokens, completion.usage?.completion_tokens], [175, 65]);
  });

  test(`Anthropic's client asks Claude on ${host}, whole and as a stream`, async () => {
    const ask = { model, max_tokens: 100, messages: HELLO };
    for (const message of [await anthropic.messages.create(ask), await anthropic.messages.stream(ask).finalMessage()]) {
      const uses = message.content.flatMap((block) => (block.type === "tool_use" ? [[block.name, block.input]] : []));
      assert.deepEqual(uses, CALLS);
      assert.equal(message.stop_reason, "tool_use");
    }
  });

  test(`Anthropic's client counts tokens on ${host}`, async () => {
    assert.equal((await anthropic.messages.countTokens({ model, messages: HELLO })).input_tokens, 14);
  });
}

test("an exception inside AWS's stream reaches both clients as an error", async () => {
  const model = "AWSAnthropic-broken";
  await assert.rejects(
    openai.chat.completions.stream({ model, messages: HELLO }).finalChatCompletion(),
    /Too many tokens/,
  );
  const stream = anthropic.messages.stream({ model, max_tokens: 100, messages: HELLO });
  await assert.rejects(stream.finalMessage(), /Too many tokens/);
  const line = await gateway.log(({ outcome }) => outcome === "error");
  assert.match(String(line["error.message"]), /ThrottlingException|rate_limit_error/);
});
