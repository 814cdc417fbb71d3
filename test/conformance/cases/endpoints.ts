import type { Case, Group, Want } from "../case.ts";
import { BACKENDS, backend, route, STANDARD_RULES } from "../configs.ts";

const CONFIG = `${route(
  "endpoints",
  `
    - matches: [{ headers: [{ type: RegularExpression, name: x-ai-eg-model, value: "rerank.*" }] }]
      backendRefs: [{ name: cohere }]${STANDARD_RULES}`,
)}
${BACKENDS}
${backend("cohere", "{ name: Cohere, version: v2 }")}`;

const API_VERSION = "api-version=2025-01-01-preview";
const FORM = { "content-type": 'multipart/form-data; boundary="-- form"' };
const IMAGE = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a, 0x00, 0xff]);

function part(head: string, content: string | Buffer): Buffer {
  return Buffer.concat([
    Buffer.from(`---- form\r\nContent-Disposition: form-data; ${head}\r\n\r\n`),
    Buffer.from(content),
    Buffer.from("\r\n"),
  ]);
}

/** A form with a file of bytes that are no text. */
function form(model: string, more: Readonly<Record<string, string>> = {}, file = "file"): Buffer {
  const fields = Object.entries({ model, ...more }).map(([name, value]) => part(`name="${name}"`, value));
  return Buffer.concat([part(`name="${file}"; filename="a.bin"`, IMAGE), ...fields, Buffer.from("---- form--\r\n")]);
}

const TRANSCRIPTIONS = "/v1/audio/transcriptions";
const SPEECH = "/v1/audio/speech";
const SPEAK = { model: "gpt-tts", input: "hello", voice: "alloy" };
const TOLD = { "gen_ai.usage.input_tokens": 2, "gen_ai.usage.output_tokens": 16, "gen_ai.usage.total_tokens": 18 };

const json: readonly { name: string; path: string; body: object; at: string; usage?: object; says: RegExp }[] = [
  {
    name: "input tokens of a response",
    path: "/v1/responses/input_tokens",
    body: { model: "gpt-4o", input: "hello" },
    at: "/v1/responses/input_tokens",
    usage: { "gen_ai.usage.input_tokens": 2, "gen_ai.usage.output_tokens": undefined },
    says: /"input_tokens": 2/,
  },
  {
    name: "input tokens of a response on Azure",
    path: "/v1/responses/input_tokens",
    body: { model: "azure-4o", input: "hello" },
    at: `/openai/responses/input_tokens?${API_VERSION}`,
    usage: { "gen_ai.usage.input_tokens": 2 },
    says: /"input_tokens": 2/,
  },
  {
    name: "images",
    path: "/v1/images/generations",
    body: { model: "gpt-image-1", prompt: "hello", n: 2 },
    at: "/v1/images/generations",
    usage: TOLD,
    says: /"b64_json": "iVBOR.*"b64_json"/s,
  },
  {
    name: "images on Azure",
    path: "/v1/images/generations",
    body: { model: "azure-image", prompt: "hello" },
    at: `/openai/deployments/azure-image/images/generations?${API_VERSION}`,
    usage: TOLD,
    says: /"b64_json"/,
  },
  {
    name: "edits of images named in JSON",
    path: "/v1/images/edits",
    body: { model: "gpt-image-1", prompt: "hello", images: [{ file_id: "f" }] },
    at: "/v1/images/edits",
    usage: TOLD,
    says: /"b64_json"/,
  },
  {
    name: "tokens as vLLM counts them",
    path: "/tokenize",
    body: { model: "gpt-4o", prompt: "hello" },
    at: "/tokenize",
    usage: { "gen_ai.usage.input_tokens": undefined },
    says: /^\{"count":2,/,
  },
  ...["/v2/rerank", "/cohere/v2/rerank"].map((path) => ({
    name: `ranks at ${path}`,
    path,
    body: { model: "rerank-v3.5", query: "hello", documents: ["a", "b"], top_n: 1 },
    at: "/v2/rerank",
    usage: { "gen_ai.usage.input_tokens": 2, "gen_ai.usage.total_tokens": 2 },
    says: /"results":\[\{"index":0,"relevance_score":1\}\]/,
  })),
];

const forms: readonly { name: string; path: string; body: Buffer; at: string; want: Want }[] = [
  {
    name: "edits of uploaded images",
    path: "/v1/images/edits",
    body: form("gpt-image-1", { prompt: "hello" }, "image[]"),
    at: "/v1/images/edits",
    want: { headers: { "content-type": "application/json" }, body: /"b64_json"/, log: TOLD },
  },
  {
    name: "a transcription",
    path: TRANSCRIPTIONS,
    body: form("gpt-transcribe", { prompt: "hello" }),
    at: TRANSCRIPTIONS,
    want: { headers: { "content-type": "application/json" }, body: /"text": "This is/, log: TOLD },
  },
  {
    name: "a transcription on Azure",
    path: TRANSCRIPTIONS,
    body: form("azure-transcribe", { prompt: "hello" }),
    at: `/openai/deployments/azure-transcribe/audio/transcriptions?${API_VERSION}`,
    want: { body: /"text": "This is/, log: TOLD },
  },
  {
    name: "a transcription as subtitles, which are passed on unread",
    path: TRANSCRIPTIONS,
    body: form("gpt-transcribe", { response_format: "srt" }),
    at: TRANSCRIPTIONS,
    want: { headers: { "content-type": "text/plain; charset=utf-8" }, body: /^1\n00:00:00,000 --> .*\n\n$/s },
  },
  {
    name: "a translation as text",
    path: "/v1/audio/translations",
    body: form("gpt-transcribe", { response_format: "text", prompt: "hello" }),
    at: "/v1/audio/translations",
    want: { body: "This is a simulated answer; no model was asked. You said: hello\n" },
  },
  {
    name: "a streamed transcription",
    path: TRANSCRIPTIONS,
    body: form("gpt-transcribe", { stream: "true", prompt: "hello" }),
    at: TRANSCRIPTIONS,
    want: {
      headers: { "content-type": /^text\/event-stream/, "content-length": undefined },
      body: /"type":"transcript\.text\.done".*\n\n$/s,
      log: TOLD,
    },
  },
];

const RENAMED = form("gpt-real");

const speech: readonly Case[] = [
  {
    name: "speech comes as bytes and is passed on unread",
    config: CONFIG,
    request: { path: SPEECH, body: SPEAK },
    want: {
      status: 200,
      headers: { "content-type": "audio/mpeg" },
      body: /^\uFFFD+$/,
      upstream: { path: SPEECH, body: JSON.stringify(SPEAK) },
      log: { outcome: "ok", response_bytes: 63, "gen_ai.usage.input_tokens": undefined },
    },
  },
  {
    name: "speech that is compressed is passed on decompressed",
    config: CONFIG,
    request: { path: SPEECH, headers: { "x-simulate": "fault=gzip" }, body: SPEAK },
    want: { status: 200, headers: { "content-encoding": undefined }, log: { outcome: "ok", response_bytes: 63 } },
  },
  {
    name: "speech in events tells its usage in the last one",
    config: CONFIG,
    request: { path: SPEECH, body: { ...SPEAK, stream_format: "sse" } },
    want: {
      status: 200,
      headers: { "content-type": /^text\/event-stream/ },
      body: /event: speech\.audio\.done\n.*\n\n$/,
      log: { outcome: "ok", ...TOLD },
    },
  },
  {
    name: "speech on Azure",
    config: CONFIG,
    request: { path: SPEECH, body: { ...SPEAK, model: "azure-tts" } },
    want: { status: 200, upstream: { path: `/openai/deployments/azure-tts/audio/speech?${API_VERSION}` } },
  },
  ...["reset-mid-stream", "close-mid-stream"].map(
    (fault): Case => ({
      name: `speech that breaks off (${fault}) does not look whole`,
      config: CONFIG,
      request: { path: SPEECH, headers: { "x-simulate": `fault=${fault}` }, body: SPEAK },
      want: { isCut: true, log: { outcome: "error" } },
    }),
  ),
  {
    name: "speech that breaks off over HTTP/2 does not look whole",
    config: CONFIG,
    request: { path: SPEECH, http2: true, headers: { "x-simulate": "fault=reset-mid-stream" }, body: SPEAK },
    want: { isCut: true, log: { outcome: "error" } },
  },
  {
    name: "speech that cannot be decompressed does not look whole",
    config: CONFIG,
    request: { path: SPEECH, headers: { "x-simulate": "fault=mislabelled-encoding" }, body: SPEAK },
    want: { isCut: true, log: { outcome: "error", "error.type": "upstream_invalid" } },
  },
  {
    name: "a web page is no speech",
    config: CONFIG,
    request: { path: SPEECH, headers: { "x-simulate": "fault=html" }, body: SPEAK },
    want: { status: 502, body: { json: { error: { type: "BadGateway" } } }, log: { outcome: "error" } },
  },
  {
    name: "an error of the provider's about speech stays as it is",
    config: CONFIG,
    request: { path: SPEECH, headers: { "x-simulate": "status=429" }, body: SPEAK },
    want: { status: 429, body: { json: { error: { code: "rate_limit_exceeded" } } } },
  },
];

const bad: readonly {
  name: string;
  path: string;
  headers?: Record<string, string>;
  body: object | Buffer;
  says: string;
}[] = [
  {
    name: "JSON for a transcription",
    path: TRANSCRIPTIONS,
    body: { model: "gpt-transcribe" },
    says: "malformed request: expected multipart/form-data content type for /v1/audio/transcriptions",
  },
  {
    name: "a form without a boundary",
    path: TRANSCRIPTIONS,
    headers: { "content-type": "multipart/form-data" },
    body: form("gpt-transcribe"),
    says: "malformed request: failed to parse multipart form data: missing boundary",
  },
  {
    name: "a form without its file",
    path: TRANSCRIPTIONS,
    headers: FORM,
    body: form("gpt-transcribe", {}, "audio"),
    says: "malformed request: missing required field 'file'",
  },
  {
    name: "a form for speech",
    path: SPEECH,
    headers: FORM,
    body: form("gpt-tts"),
    says: "malformed request: multipart body not supported for this endpoint",
  },
];

/** Endpoints for images, audio, counting and ranking. */
export const ENDPOINT_CASES: Group = {
  name: "endpoints",
  cases: [
    ...json.map(
      ({ name, path, body, at, usage, says }): Case => ({
        name: `${name}: the body goes through unchanged, and the answer's usage is counted`,
        config: CONFIG,
        request: { path, body },
        want: {
          status: 200,
          headers: { "content-type": "application/json" },
          body: says,
          upstream: { path: at, body: JSON.stringify(body) },
          log: { outcome: "ok", ...usage },
        },
      }),
    ),
    ...forms.map(
      ({ name, path, body, at, want }): Case => ({
        name: `${name}: the form goes through unchanged`,
        config: CONFIG,
        request: { path, headers: FORM, body },
        want: { status: 200, upstream: { path: at, headers: FORM, body: body.toString() }, ...want },
      }),
    ),
    {
      name: "another model is written into a form, and nothing else changes",
      config: CONFIG,
      request: { path: TRANSCRIPTIONS, headers: FORM, body: form("gpt-4o-alias") },
      want: {
        status: 200,
        upstream: { headers: { ...FORM, "content-length": String(RENAMED.length) }, body: RENAMED.toString() },
      },
    },
    {
      name: "streamed images tell their usage in the last event",
      config: CONFIG,
      request: { path: "/v1/images/generations", body: { model: "gpt-image-1", prompt: "hello", stream: true } },
      want: { status: 200, body: /event: image_generation\.completed\n.*\n\n$/, log: { outcome: "ok", ...TOLD } },
    },
    {
      name: "images that break off are estimated by their events, not by their bytes",
      config: CONFIG,
      request: {
        path: "/v1/images/generations",
        headers: { "x-simulate": "fault=unfinished-stream" },
        body: { model: "gpt-image-1", prompt: "hello", stream: true },
      },
      want: {
        status: 200,
        body: /"code":"502"/,
        log: { usage_estimated: true, "gen_ai.usage.input_tokens": 0, "gen_ai.usage.output_tokens": 1 },
      },
    },
    ...speech,
    ...bad.map(
      ({ name, path, headers, body, says }): Case => ({
        name: `${name} is refused`,
        config: CONFIG,
        request: { path, body, ...(headers && { headers }) },
        want: { status: 400, body: { json: { error: { type: "BadRequest", message: says } } }, upstream: null },
      }),
    ),
    {
      name: "a backend of a schema without the endpoint is told as such",
      config: CONFIG,
      request: { path: "/v2/rerank", body: { model: "gpt-4o", query: "q", documents: [] } },
      want: { status: 501, upstream: null },
    },
  ],
};
