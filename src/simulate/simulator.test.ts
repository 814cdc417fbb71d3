import assert from "node:assert/strict";
import { connect as connectHttp2 } from "node:http2";
import { connect } from "node:net";
import { after, before, test } from "node:test";
import { brotliDecompressSync, gunzipSync, inflateSync, zstdDecompressSync } from "node:zlib";
import { FAULTS } from "./faults.ts";
import { type Simulator, startSimulator } from "./simulator.ts";

let simulator: Simulator;
before(async () => {
  simulator = await startSimulator({ port: 0, record: 200 });
});
after(() => simulator.close());

const CHAT = "/v1/chat/completions";
const HELLO = { model: "gpt-4o", messages: [{ role: "user", content: "hello" }] };

function call(path: string, body: unknown, headers: Record<string, string> = {}): Promise<Response> {
  return fetch(`http://127.0.0.1:${simulator.port}${path}`, { method: "POST", headers, body: JSON.stringify(body) });
}

/** Sends a chat request and returns every byte that comes back, and whether the connection was reset. */
async function callRaw(simulate: string, body: unknown): Promise<{ bytes: string; reset: boolean }> {
  const json = JSON.stringify(body);
  const socket = connect(simulator.port, "127.0.0.1");
  let bytes = "";
  let reset = false;
  socket.on("data", (chunk: Buffer) => {
    bytes += chunk.toString("latin1");
  });
  socket.on("error", () => {
    reset = true;
  });
  socket.write(`POST ${CHAT} HTTP/1.1\r\nhost: x\r\nconnection: close\r\nx-simulate: ${simulate}\r\n`);
  socket.write(`content-length: ${json.length}\r\n\r\n${json}`);
  await new Promise((resolve) => socket.once("close", resolve));
  return { bytes, reset };
}

test("a chat completion quotes the prompt and counts a token per four bytes", async () => {
  const response = await call(CHAT, HELLO);
  const body = (await response.json()) as { model: string; choices: { message: { content: string } }[]; usage: object };
  assert.equal(response.status, 200);
  assert.equal(response.headers.get("content-type"), "application/json");
  assert.match(response.headers.get("x-request-id") ?? "", /^req_/);
  assert.equal(body.model, "gpt-4o");
  assert.equal(body.choices[0]?.message.content, "This is a simulated answer; no model was asked. You said: hello");
  assert.partialDeepStrictEqual(body.usage, { prompt_tokens: 2, completion_tokens: 16, total_tokens: 18 });
});

const streams = [
  { name: "chat", path: CHAT, body: HELLO, first: /^data: \{"id":"chatcmpl-/, last: /^data: \[DONE\]$/, usage: false },
  {
    name: "chat with usage",
    path: CHAT,
    body: { ...HELLO, stream_options: { include_usage: true } },
    first: /"usage":null\}$/,
    last: /^data: \[DONE\]$/,
    usage: true,
  },
  {
    name: "completions",
    path: "/v1/completions",
    body: { model: "m", prompt: "hello" },
    first: /"object":"text_completion"/,
    last: /^data: \[DONE\]$/,
    usage: false,
  },
  {
    name: "Azure chat",
    path: "/openai/deployments/d/chat/completions?api-version=1",
    body: HELLO,
    first: /^data: \{"choices":\[\],.*prompt_filter_results/,
    last: /^data: \[DONE\]$/,
    usage: false,
  },
  {
    name: "responses",
    path: "/v1/responses",
    body: { model: "m", input: "hello" },
    first: /^event: response\.created\ndata: \{"type":"response\.created","sequence_number":0,/,
    last: /^event: response\.completed\n/,
    usage: true,
  },
  {
    name: "messages",
    path: "/v1/messages",
    body: HELLO,
    first: /^event: message_start\ndata: \{"type":"message_start"/,
    last: /^event: message_stop\ndata: \{"type":"message_stop"\}$/,
    usage: true,
  },
];

for (const { name, path, body, first, last, usage } of streams) {
  test(`the ${name} stream begins and ends as the vendor's does`, async () => {
    const response = await call(path, { ...body, stream: true });
    const text = await response.text();
    const events = text.split("\n\n");
    assert.equal(response.headers.get("content-type"), "text/event-stream; charset=utf-8");
    assert.equal(events.at(-1), "");
    assert.match(events[0] ?? "", first);
    assert.match(events.at(-2) ?? "", last);
    assert.equal(/"usage":\{"(prompt|input)_tokens":\d/.test(text), usage);
  });
}

const usages = [
  { path: CHAT, want: /"prompt_tokens": 6,.*"cached_tokens": 4,.*"reasoning_tokens": 3,/s },
  { path: "/v1/responses", want: /"input_tokens": 6,.*"cached_tokens": 4.*"reasoning_tokens": 3/s },
  { path: "/v1/messages", want: /"input_tokens":2,"cache_creation_input_tokens":0,"cache_read_input_tokens":4,/ },
];

for (const { path, want } of usages) {
  test(`${path} reports cached and reasoning tokens in its own convention`, async () => {
    const response = await call(path, HELLO, { "x-simulate": "cached-tokens=4,reasoning-tokens=3" });
    assert.match(await response.text(), want);
  });
}

const tool = { name: "get_weather", parameters: { type: "object", properties: { city: { type: "string" } } } };
const toolCalls = [
  { name: "named in the prompt", turn: "use get_weather", choice: "auto", called: true },
  { name: "not named", turn: "hello", choice: "auto", called: false },
  { name: "required", turn: "hello", choice: "required", called: true },
  { name: "forced by name", turn: "hello", choice: { type: "function", function: tool }, called: true },
  { name: "forbidden", turn: "use get_weather", choice: "none", called: false },
];

for (const { name, turn, choice, called } of toolCalls) {
  test(`a tool that is ${name} is ${called ? "" : "not "}called`, async () => {
    const messages = [{ role: "user", content: turn }];
    const tools = [{ type: "function", function: tool }];
    const response = await call(CHAT, { model: "m", messages, tools, tool_choice: choice });
    const text = await response.text();
    assert.equal(text.includes('"arguments": "{\\"city\\":\\"simulated\\"}"'), called);
    assert.equal(text.includes('"finish_reason": "tool_calls"'), called);
  });
}

test("a tool's result is answered with text that quotes it", async () => {
  const messages = [{ role: "tool", tool_call_id: "1", content: "get_weather says rain" }];
  const response = await call(CHAT, { model: "m", messages, tools: [{ type: "function", function: tool }] });
  assert.match(await response.text(), /The tool said: get_weather says rain"/);
});

test("embeddings are unit vectors that depend on the text alone, as floats and as base64", async () => {
  const ask = async (extra: object): Promise<{ data: { embedding: unknown }[] }> => {
    const response = await call("/v1/embeddings", { model: "m", input: ["a", "b", "a"], dimensions: 8, ...extra });
    return (await response.json()) as { data: { embedding: unknown }[] };
  };
  const [a, b, again] = (await ask({})).data.map((item) => item.embedding as number[]);
  const [base64] = (await ask({ encoding_format: "base64" })).data.map((item) => item.embedding as string);
  assert.equal(a?.length, 8);
  assert.ok(Math.abs(Math.hypot(...(a ?? [])) - 1) < 1e-9);
  assert.deepEqual(again, a);
  assert.notDeepEqual(b, a);
  assert.deepEqual(Buffer.from(base64 ?? "", "base64"), Buffer.from(Float32Array.from(a ?? []).buffer));
});

test("tokens and chunks set the length of an answer and of its stream", async () => {
  const response = await call(CHAT, { ...HELLO, stream: true }, { "x-simulate": "tokens=10,chunks=5" });
  const text = await response.text();
  const pieces = [...text.matchAll(/"delta":\{"content":"([^"]*)"\}/g)].map(([, piece]) => piece);
  assert.equal(pieces.length, 5);
  assert.equal(pieces.join("").length, 40);
});

const refusals = [
  { name: "bad JSON", path: CHAT, body: "{", status: 400, want: /"type": "invalid_request_error"/ },
  { name: "no model", path: CHAT, body: "{}", status: 400, want: /you must provide a model parameter/ },
  { name: "an unknown path", path: "/v1/nothing", body: "{}", status: 404, want: /Invalid URL \(\/v1\/nothing\)/ },
  { name: "status 429", path: CHAT, body: '{"model":"simulated-429"}', status: 429, want: /"rate_limit_exceeded"/ },
  {
    name: "status 529 of Anthropic",
    path: "/v1/messages",
    body: '{"model":"simulated-529"}',
    status: 529,
    want: /^\{"type":"error","error":\{"type":"overloaded_error","message":"Overloaded"\},"request_id":"req_/,
  },
  {
    name: "status 500 of Azure",
    path: "/openai/deployments/simulated-500/chat/completions?api-version=1",
    body: "{}",
    status: 500,
    want: /^\{"error":\{"code":"500","message":"The server had an error/,
  },
];

for (const { name, path, body, status, want } of refusals) {
  test(`${name} is refused in the vendor's shape`, async () => {
    const response = await fetch(`http://127.0.0.1:${simulator.port}${path}`, { method: "POST", body });
    assert.equal(response.status, status);
    assert.match(await response.text(), want);
  });
}

test("retry-after can be chosen and comes with every 429", async () => {
  const chosen = await call(CHAT, HELLO, { "x-simulate": "status=503,retry-after=7" });
  const usual = await call(CHAT, HELLO, { "x-simulate": "status=429" });
  assert.equal(chosen.headers.get("retry-after"), "7");
  assert.equal(usual.headers.get("retry-after"), "1");
});

const mistakes = [
  { header: "colour=red", want: /unknown key \\"colour\\"; one of delay-ms,/ },
  { header: "fault=fire", want: /unknown fault \\"fire\\"; one of reset-before-headers,/ },
  { header: "chunks=-1", want: /chunks must be a whole number/ },
  { header: "status=99", want: /status must be from 200 to 599, not 99/ },
];

for (const { header, want } of mistakes) {
  test(`the header "x-simulate: ${header}" is refused and the mistake named`, async () => {
    const response = await call(CHAT, HELLO, { "x-simulate": header });
    assert.equal(response.status, 400);
    assert.match(await response.text(), want);
  });
}

const keys: { name: string; headers: Record<string, string>; status: number }[] = [
  { name: "none", headers: {}, status: 401 },
  { name: "a wrong one", headers: { authorization: "Bearer wrong" }, status: 401 },
  { name: "the right one as a bearer token", headers: { authorization: "Bearer right" }, status: 200 },
  { name: "the right one as x-api-key", headers: { "x-api-key": "right" }, status: 200 },
  { name: "the right one as api-key", headers: { "api-key": "right" }, status: 200 },
];

test("with a key of its own, the simulator accepts no other", async () => {
  const locked = await startSimulator({ port: 0, apiKey: "right" });
  for (const { name, headers, status } of keys) {
    const url = `http://127.0.0.1:${locked.port}${CHAT}`;
    const response = await fetch(url, { method: "POST", headers, body: JSON.stringify(HELLO) });
    await response.text();
    assert.equal(response.status, status, name);
  }
  await locked.close();
});

const encodings = [
  { fault: "gzip", decode: gunzipSync },
  { fault: "deflate", decode: inflateSync },
  { fault: "br", decode: brotliDecompressSync },
  { fault: "zstd", decode: zstdDecompressSync },
];

for (const { fault, decode } of encodings) {
  test(`a stream compressed with ${fault} decodes to the plain one`, async () => {
    const { bytes } = await callRaw(`fault=${fault}`, { ...HELLO, stream: true });
    const [head = "", ...rest] = bytes.split("\r\n\r\n");
    const decoded = decode(Buffer.from(unchunk(rest.join("\r\n\r\n")), "latin1")).toString();
    assert.match(head, new RegExp(`content-encoding: ${fault}`));
    assert.match(decoded, /^data: \{"id".*data: \[DONE\]\n\n$/s);
  });
}

function unchunk(text: string): string {
  let body = "";
  for (let at = 0; ; ) {
    const line = text.indexOf("\r\n", at);
    const size = Number.parseInt(text.slice(at, line), 16);
    if (size === 0) return body;
    body += text.slice(line + 2, line + 2 + size);
    at = line + 2 + size + 2;
  }
}

const rawFaults = [
  { fault: "reset-before-headers", stream: false, reset: true, want: /^$/ },
  { fault: "close-before-headers", stream: false, reset: false, want: /^$/ },
  { fault: "reset-mid-body", stream: false, reset: true, want: /content-length: \d+\r\n\r\n\{\n.*[^}\n]$/s },
  {
    fault: "reset-mid-stream",
    stream: true,
    reset: true,
    want: /transfer-encoding: chunked.*data: \{[^[]*\[.*\n\n\r\n$/s,
  },
  { fault: "close-mid-stream", stream: true, reset: false, want: /transfer-encoding: chunked.*\n\n\r\n$/s },
  { fault: "truncated-stream", stream: true, reset: false, want: /[^\n]\r\n0\r\n\r\n$/ },
  { fault: "unfinished-stream", stream: true, reset: false, want: /"finish_reason":null\}\]\}\n\n\r\n0\r\n\r\n$/ },
  { fault: "no-done", stream: true, reset: false, want: /"finish_reason":"stop"\}\]\}\n\n\r\n0\r\n\r\n$/ },
  {
    fault: "duplicate-content-length",
    stream: false,
    reset: false,
    want: /content-length: \d+\r\ncontent-length: \d+/,
  },
  { fault: "length-and-chunked", stream: false, reset: false, want: /transfer-encoding: chunked\r\ncontent-length/ },
  { fault: "not-http", stream: false, reset: false, want: /^\+OK ready\r\n$/ },
  { fault: "switching-protocols", stream: false, reset: false, want: /^HTTP\/1\.1 101 / },
  { fault: "interim", stream: false, reset: false, want: /^HTTP\/1\.1 100 .*HTTP\/1\.1 103 .*HTTP\/1\.1 200 /s },
  {
    fault: "redirect",
    stream: false,
    reset: false,
    want: /^HTTP\/1\.1 307 .*location: http:\/\/169\.254\.169\.254\//s,
  },
  { fault: "null", stream: true, reset: false, want: /content-length: 4\r\n.*\r\n\r\nnull$/s },
  { fault: "sse-crlf", stream: true, reset: false, want: /data: \[DONE\]\r\n\r\n\r\n0\r\n\r\n$/ },
  { fault: "bytewise", stream: true, reset: false, want: /1\r\nd\r\n1\r\na\r\n1\r\nt\r\n1\r\na\r\n/ },
  {
    fault: "in-band-error",
    stream: true,
    reset: false,
    want: /event: error\ndata: \{"type":"error".*\n\n\r\n0\r\n\r\n$/s,
  },
];

for (const { fault, stream, reset, want } of rawFaults) {
  test(`the fault ${fault} shows on the wire`, async () => {
    const got = await callRaw(`fault=${fault}`, { ...HELLO, stream });
    assert.match(got.bytes, want);
    assert.equal(got.reset, reset);
  });
}

test("every fault is served to a whole and to a streamed request without an exception in the simulator", async () => {
  for (const fault of Object.keys(FAULTS)) {
    for (const stream of [false, true]) {
      const signal = AbortSignal.timeout(fault.startsWith("hang") || fault === "slow-drip" ? 30 : 2000);
      const headers = { "x-simulate": `fault=${fault},chunks=2` };
      const url = `http://127.0.0.1:${simulator.port}${CHAT}`;
      await fetch(url, {
        method: "POST",
        redirect: "manual",
        headers,
        body: JSON.stringify({ ...HELLO, stream }),
        signal,
      })
        .then((response) => response.arrayBuffer())
        // Most of these answers cannot be read; what counts is that the simulator lives on.
        .catch(() => undefined);
    }
  }
  assert.equal((await call(CHAT, HELLO)).status, 200);
});

test("a peer that leaves in the middle of a stream is recorded as aborted", async () => {
  const controller = new AbortController();
  const url = `http://127.0.0.1:${simulator.port}${CHAT}`;
  const headers = { "x-simulate": "fault=hang-mid-stream", "x-mark": "leaver" };
  const body = JSON.stringify({ ...HELLO, stream: true });
  const response = await fetch(url, { method: "POST", headers, body, signal: controller.signal });
  controller.abort();
  const recorded = simulator.requests.find((request) => request.headers["x-mark"] === "leaver");
  await recorded?.ended;
  assert.equal(response.status, 200);
  assert.equal(recorded?.aborted, true);
  assert.equal(recorded?.body.toString(), body);
});

test("an answer that was read whole is recorded as not aborted", async () => {
  await (await call(CHAT, HELLO, { "x-mark": "stayer" })).text();
  const recorded = simulator.requests.find((request) => request.headers["x-mark"] === "stayer");
  await recorded?.ended;
  assert.equal(recorded?.aborted, false);
  assert.equal(recorded?.path, CHAT);
});

test("only the last requests are kept, and none unless asked", async () => {
  for (const record of [0, 2]) {
    const small = await startSimulator({ port: 0, record });
    const url = `http://127.0.0.1:${small.port}/v1/models?n=`;
    for (const n of [1, 2, 3]) await (await fetch(url + n)).text();
    const paths = small.requests.map((request) => request.path);
    assert.deepEqual(paths, ["/v1/models?n=2", "/v1/models?n=3"].slice(0, record));
    await small.close();
  }
});

test("over HTTP/2 the same answers are given, and faults of the connection reset the stream", async () => {
  const server = await startSimulator({ port: 0, http2: true, record: 10 });
  const session = connectHttp2(`http://127.0.0.1:${server.port}`);
  const ask = (simulate: string): Promise<{ status: unknown; body: string; error: boolean }> => {
    const stream = session.request({ ":method": "POST", ":path": CHAT, "x-simulate": simulate });
    let status: unknown;
    let body = "";
    let error = false;
    stream.on("response", (headers) => {
      status = headers[":status"];
    });
    stream.setEncoding("utf8").on("data", (text: string) => {
      body += text;
    });
    stream.on("error", () => {
      error = true;
    });
    stream.end(JSON.stringify({ ...HELLO, stream: true }));
    return new Promise((resolve) => stream.once("close", () => resolve({ status, body, error })));
  };
  const answered = await ask("chunks=2");
  const reset = await ask("fault=reset-before-headers");
  session.close();
  await server.close();
  assert.partialDeepStrictEqual(answered, { status: 200, error: false });
  assert.match(answered.body, /data: \[DONE\]\n\n$/);
  assert.equal(reset.status, undefined);
  assert.deepEqual(
    server.requests.map((request) => [request.path, request.body.length > 0, request.aborted]),
    [
      [CHAT, true, false],
      [CHAT, true, false],
    ],
  );
});
