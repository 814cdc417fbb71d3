import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { EventStreamDecoder, eventStreamText } from "../wire/aws-event-stream.ts";
import { type Simulator, startSimulator } from "./simulator.ts";

let simulator: Simulator;
before(async () => {
  simulator = await startSimulator({ port: 0 });
});
after(() => simulator.close());

function call(path: string, body: object, simulate?: string): Promise<Response> {
  const headers: Record<string, string> = simulate === undefined ? {} : { "x-simulate": simulate };
  return fetch(`http://127.0.0.1:${simulator.port}${path}`, { method: "POST", headers, body: JSON.stringify(body) });
}

const BEDROCK = "/model/us.anthropic.claude-v1%3A0";
const GEMINI = "/v1beta/models/gemini-2.5-flash";
const CLAUDE = "/v1/projects/p/locations/l/publishers/anthropic/models/claude-4@20250929";
const JSON_SCHEMA = { type: "object", properties: { city: { type: "string" } } };

const HELLO = [{ role: "user", content: [{ text: "hello" }] }];
const TO_CONVERSE = { messages: HELLO };
const TO_GEMINI = { contents: [{ role: "user", parts: [{ text: "hello" }] }] };
const TO_CLAUDE = { messages: [{ role: "user", content: "hello" }] };
const COUNTED = Buffer.from(JSON.stringify(TO_CLAUDE)).toString("base64");

const converseTools = (toolChoice: object) => ({
  ...TO_CONVERSE,
  toolConfig: { tools: [{ toolSpec: { name: "get_weather", inputSchema: { json: JSON_SCHEMA } } }], toolChoice },
});
const geminiTools = (config: object) => ({
  ...TO_GEMINI,
  tools: [{ functionDeclarations: [{ name: "get_weather", parameters: JSON_SCHEMA }] }],
  toolConfig: { functionCallingConfig: config },
});

const answers: readonly { name: string; path: string; body: object; simulate?: string; want: object }[] = [
  {
    name: "Converse, with cached tokens beside the input",
    path: `${BEDROCK}/converse`,
    body: TO_CONVERSE,
    simulate: "cached-tokens=4",
    want: { stopReason: "end_turn", usage: { inputTokens: 2, cacheReadInputTokens: 4, outputTokens: 16 } },
  },
  {
    name: "Converse with any tool",
    path: `${BEDROCK}/converse`,
    body: converseTools({ any: {} }),
    want: {
      output: { message: { content: [{ toolUse: { name: "get_weather", input: { city: "simulated" } } }] } },
      stopReason: "tool_use",
    },
  },
  {
    name: "Converse with a tool by name",
    path: `${BEDROCK}/converse`,
    body: converseTools({ tool: { name: "get_weather" } }),
    want: { stopReason: "tool_use" },
  },
  {
    name: "Converse with thinking",
    path: `${BEDROCK}/converse`,
    body: { ...TO_CONVERSE, additionalModelRequestFields: { thinking: { type: "enabled" } } },
    want: { output: { message: { content: [{ reasoningContent: { reasoningText: {} } }, {}] } } },
  },
  { name: "InvokeModel of Claude", path: `${BEDROCK}/invoke`, body: TO_CLAUDE, want: { type: "message" } },
  {
    name: "InvokeModel of Titan's embeddings",
    path: "/model/amazon.titan-embed-text-v2%3A0/invoke",
    body: { inputText: "hello", dimensions: 1 },
    want: { embedding: [1], inputTextTokenCount: 2 },
  },
  {
    name: "InvokeModel of Cohere's embeddings",
    path: "/model/cohere.embed-v4/invoke",
    body: { texts: ["hello", "hello"], output_dimension: 1 },
    want: { embeddings: [[1], [1]] },
  },
  {
    name: "CountTokens",
    path: `${BEDROCK}/count-tokens`,
    body: { input: { invokeModel: { body: COUNTED } } },
    want: { inputTokens: 2 },
  },
  {
    name: "CountTokens of a conversation",
    path: `${BEDROCK}/count-tokens`,
    body: { input: { converse: TO_CONVERSE } },
    want: { inputTokens: 2 },
  },
  {
    name: "generateContent, with thoughts beside the candidates",
    path: `${GEMINI}:generateContent`,
    body: TO_GEMINI,
    simulate: "cached-tokens=4,reasoning-tokens=3",
    want: {
      candidates: [{ finishReason: "STOP" }],
      usageMetadata: {
        promptTokenCount: 6,
        cachedContentTokenCount: 4,
        candidatesTokenCount: 16,
        thoughtsTokenCount: 3,
        totalTokenCount: 25,
      },
    },
  },
  {
    name: "generateContent with any tool",
    path: `${GEMINI}:generateContent`,
    body: geminiTools({ mode: "ANY" }),
    want: { candidates: [{ content: { parts: [{ functionCall: { args: { city: "simulated" } } }] } }] },
  },
  {
    name: "generateContent with a tool by name",
    path: `${GEMINI}:generateContent`,
    body: geminiTools({ mode: "ANY", allowedFunctionNames: ["get_weather"] }),
    want: { candidates: [{ content: { parts: [{ functionCall: { name: "get_weather" } }] } }] },
  },
  {
    name: "generateContent with thinking, signed on what follows it",
    path: `${GEMINI}:generateContent`,
    body: { ...TO_GEMINI, generationConfig: { thinkingConfig: { includeThoughts: true } } },
    want: { candidates: [{ content: { parts: [{ thought: true }, { thoughtSignature: "sig_" }] } }] },
  },
  { name: "countTokens", path: `${GEMINI}:countTokens`, body: TO_GEMINI, want: { totalTokens: 2 } },
  {
    name: "embedContent",
    path: `${GEMINI}:embedContent`,
    body: { content: { parts: [{ text: "hello" }] }, embedContentConfig: { outputDimensionality: 1 } },
    want: { embedding: { values: [1] }, usageMetadata: { promptTokenCount: 2 } },
  },
  {
    name: "predict",
    path: "/publishers/google/models/text-embedding-005:predict",
    body: { instances: [{ content: "hello" }], parameters: { outputDimensionality: 1 } },
    want: { predictions: [{ embeddings: { values: [1], statistics: { token_count: 2 } } }] },
  },
  { name: "rawPredict", path: `${CLAUDE}:rawPredict`, body: TO_CLAUDE, want: { model: "claude-4@20250929" } },
  {
    name: "rawPredict that counts",
    path: "/publishers/anthropic/models/count-tokens:rawPredict",
    body: { ...TO_CLAUDE, model: "claude-4" },
    want: { input_tokens: 2 },
  },
  {
    name: "Anthropic's count",
    path: "/v1/messages/count_tokens",
    body: { ...TO_CLAUDE, model: "claude-4" },
    want: { input_tokens: 2 },
  },
];

for (const { name, path, body, simulate, want } of answers) {
  test(`is answered: ${name}`, async () => {
    const response = await call(path, body, simulate);
    const text = (await response.text()).replaceAll(/"sig_\w+"/g, '"sig_"');
    assert.equal(response.status, 200);
    assert.partialDeepStrictEqual(JSON.parse(text), want);
  });
}

/** Types of the messages of an event stream, and all their payloads. */
async function readFrames(response: Response): Promise<{ types: (string | undefined)[]; text: string }> {
  const frames = [...new EventStreamDecoder().push(Buffer.from(await response.arrayBuffer()))];
  const types = frames.map(
    (frame) => eventStreamText(frame, ":event-type") ?? eventStreamText(frame, ":exception-type"),
  );
  return { types, text: frames.map(({ payload }) => payload.toString()).join("\n") };
}

test("ConverseStream sends blocks in AWS's frames", async () => {
  const body = { ...converseTools({ any: {} }), additionalModelRequestFields: { thinking: { type: "enabled" } } };
  const response = await call(`${BEDROCK}/converse-stream`, body);
  assert.equal(response.headers.get("content-type"), "application/vnd.amazon.eventstream");
  const { types, text } = await readFrames(response);
  const delta = "contentBlockDelta";
  assert.deepEqual(types, [
    "messageStart",
    ...[delta, delta, "contentBlockStop"],
    ...["contentBlockStart", delta, delta, delta, "contentBlockStop"],
    ...["messageStop", "metadata"],
  ]);
  assert.match(text, /"contentBlockIndex":1,"start":\{"toolUse":\{"name":"get_weather"/);
});

test("an in-band error of ConverseStream is an exception in a frame of its own", async () => {
  const { types, text } = await readFrames(
    await call(`${BEDROCK}/converse-stream`, TO_CONVERSE, "fault=in-band-error"),
  );
  assert.equal(types.at(-1), "serviceUnavailableException");
  assert.match(text, /\{"message":"Overloaded"\}$/);
});

test("InvokeModelWithResponseStream wraps Claude's events", async () => {
  const { types, text } = await readFrames(await call(`${BEDROCK}/invoke-with-response-stream`, TO_CLAUDE));
  const [first = ""] = text.split("\n");
  const event = Buffer.from((JSON.parse(first) as { bytes: string }).bytes, "base64").toString();
  assert.ok(types.every((type) => type === "chunk"));
  assert.match(event, /^\{"type":"message_start"/);
});

test("a bad checksum is in one frame of AWS's alone", async () => {
  const response = await call(`${BEDROCK}/converse-stream`, TO_CONVERSE, "fault=bad-crc");
  await assert.rejects(readFrames(response), /checksum/);
});

test("streamGenerateContent tells the reason and the whole usage at the end", async () => {
  const response = await call(`${GEMINI}:streamGenerateContent?alt=sse`, TO_GEMINI);
  const events = (await response.text()).split("\r\n\r\n");
  assert.equal(response.headers.get("content-type"), "text/event-stream");
  assert.equal(events.filter((event) => event.includes("finishReason")).length, 1);
  assert.match(events.at(-2) ?? "", /"finishReason":"STOP".*"candidatesTokenCount":16/);
});

test("streamGenerateContent is an array of the same documents unless events are asked for", async () => {
  const response = await call(`${GEMINI}:streamGenerateContent`, TO_GEMINI);
  assert.match(response.headers.get("content-type") ?? "", /^application\/json/);
  const items = (await response.json()) as { candidates: { finishReason?: string }[] }[];
  assert.ok(items.length > 1);
  assert.deepEqual(
    items.map(({ candidates }) => candidates[0]?.finishReason),
    [...items.slice(1).map(() => undefined), "STOP"],
  );
});

const geminiErrors = [
  { path: `${GEMINI}:generateContent`, want: /^\{\n {2}"error": \{\n {4}"code": 503,/ },
  { path: `${GEMINI}:streamGenerateContent?alt=sse`, want: /\r\n\r\ndata: \{"error":\{"code":503,[^\n]*\}\}\r\n\r\n$/ },
  { path: `${GEMINI}:streamGenerateContent`, want: /^\[\{.*\},\r\n\{\n {2}"error": \{\n {4}"code": 503,.*\}\n\]$/s },
];
for (const { path, want } of geminiErrors) {
  test(`an error inside an answer of ${path} has Google's code`, async () => {
    const response = await call(path, TO_GEMINI, "fault=in-band-error");
    assert.equal(response.status, 200);
    assert.match(await response.text(), want);
  });
}

test("streamRawPredict sends Claude's own events", async () => {
  const response = await call(`${CLAUDE}:streamRawPredict`, { ...TO_CLAUDE, stream: true });
  assert.match(await response.text(), /^event: message_start\n.*event: message_stop\n/s);
});

const refusals = [
  { path: `${BEDROCK}/converse`, type: "ThrottlingException", want: /^\{"message":"Rate limit/ },
  { path: `${GEMINI}:generateContent`, type: null, want: /"code": 429.*"status": "RESOURCE_EXHAUSTED"/s },
];
for (const { path, type, want } of refusals) {
  test(`status 429 of ${path} has the vendor's shape`, async () => {
    const response = await call(path, {}, "status=429");
    assert.equal(response.status, 429);
    assert.equal(response.headers.get("x-amzn-errortype"), type);
    assert.match(await response.text(), want);
  });
}
