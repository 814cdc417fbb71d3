import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { type Simulator, startSimulator } from "./simulator.ts";

let simulator: Simulator;
before(async () => {
  simulator = await startSimulator({ port: 0 });
});
after(() => simulator.close());

/** Posts JSON or a form. */
function call(path: string, body: object): Promise<Response> {
  const sent = body instanceof FormData ? body : JSON.stringify(body);
  return fetch(`http://127.0.0.1:${simulator.port}${path}`, { method: "POST", body: sent });
}

function form(fields: Readonly<Record<string, string>>): FormData {
  const data = new FormData();
  data.set("file", new Blob(["RIFF"]), "a.wav");
  for (const [name, value] of Object.entries(fields)) data.set(name, value);
  return data;
}

const answers: readonly { path: string; body: object; type: string; want: RegExp }[] = [
  {
    path: "/v1/responses/input_tokens",
    body: { model: "m", input: "hello" },
    type: "application/json",
    want: /"input_tokens": 2/,
  },
  {
    path: "/openai/deployments/d/images/generations?api-version=1",
    body: { prompt: "hello" },
    type: "application/json",
    want: /"b64_json": "iVBOR.*"total_tokens": 18/s,
  },
  {
    path: "/v1/images/edits",
    body: form({ model: "m", stream: "true" }),
    type: "text/event-stream; charset=utf-8",
    want: /^event: image_edit\.partial_image\n.*event: image_edit\.completed\n/s,
  },
  { path: "/v1/audio/speech", body: { model: "m", input: "x", response_format: "wav" }, type: "audio/wav", want: /./ },
  {
    path: "/v1/audio/transcriptions",
    body: form({ model: "m", prompt: "hello" }),
    type: "application/json",
    want: /You said: hello"/,
  },
  {
    path: "/v1/audio/translations",
    body: form({ model: "m", response_format: "vtt" }),
    type: "text/plain; charset=utf-8",
    want: /^WEBVTT\n/,
  },
  { path: "/tokenize", body: { model: "m", prompt: "hello" }, type: "application/json", want: /"tokens":\[1,2\]/ },
  {
    path: "/v2/rerank",
    body: { model: "m", query: "hello", documents: ["a", "b"] },
    type: "application/json",
    want: /"index":1,"relevance_score":0\.5.*"input_tokens":2/,
  },
];

for (const { path, body, type, want } of answers) {
  test(`${path} is answered as ${type}`, async () => {
    const response = await call(path, body);
    assert.equal(response.status, 200);
    assert.equal(response.headers.get("content-type"), type);
    assert.match(await response.text(), want);
  });
}

test("a form that cannot be read is refused", async () => {
  const headers = { "content-type": "multipart/form-data; boundary=b" };
  const url = `http://127.0.0.1:${simulator.port}/v1/audio/transcriptions`;
  const response = await fetch(url, { method: "POST", headers, body: "--b" });
  assert.equal(response.status, 400);
});

test("an error about ranks has Cohere's shape", async () => {
  const response = await call("/v2/rerank", { model: "simulated-429", query: "q", documents: [] });
  assert.equal(response.status, 429);
  assert.match(((await response.json()) as { message: string }).message, /Rate limit/);
});
