import assert from "node:assert/strict";
import { test } from "node:test";
import { CHAT_COMPLETIONS } from "../../endpoints/chat-completions.ts";
import type { ParsedRequest } from "../../endpoints/endpoint.ts";
import { GatewayError } from "../../errors/gateway-error.ts";
import { emptyUsage } from "../../usage/token-usage.ts";
import { HeaderMap } from "../../wire/headers.ts";
import type { Translator } from "../translator.ts";
import type { AnswerEvent } from "./answer.ts";
import { CHAT_COMPLETIONS_CLIENT } from "./chat-completions/codec.ts";
import type { BackendCodec, StreamReader } from "./codec.ts";
import { translated } from "./translated.ts";

const USAGE = { ...emptyUsage(), inputTokens: 3, outputTokens: 4 };

/** Reads a stream in which each line is an event as JSON. */
class LineReader implements StreamReader {
  #held = "";

  push(chunk: Uint8Array, out: AnswerEvent[]): void {
    const lines = (this.#held + Buffer.from(chunk).toString("latin1")).split("\n");
    this.#held = lines.pop() ?? "";
    for (const line of lines) out.push(readLine(line));
  }

  end(out: AnswerEvent[]): void {
    if (this.#held !== "") out.push(readLine(this.#held));
  }
}

function readLine(line: string): AnswerEvent {
  if (line === "broken") throw new GatewayError("upstream_invalid", "broken");
  return JSON.parse(line) as AnswerEvent;
}

/** A vendor that understands the first text of a conversation, and a sampling without a seed. */
const FAKE: BackendCodec = {
  writeRequest({ turns, sampling, stream }, { model, context }, losses) {
    if (sampling.seed !== undefined) losses.drop("seed");
    const [part] = turns[0]?.parts ?? [];
    const said = part?.type === "text" ? part.text : "";
    const headers = [["x-vendor", context.version]] as const;
    return { path: `/${model}${stream ? "/stream" : ""}`, headers, body: { said } };
  },
  readAnswer(body, headers, { model }) {
    const text = Buffer.from(body).toString();
    if (text === "") throw new GatewayError("upstream_invalid", "nothing came");
    const choice = {
      stopReason: "end",
      vendorReason: undefined,
      stopSequence: undefined,
      logprobs: undefined,
    } as const;
    return {
      ...{ id: headers.get("x-id") ?? "", model: `${model}-1`, createdAt: 5, usage: USAGE },
      choices: [{ ...choice, parts: [{ type: "text", text }], extensions: {} }],
      ...{ serviceTier: undefined, extensions: {} },
    };
  },
  streamReader: () => new LineReader(),
  readError: (status, headers, body) => ({
    ...{ type: headers.get("x-error") ?? "error", message: Buffer.from(body).toString(), status },
  }),
};

function translate(fields: object): { translator: Translator; patch: ReturnType<Translator["request"]> } {
  const translator = translated(
    CHAT_COMPLETIONS_CLIENT,
    FAKE,
  )({
    ...{ prefix: undefined, version: "v", modelOverride: "other", requestHeaders: new HeaderMap() },
    ...{ requestId: "r-1", newId: () => "id-1", now: () => 1_760_000_000 },
  });
  const raw = Buffer.from(JSON.stringify({ model: "m", messages: [{ role: "user", content: "Hi" }], ...fields }));
  const parsed = CHAT_COMPLETIONS.parse?.(raw, "application/json", "/v1/chat/completions") as ParsedRequest;
  return { translator, patch: translator.request(raw, parsed) };
}

const STREAM: readonly AnswerEvent[] = [
  { type: "start", id: "a", model: "other-1", createdAt: 5 },
  { type: "part", choice: 0, part: 0, begin: { type: "text" } },
  { type: "text", choice: 0, part: 0, text: "Hallo" },
  { type: "part-end", choice: 0, part: 0 },
  { type: "stop", choice: 0, reason: "end", vendorReason: undefined, stopSequence: undefined },
  { type: "usage", usage: USAGE },
  { type: "done" },
];

function lines(events: readonly AnswerEvent[]): Buffer {
  return Buffer.from(events.map((event) => JSON.stringify(event)).join("\n"));
}

function relay(translator: Translator, chunks: readonly Uint8Array[]): string {
  translator.responseHeaders(200, new HeaderMap(["content-type", "application/x-lines"]));
  const pieces = chunks.map((chunk) => translator.streamChunk(chunk));
  return Buffer.concat([...pieces, translator.streamEnd()]).toString();
}

test("a request is read from one dialect, written in the other, and what is lost is told", () => {
  const { translator, patch } = translate({ seed: 1 });
  assert.equal(patch.path, "/other");
  assert.deepEqual(patch.headers, [
    ["content-type", "application/json"],
    ["x-vendor", "v"],
  ]);
  assert.equal(Buffer.from(patch.body ?? []).toString(), '{"said":"Hi"}');
  assert.deepEqual(translator.losses, ["seed"]);
});

test("a body that is no JSON behind what admission has read is the caller's mistake", () => {
  const raw = Buffer.from('{"model":"m","messages":[{"role":"user","content":}]}');
  const { translator } = translate({});
  const parsed = { model: "m", stream: false, includeUsage: false } as ParsedRequest;
  assert.throws(() => translator.request(raw, parsed), { code: "invalid_request" });
});

test("a whole answer is written in the caller's dialect, and its facts are read", () => {
  const { translator } = translate({});
  const head = translator.responseHeaders(200, new HeaderMap(["x-id", "a"]));
  assert.deepEqual(head.headers, [["content-type", "application/json"]]);
  const { body = Buffer.alloc(0) } = translator.responseBody(Buffer.from("Hallo"));
  assert.deepEqual(JSON.parse(Buffer.from(body).toString()), {
    ...{ id: "a", created: 5, model: "other-1", object: "chat.completion" },
    choices: [{ index: 0, message: { content: "Hallo", role: "assistant" }, finish_reason: "stop" }],
    usage: { prompt_tokens: 3, completion_tokens: 4, total_tokens: 7 },
  });
  const { state, responseModel, usage } = translator.facts;
  assert.deepEqual([state, responseModel, usage], ["complete", "other-1", USAGE]);
});

test("an answer that is none leaves the facts as they are", () => {
  const { translator } = translate({});
  translator.responseHeaders(200, new HeaderMap());
  assert.throws(() => translator.responseBody(Buffer.alloc(0)), { code: "upstream_invalid" });
  assert.equal(translator.facts.state, "open");
});

test("a stream is the same however it is cut", () => {
  const whole = lines(STREAM);
  const cuts = { whole: [whole], "byte by byte": Array.from(whole, (byte) => Buffer.of(byte)) };
  const outs = Object.values(cuts).map((chunks) => {
    const { translator } = translate({ stream: true, stream_options: { include_usage: true } });
    const out = relay(translator, chunks);
    return { out, facts: translator.facts };
  });
  assert.deepEqual(outs[0], outs[1]);
  assert.ok(outs[0]?.out.endsWith('"total_tokens":7}}\n\ndata: [DONE]\n\n'));
  assert.deepEqual(outs[0]?.facts, {
    ...{
      state: "complete",
      usage: USAGE,
      responseModel: "other-1",
      events: 7,
      eventBytes: 0,
      textBytes: 5,
      errorType: undefined,
    },
  });
});

test("what came whole before a broken event is the caller's, and then the stream fails", () => {
  const start = { type: "start", id: "x", model: "m", createdAt: 1 };
  const before = [start, { type: "part", choice: 0, part: 0, begin: { type: "text" } }];
  const said = { type: "text", choice: 0, part: 0, text: "Hi" };
  const bytes = Buffer.from(`${[...before, said].map((event) => JSON.stringify(event)).join("\n")}\nbroken\n`);
  const { translator } = translate({ stream: true });
  translator.responseHeaders(200, new HeaderMap());
  assert.match(Buffer.from(translator.streamChunk(bytes)).toString(), /"content":"Hi"/);
  assert.throws(() => translator.streamEnd(), /broken/);
  assert.equal(translator.facts.state, "open");
});

test("what is broken after the end spoils nothing", () => {
  const { translator } = translate({ stream: true });
  const out = relay(translator, [Buffer.concat([lines(STREAM), Buffer.from("\nbroken\n")]), Buffer.from("broken\n")]);
  assert.match(out, /\[DONE\]\n\n$/);
  assert.equal(translator.facts.state, "complete");
});

test("a stream has the head of one", () => {
  const { translator } = translate({ stream: true });
  const { headers } = translator.responseHeaders(200, new HeaderMap(["content-type", "application/x-lines"]));
  assert.deepEqual(headers, [["content-type", "text/event-stream"]]);
});

test("a stream that ends early is still open", () => {
  const { translator } = translate({ stream: true });
  const out = relay(translator, [lines(STREAM.slice(0, 4))]);
  assert.equal(translator.facts.state, "open");
  assert.ok(!out.includes("[DONE]"));
});

test("nothing is written after an error, which ends the answer as failed", () => {
  const { translator } = translate({ stream: true });
  const error: AnswerEvent = { type: "error", error: { type: "overloaded", message: "busy", status: 529 } };
  const out = relay(translator, [lines([...STREAM.slice(0, 3), error, ...STREAM.slice(3)])]);
  assert.ok(out.endsWith('data: {"type":"error","error":{"type":"overloaded","code":"529","message":"busy"}}\n\n'));
  assert.deepEqual([translator.facts.state, translator.facts.errorType], ["failed", "overloaded"]);
});

test("an error answer is written in the caller's dialect", () => {
  const { translator } = translate({});
  const { body, headers } = translator.responseError(429, new HeaderMap(["x-error", "Throttled"]), Buffer.from("slow"));
  assert.deepEqual(headers, [["content-type", "application/json"]]);
  assert.equal(
    Buffer.from(body ?? []).toString(),
    '{"type":"error","error":{"type":"Throttled","code":"429","message":"slow"}}',
  );
});
