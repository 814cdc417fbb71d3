import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { GatewayError } from "../errors/gateway-error.ts";
import { CHAT_COMPLETIONS } from "./chat-completions.ts";
import { COMPLETIONS } from "./completions.ts";
import { EMBEDDINGS } from "./embeddings.ts";
import type { Endpoint, ParsedRequest } from "./endpoint.ts";
import { MESSAGES } from "./messages.ts";
import { ENDPOINTS, endpointByPath } from "./registry.ts";
import { RESPONSES } from "./responses.ts";

function parse(endpoint: Endpoint, body: string | Uint8Array, contentType?: string): ParsedRequest {
  assert.ok(endpoint.parse);
  return endpoint.parse(Buffer.from(body), contentType, endpoint.paths[0] ?? "");
}

describe("a request body", () => {
  const cases = [
    { name: "a model alone", endpoint: CHAT_COMPLETIONS, in: '{"model":"m"}', want: ["m", false, false] },
    { name: "a stream", endpoint: CHAT_COMPLETIONS, in: '{"model":"m","stream":true}', want: ["m", true, false] },
    {
      name: "a stream with usage",
      endpoint: CHAT_COMPLETIONS,
      in: '{"stream_options":{"x":[{}],"include_usage":true},"stream":true,"model":"a/b"}',
      want: ["a/b", true, true],
    },
    {
      name: "nulls, as the vendors have these fields nullable",
      endpoint: CHAT_COMPLETIONS,
      in: '{"model":"m","stream":null,"stream_options":null}',
      want: ["m", false, false],
    },
    {
      name: "usage neither asked nor declined",
      endpoint: CHAT_COMPLETIONS,
      in: '{"model":"m","stream_options":{"include_usage":null}}',
      want: ["m", false, false],
    },
    { name: "no model", endpoint: CHAT_COMPLETIONS, in: "{}", want: ["", false, false] },
    { name: "a null for a model", endpoint: CHAT_COMPLETIONS, in: '{"model":null}', want: ["", false, false] },
    {
      name: "an escaped model",
      endpoint: CHAT_COMPLETIONS,
      in: '{"mod\\u0065l":"\\u010d\\n"}',
      want: ["č\n", false, false],
    },
    {
      name: "keys in other case alone",
      endpoint: CHAT_COMPLETIONS,
      in: '{"Model":"m","STREAM":1}',
      want: ["", false, false],
    },
    {
      name: "what embeddings do not read",
      endpoint: EMBEDDINGS,
      in: '{"model":"e","stream":5}',
      want: ["e", false, false],
    },
    {
      name: "responses",
      endpoint: RESPONSES,
      in: '{"model":"r","stream":true,"stream_options":1}',
      want: ["r", true, false],
    },
    {
      name: "messages of any shape",
      endpoint: MESSAGES,
      in: '{"messages":7,"model":"c","stream":true}',
      want: ["c", true, false],
    },
    { name: "a BOM", endpoint: CHAT_COMPLETIONS, in: '\uFEFF {"model":"m"}\n', want: ["m", false, false] },
  ];
  for (const { name, endpoint, in: body, want } of cases) {
    it(`is read with ${name}`, () => {
      const parsed = parse(endpoint, body, "application/json");
      assert.deepEqual([parsed.model, parsed.stream, parsed.includeUsage], want);
    });
  }

  it("may have any content type but multipart", () => {
    assert.equal(parse(CHAT_COMPLETIONS, '{"model":"m"}', "text/plain").model, "m");
    assert.equal(parse(CHAT_COMPLETIONS, '{"model":"m"}').model, "m");
  });
});

describe("a request body is refused with", () => {
  const prefix = "malformed request: failed to parse JSON for /v1/chat/completions: ";
  const cases: { name: string; in: string | Uint8Array; want: string; contentType?: string; endpoint?: Endpoint }[] = [
    { name: "nothing in it", in: "", want: `${prefix}the body is empty` },
    { name: "no JSON", in: "model=m", want: `${prefix}the document is not a JSON object` },
    { name: "truncated JSON", in: '{"model":"m"', want: `${prefix}unexpected end of the text at byte 12` },
    { name: "text after the document", in: '{"model":"m"} x', want: `${prefix}unexpected character "x" at byte 14` },
    { name: "an array", in: '[{"model":"m"}]', want: `${prefix}the document is not a JSON object` },
    { name: "null", in: "null", want: `${prefix}the document is not a JSON object` },
    { name: "a number for a model", in: '{"model":4}', want: `${prefix}"model" must be a string, not a number` },
    { name: "a list for a model", in: '{"model":["m"]}', want: `${prefix}"model" must be a string, not an array` },
    {
      name: "a string for stream",
      in: '{"model":"m","stream":"true"}',
      want: `${prefix}"stream" must be a boolean, not a string`,
    },
    {
      name: "a list of stream options",
      in: '{"model":"m","stream_options":[]}',
      want: `${prefix}"stream_options" must be an object, not an array`,
    },
    {
      name: "a number for include_usage",
      in: '{"model":"m","stream_options":{"include_usage":1}}',
      want: `${prefix}"stream_options.include_usage" must be a boolean, not a number`,
    },
    { name: "two models", in: '{"model":"a","model":"b"}', want: `${prefix}"model" is given twice, again at byte 13` },
    {
      name: "two models, one of them escaped",
      in: '{"model":"a","mod\\u0065l":"b"}',
      want: `${prefix}"mod\\u0065l" is given twice, again at byte 13`,
    },
    {
      name: "two models in different case",
      in: '{"model":"a","Model":"b"}',
      want: `${prefix}"Model" is given twice, again at byte 13`,
    },
    {
      name: "two streams",
      in: '{"stream":true,"model":"a","stream":false}',
      want: `${prefix}"stream" is given twice, again at byte 27`,
    },
    {
      name: "two include_usage",
      in: '{"model":"a","stream_options":{"include_usage":false,"include_usage":true}}',
      want: `${prefix}in "stream_options": "include_usage" is given twice, again at byte 23`,
    },
    {
      name: "too many brackets",
      in: `{"model":"a","x":${"[".repeat(600)}${"]".repeat(600)}}`,
      want: `${prefix}the document is nested deeper than 512`,
    },
    {
      name: "invalid UTF-8",
      in: Buffer.from('{"model":"\xff"}', "latin1"),
      want: `${prefix}the text is not valid UTF-8`,
    },
    {
      name: "a broken escape in the model",
      in: '{"model":"\\x"}',
      want: `${prefix}bad escape or control character in the value at byte 9`,
    },
    {
      name: "multipart",
      in: '{"model":"m"}',
      contentType: "Multipart/Form-Data; boundary=x",
      want: "malformed request: multipart body not supported for this endpoint",
    },
    {
      name: "a wrong type, named with the suffix of its endpoint",
      endpoint: MESSAGES,
      in: '{"model":"m","stream":0}',
      want: 'malformed request: failed to parse JSON for /v1/messages: "stream" must be a boolean, not a number',
    },
    {
      name: "messages without a model",
      endpoint: MESSAGES,
      in: "{}",
      want: "invalid request body: model field is required",
    },
    {
      name: "messages with an empty model",
      endpoint: MESSAGES,
      in: '{"model":""}',
      want: "invalid request body: model field is required",
    },
  ];
  for (const { name, endpoint = CHAT_COMPLETIONS, in: body, contentType, want } of cases) {
    it(name, () => {
      assert.throws(
        () => parse(endpoint, body, contentType),
        (error) => {
          assert.ok(error instanceof GatewayError);
          assert.equal(error.message, want);
          return error.code === "invalid_request" && error.expose;
        },
      );
    });
  }

  it("nothing but GatewayError, whatever the bytes are", () => {
    const sample =
      '{"model":"m","stream":true,"stream_options":{"include_usage":false},"n":2,"messages":[{"role":"user"}]}';
    fc.assert(
      fc.property(fc.nat(sample.length - 1), fc.nat(255), fc.nat(sample.length), (at, byte, length) => {
        const bytes = Buffer.from(sample);
        bytes[at] = byte;
        try {
          parse(CHAT_COMPLETIONS, bytes.subarray(0, length));
        } catch (error) {
          if (!(error instanceof GatewayError && error.code === "invalid_request")) throw error;
        }
      }),
      { numRuns: 2000 },
    );
  });
});

describe("endpoints", () => {
  it("are found by their paths", () => {
    const paths = [...endpointByPath].map(
      ([path, endpoint]) => `${endpoint.method} ${path} ${endpoint.name} ${endpoint.dialect}`,
    );
    assert.deepEqual(paths, [
      "POST /v1/chat/completions chat-completions openai",
      "POST /v1/completions completions openai",
      "POST /v1/embeddings embeddings openai",
      "POST /v1/responses responses openai",
      "POST /v1/responses/input_tokens responses-input-tokens openai",
      "POST /v1/images/generations images-generations openai",
      "POST /v1/images/edits images-edits openai",
      "POST /v1/audio/speech audio-speech openai",
      "POST /v1/audio/transcriptions audio-transcriptions openai",
      "POST /v1/audio/translations audio-translations openai",
      "POST /tokenize tokenize openai",
      "POST /cohere/v2/rerank rerank openai",
      "POST /v2/rerank rerank openai",
      "POST /anthropic/v1/messages messages anthropic",
      "POST /v1/messages messages anthropic",
      "POST /anthropic/v1/messages/count_tokens count-tokens anthropic",
      "POST /v1/messages/count_tokens count-tokens anthropic",
      "POST /v1beta/models/{model}:generateContent generate-content gemini",
      "POST /v1/models/{model}:generateContent generate-content gemini",
      "POST /v1beta/models/{model}:streamGenerateContent generate-content gemini",
      "POST /v1/models/{model}:streamGenerateContent generate-content gemini",
      "GET /v1/models models openai",
      "GET /anthropic/v1/models models anthropic",
    ]);
  });

  it("have a path each of their own", () => {
    assert.equal(endpointByPath.size, ENDPOINTS.flatMap(({ paths }) => paths).length);
  });

  it("say how they are metered: who answers without a body costs nothing", () => {
    const meterings = ["tokens", "requests", "free"];
    for (const { metering } of ENDPOINTS) assert.ok(meterings.includes(metering));
    for (const { parse: reads, metering } of ENDPOINTS) assert.ok(reads !== undefined || metering === "free");
  });
});

describe("the most tokens an answer may have", () => {
  const gemini = endpointByPath.get("/v1/models/{model}:generateContent");
  assert.ok(gemini);
  const cases = [
    { name: "is not said", endpoint: CHAT_COMPLETIONS, in: "{}", want: undefined },
    { name: "of chat completions", endpoint: CHAT_COMPLETIONS, in: '{"max_tokens":7}', want: 7 },
    {
      name: "is the larger of two",
      endpoint: CHAT_COMPLETIONS,
      in: '{"max_tokens":7,"max_completion_tokens":90}',
      want: 90,
    },
    { name: "is for each of several answers", endpoint: CHAT_COMPLETIONS, in: '{"max_tokens":7,"n":3}', want: 21 },
    { name: "is 0", endpoint: CHAT_COMPLETIONS, in: '{"max_tokens":0}', want: 0 },
    { name: "of completions", endpoint: COMPLETIONS, in: '{"max_tokens":5,"n":2,"best_of":4}', want: 20 },
    {
      name: "of a list of prompts",
      endpoint: COMPLETIONS,
      in: '{"prompt":["a","b, c"],"max_tokens":5,"n":3}',
      want: 30,
    },
    {
      name: "of prompts in tokens",
      endpoint: COMPLETIONS,
      in: '{"max_tokens":5,"prompt": [ [1, 2], [3,4] , [5] ]}',
      want: 15,
    },
    { name: "of the tokens of one prompt", endpoint: COMPLETIONS, in: '{"prompt":[ 1,2,3],"max_tokens":5}', want: 5 },
    { name: "of no prompts", endpoint: COMPLETIONS, in: '{"prompt":[ ],"max_tokens":5}', want: 5 },
    {
      name: "of chats, which have no prompts",
      endpoint: CHAT_COMPLETIONS,
      in: '{"prompt":[[],[]],"max_tokens":5}',
      want: 5,
    },
    { name: "of messages", endpoint: MESSAGES, in: '{"model":"m","max_tokens":1e3}', want: 1000 },
    { name: "of responses", endpoint: RESPONSES, in: '{"max_output_tokens":16}', want: 16 },
    {
      name: "of Gemini",
      endpoint: gemini,
      in: '{"generationConfig":{"maxOutputTokens":8,"candidateCount":2}}',
      want: 16,
    },
    { name: "of Gemini, not said", endpoint: gemini, in: '{"generationConfig":{}}', want: undefined },
    {
      name: "of Gemini, said twice",
      endpoint: gemini,
      in: '{"generationConfig":{"a":1,"maxOutputTokens":8,"maxOutputTokens":9}}',
      want: undefined,
    },
    { name: "of Gemini in no object", endpoint: gemini, in: '{"generationConfig":[]}', want: undefined },
    { name: "is none where there is no output", endpoint: EMBEDDINGS, in: '{"max_tokens":7}', want: 0 },
    { name: "is no number", endpoint: CHAT_COMPLETIONS, in: '{"max_tokens":"7"}', want: undefined },
    { name: "is below 0", endpoint: CHAT_COMPLETIONS, in: '{"max_tokens":-7}', want: undefined },
    { name: "is null", endpoint: CHAT_COMPLETIONS, in: '{"max_tokens":null,"n":null}', want: undefined },
    { name: "counts no answers below one", endpoint: CHAT_COMPLETIONS, in: '{"max_tokens":7,"n":0}', want: 7 },
  ];
  for (const { name, endpoint, in: body, want } of cases) {
    it(name, () => assert.equal(parse(endpoint, body).outputTokensMax, want));
  }
});

describe("the answers that are asked for", () => {
  const cases = [
    { name: "one", endpoint: CHAT_COMPLETIONS, in: "{}", want: 1 },
    { name: "several of a chat", endpoint: CHAT_COMPLETIONS, in: '{"n":3}', want: 3 },
    { name: "several of each prompt", endpoint: COMPLETIONS, in: '{"n":2,"best_of":3,"prompt":["a","b"]}', want: 6 },
    { name: "none with output", endpoint: EMBEDDINGS, in: '{"input":["a","b"]}', want: 0 },
  ];
  for (const { name, endpoint, in: body, want } of cases) {
    it(`are ${name}`, () => assert.equal(parse(endpoint, body).answers, want));
  }
});
