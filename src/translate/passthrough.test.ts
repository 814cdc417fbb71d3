import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import type { EndpointName } from "../endpoints/endpoint.ts";
import { ENDPOINTS } from "../endpoints/registry.ts";
import { GatewayError } from "../errors/gateway-error.ts";
import { HeaderMap } from "../wire/headers.ts";
import { EVENT_BYTES_MAX } from "../wire/sse.ts";
import { API_SCHEMAS, findSchema, findTranslator } from "./registry.ts";
import type { Translator } from "./translator.ts";

/** A translator that has sent a streaming request. */
function beginStream(endpoint: EndpointName, body: object = {}): Translator {
  const create = findTranslator(endpoint === "messages" ? "Anthropic" : "OpenAI", endpoint);
  const parse = ENDPOINTS.find(({ name }) => name === endpoint)?.parse;
  assert.ok(create && parse);
  const translator = create({
    prefix: undefined,
    version: undefined,
    modelOverride: undefined,
    requestHeaders: new HeaderMap(),
    requestId: "r-1",
    newId: () => "id-1",
    now: () => 0,
  });
  const raw = Buffer.from(JSON.stringify({ model: "m", stream: true, ...body }));
  translator.request(raw, parse(raw, undefined, "/"));
  return translator;
}

const DELTA = Buffer.from(
  'data: {"object":"chat.completion.chunk","model":"m","choices":[{"index":0,"delta":{"content":"a"},"finish_reason":null}],"usage":null}\n\n',
);

describe("a passed stream", () => {
  it("hands on a chunk of whole events as the same bytes", () => {
    const translator = beginStream("chat-completions");
    assert.equal(translator.streamChunk(DELTA), DELTA);
    assert.equal(translator.streamChunk(DELTA), DELTA);
    assert.equal(translator.facts.events, 2);
    assert.equal(translator.facts.eventBytes, 2 * DELTA.length);
  });

  it("withholds a usage event in the middle of a chunk and keeps the rest", () => {
    const usage = 'data: {"choices":[],"usage":{"prompt_tokens":1,"completion_tokens":2}}\n\n';
    const translator = beginStream("chat-completions");
    const out = translator.streamChunk(Buffer.from(`${DELTA}: a\n\n${usage}: b\n\n${usage}data: [DONE]\n\n`));
    assert.equal(Buffer.from(out).toString(), `${DELTA}: a\n\n: b\n\ndata: [DONE]\n\n`);
    assert.equal(translator.facts.usage.outputTokens, 2);
  });

  it("is complete only when every choice asked for has finished", () => {
    const finish = (index: number) => Buffer.from(`data: {"choices":[{"index":${index},"finish_reason":"stop"}]}\n\n`);
    const translator = beginStream("chat-completions", { n: 2 });
    translator.streamChunk(finish(1));
    translator.streamChunk(finish(1));
    assert.equal(translator.facts.state, "open");
    translator.streamChunk(finish(0));
    assert.equal(translator.facts.state, "complete");
  });

  it("stays failed when the provider says that it is done after an error", () => {
    const translator = beginStream("chat-completions");
    translator.streamChunk(Buffer.from('data: {"error":"boom"}\n\n'));
    translator.streamChunk(Buffer.from('data: {"choices":[{"index":0,"finish_reason":"stop"}]}\n\ndata: [DONE]\n\n'));
    assert.equal(translator.facts.state, "failed");
    assert.equal(translator.facts.errorType, "error");
  });

  it("refuses an event over the limit", () => {
    const translator = beginStream("chat-completions");
    assert.throws(
      () => translator.streamChunk(Buffer.alloc(EVENT_BYTES_MAX + 1, "x")),
      (error) => error instanceof GatewayError && error.code === "upstream_invalid",
    );
  });

  it("never throws and loses nothing but what was cut off, whatever the provider sends", () => {
    const piece = fc.oneof(
      fc.constantFrom(
        "data: ",
        "event: error",
        "event: message_delta",
        "event: response.completed",
        "\n",
        "\n\n",
        "\r\n\r\n",
        ": c\n\n",
      ),
      fc.constantFrom(
        "{",
        "}",
        "[]",
        '"error":',
        '"usage":',
        "null",
        '"finish_reason":"stop"',
        "[DONE]",
        '"\\x"',
        ",",
        "-1",
        "\uFEFF",
      ),
      fc.constantFrom(
        '{"usage":{"prompt_tokens":-1}}',
        '{"type":"message_start","message":{"usage":{"input_tokens":1.5}}}',
      ),
      fc.constantFrom(
        '{"type":"response.failed","response":{"error":7}}',
        '{"choices":[null,3,{"finish_reason":"x"}]}',
        '{"error":"\\x"}',
      ),
      fc.string({ maxLength: 3, unit: "binary" }),
    );
    const endpoint = fc.constantFrom<EndpointName[]>("chat-completions", "completions", "responses", "messages");
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 12 }), endpoint, fc.nat(40), (pieces, name, cut) => {
        const sent = Buffer.from(pieces.join(""));
        const outs = [Math.min(cut, sent.length), 0].map((at) => {
          const translator = beginStream(name, { stream_options: { include_usage: true } });
          const parts = [sent.subarray(0, at), sent.subarray(at)].map((chunk) => translator.streamChunk(chunk));
          const relayed = Buffer.concat(parts);
          const end = translator.streamEnd();
          assert.equal(sent.subarray(0, relayed.length).compare(relayed), 0);
          return { out: Buffer.concat([relayed, end]).toString(), facts: translator.facts };
        });
        assert.deepEqual(outs[0], outs[1]);
      }),
      { numRuns: 2000 },
    );
  });
});

describe("the registry", () => {
  it("finds nothing for what is unsupported", () => {
    assert.equal(findTranslator("Anthropic", "embeddings"), undefined);
    assert.equal(findTranslator("AzureOpenAI", "completions"), undefined);
    assert.equal(findTranslator("OpenAI", "models"), undefined);
    assert.equal(findTranslator("Cohere", "embeddings"), undefined);
  });

  it("knows the provider names of metrics", () => {
    const names = new Map(API_SCHEMAS.map(({ name, otelProvider }) => [name, otelProvider]));
    assert.deepEqual(Object.fromEntries(names), {
      OpenAI: "openai",
      AzureOpenAI: "azure.openai",
      Cohere: "cohere",
      Anthropic: "anthropic",
      AWSBedrock: "aws.bedrock",
      AWSAnthropic: "aws.bedrock",
      GCPVertexAI: "gcp.vertex_ai",
      GCPAnthropic: "gcp.vertex_ai",
    });
    assert.equal(findSchema("AzureOpenAI")?.otelProvider, "azure.openai");
  });
});
