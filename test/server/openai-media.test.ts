/** Images, audio, counting and ranking through a started gateway, with the official OpenAI client where it has them. */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import OpenAI, { toFile } from "openai";
import { UPSTREAM_PORT } from "../conformance/case.ts";
import { apiKey, BACKENDS, backend, route, STANDARD_RULES } from "../conformance/configs.ts";
import { type GatewayWithSimulator, startWithSimulator } from "./start-gateway.ts";

const RULES = `
    - matches: [{ headers: [{ type: Exact, name: x-ai-eg-model, value: rerank-v3.5 }] }]
      backendRefs: [{ name: cohere }]
    - matches: [{ headers: [{ type: Exact, name: x-ai-eg-model, value: whisper-alias }] }]
      backendRefs: [{ name: openai, modelNameOverride: whisper-1 }]${STANDARD_RULES}`;
const CONFIG = `${route("media", RULES)}
${BACKENDS}
${backend("cohere", "{ name: Cohere, version: v2 }")}
${apiKey("openai", "sk-upstream", { type: "APIKey", field: "apiKey" })}
${apiKey("cohere", "co-upstream", { type: "APIKey", field: "apiKey" })}`;

const SAID = "This is a simulated answer; no model was asked. You said: hello";
const PNG_START = "\x89PNG";

let gateway: GatewayWithSimulator;
let client: OpenAI;
before(async () => {
  gateway = await startWithSimulator((port) => CONFIG.replaceAll(UPSTREAM_PORT, String(port)));
  client = new OpenAI({ baseURL: `${gateway.url}/v1`, apiKey: "sk-caller", maxRetries: 0 });
});
after(async () => {
  assert.equal(await gateway.stop(), 0);
});

/** Bytes of all values, line ends and dashes among them. */
const BYTES = Buffer.from(Array.from({ length: 100_000 }, (_, i) => (i * 7) % 256));

function recording() {
  return toFile(BYTES, "a recording.wav", { type: "audio/wav" });
}

test("images, whole and streamed", async () => {
  const { data, usage } = await client.images.generate({ model: "gpt-image-1", prompt: "hello", n: 2 });
  assert.equal(data?.length, 2);
  assert.ok(
    Buffer.from(data?.[0]?.b64_json ?? "", "base64")
      .toString("latin1")
      .startsWith(PNG_START),
  );
  assert.equal(usage?.total_tokens, 18);

  const stream = await client.images.generate({ model: "gpt-image-1", prompt: "hello", stream: true });
  const types: string[] = [];
  for await (const { type } of stream) types.push(type);
  assert.deepEqual(types, ["image_generation.partial_image", "image_generation.completed"]);
});

test("an edit of several uploaded images, whose bytes arrive as they are", async () => {
  const image = [await toFile(BYTES, "a.png", { type: "image/png" }), await toFile(BYTES, "b.png")];
  const { data } = await client.images.edit({ model: "gpt-image-1", image, prompt: "hello" });
  assert.equal(data?.length, 1);
  const sent = gateway.simulator.requests.at(-1)?.body;
  assert.ok(sent && sent.indexOf(BYTES) > 0 && sent.indexOf(BYTES) !== sent.lastIndexOf(BYTES));
});

test("speech, as bytes and as events", async () => {
  const ask = { model: "gpt-4o-mini-tts", input: "hello", voice: "alloy" } as const;
  const spoken = await client.audio.speech.create(ask);
  assert.equal(spoken.headers.get("content-type"), "audio/mpeg");
  const want = Buffer.from(Buffer.from(SAID).map((byte) => 0x80 | (byte & 0x3f)));
  assert.deepEqual(Buffer.from(await spoken.arrayBuffer()), want);
  const wav = await client.audio.speech.create({ ...ask, response_format: "wav" });
  assert.equal(wav.headers.get("content-type"), "audio/wav");
  const events = await client.audio.speech.create({ ...ask, stream_format: "sse" });
  assert.match(await events.text(), /"type":"speech\.audio\.done","usage":\{.*"total_tokens":18\}\}\n\n$/);
});

test("speech that breaks off raises", async () => {
  const headers = { "x-simulate": "fault=reset-mid-stream" };
  const ask = { model: "gpt-tts", input: "hello", voice: "alloy" };
  const spoken = await client.audio.speech.create(ask, { headers });
  await assert.rejects(spoken.arrayBuffer());
});

test("a transcription, whole and streamed, of a recording that arrives as it is", async () => {
  const ask = { model: "gpt-4o-transcribe", prompt: "hello" };
  const { text, usage } = await client.audio.transcriptions.create({ ...ask, file: await recording() });
  assert.equal(text, SAID);
  assert.equal(usage?.type, "tokens");
  assert.ok(gateway.simulator.requests.at(-1)?.body.includes(BYTES));

  const stream = await client.audio.transcriptions.create({ ...ask, file: await recording(), stream: true });
  let said = "";
  for await (const event of stream) said += event.type === "transcript.text.delta" ? event.delta : "";
  assert.equal(said, SAID);
});

test("a transcription as subtitles", async () => {
  const ask = { model: "gpt-4o-transcribe", response_format: "vtt", file: await recording() } as const;
  assert.match(await client.audio.transcriptions.create(ask), /^WEBVTT\n/);
});

test("a translation by a model under another name, with the recording as it is", async () => {
  const ask = { model: "whisper-alias", file: await recording(), response_format: "text" as const };
  await client.audio.translations.create(ask);
  const sent = gateway.simulator.requests.at(-1)?.body;
  assert.ok(sent);
  assert.ok(sent.includes(BYTES));
  assert.match(sent.toString("latin1"), /name="model"\r\n\r\nwhisper-1\r\n/);
  assert.doesNotMatch(sent.toString("latin1"), /whisper-alias/);
});

test("an upload without a model is refused in words", async () => {
  const ask = { model: "", file: await recording() };
  await assert.rejects(client.audio.transcriptions.create(ask), OpenAI.BadRequestError);
});

test("embeddings of lists of texts and of tokens", async () => {
  for (const input of [
    ["a", "b"],
    [[1, 2], [3]],
  ]) {
    const { data } = await client.embeddings.create({ model: "gpt-e", input, dimensions: 4 });
    assert.deepEqual(
      data.map(({ index, embedding }) => [index, embedding.length]),
      [
        [0, 4],
        [1, 4],
      ],
    );
  }
});

test("input tokens of a response", async () => {
  const { input_tokens } = await client.responses.inputTokens.count({ model: "gpt-4o", input: "hello" });
  assert.equal(input_tokens, 2);
});

test("ranks, as Cohere's clients ask for them", async () => {
  const body = JSON.stringify({ model: "rerank-v3.5", query: "hello", documents: ["a", "b", "c"], top_n: 2 });
  const headers = { "content-type": "application/json", authorization: "Bearer co-caller" };
  const response = await fetch(`${gateway.url}/cohere/v2/rerank`, { method: "POST", headers, body });
  assert.partialDeepStrictEqual(await response.json(), { results: [{ index: 0 }, { index: 1 }] });
  const sent = gateway.simulator.requests.at(-1);
  assert.equal(sent?.path, "/v2/rerank");
  assert.equal(sent?.headers["authorization"], "Bearer co-upstream");
});

test("an error about ranks comes in Cohere's shape", async () => {
  const body = JSON.stringify({ model: "rerank-v3.5", query: "hello", documents: [] });
  const headers = { "x-simulate": "status=429" };
  const response = await fetch(`${gateway.url}/v2/rerank`, { method: "POST", headers, body });
  assert.equal(response.status, 429);
  assert.match(((await response.json()) as { message: string }).message, /Rate limit/);
});
