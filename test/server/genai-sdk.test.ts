/** The official Google Gen AI client for JavaScript against a started gateway, with providers of three dialects behind it. */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import {
  ApiError,
  type Content,
  FunctionCallingConfigMode,
  type GenerateContentParameters,
  type GenerateContentResponse,
  GoogleGenAI,
  type Tool,
} from "@google/genai";
import { UPSTREAM_PORT } from "../conformance/case.ts";
import { apiKey, BACKENDS, backend, route } from "../conformance/configs.ts";
import { type GatewayWithSimulator, startWithSimulator } from "./start-gateway.ts";

/** Backends by the beginning of their models' names, and the header in which each gets its own key. */
const PROVIDERS = [
  { name: "openai", path: "/v1/chat/completions", keyHeader: "authorization", key: "Bearer sk-upstream" },
  { name: "anthropic", path: "/v1/messages", keyHeader: "x-api-key", key: "sk-ant-upstream" },
  {
    name: "gemini",
    path: "/v1beta/models/gemini-simulated:generateContent",
    keyHeader: "x-goog-api-key",
    key: "goog-upstream",
  },
] as const;

const RULES = PROVIDERS.map(
  ({ name }) => `
    - matches:
        - headers: [{ type: RegularExpression, name: x-ai-eg-model, value: "${name}-.*" }]
      backendRefs: [{ name: ${name} }]`,
).join("");

const CONFIG = [
  route("genai", RULES),
  BACKENDS,
  backend("gemini", "{ name: GCPVertexAI, prefix: v1beta }"),
  apiKey("openai", "sk-upstream", { type: "APIKey", field: "apiKey" }),
  apiKey("anthropic", "sk-ant-upstream", { type: "AnthropicAPIKey", field: "anthropicAPIKey" }),
  apiKey("gemini", "goog-upstream", { type: "APIKey", field: "apiKey" }),
].join("\n");

const CALLER_KEY = "AIza-caller";
const SAID = "This is a simulated answer; no model was asked. You said: hello";
const WEATHER: Tool = {
  functionDeclarations: [
    {
      name: "get_weather",
      parametersJsonSchema: { type: "object", properties: { city: { type: "string" } }, required: ["city"] },
    },
  ],
};
const ASK: Content = { role: "user", parts: [{ text: "call get_weather" }] };

let gateway: GatewayWithSimulator;
let client: GoogleGenAI;
before(async () => {
  gateway = await startWithSimulator((port) => CONFIG.replaceAll(UPSTREAM_PORT, String(port)));
  client = new GoogleGenAI({ apiKey: CALLER_KEY, httpOptions: { baseUrl: gateway.url } });
});
after(async () => {
  assert.equal(await gateway.stop(), 0);
});

/** What a request's `config` has to say for the provider to misbehave. */
function simulate(wish: string): { httpOptions: { headers: Record<string, string> } } {
  return { httpOptions: { headers: { "x-simulate": wish } } };
}

async function streamed(ask: GenerateContentParameters): Promise<GenerateContentResponse[]> {
  const responses: GenerateContentResponse[] = [];
  for await (const response of await client.models.generateContentStream(ask)) responses.push(response);
  return responses;
}

function partsOf(responses: readonly GenerateContentResponse[]): NonNullable<Content["parts"]> {
  return responses.flatMap(({ candidates }) => candidates?.[0]?.content?.parts ?? []);
}

function textOf(responses: readonly GenerateContentResponse[]): string {
  return partsOf(responses)
    .map(({ text, thought }) => (thought === true ? "" : (text ?? "")))
    .join("");
}

function isApiError(status: number): (error: unknown) => boolean {
  return (error) => {
    assert.ok(error instanceof ApiError, String(error));
    assert.equal(error.status, status);
    return true;
  };
}

const errors = [
  { wish: "status=400", status: 400 },
  { wish: "status=401", status: 401 },
  { wish: "status=404", status: 404 },
  { wish: "status=429", status: 429 },
  { wish: "status=500", status: 500 },
  { wish: "fault=reset-before-headers", status: 503 },
  { wish: "fault=null", status: 502 },
];

for (const { name, path, keyHeader, key } of PROVIDERS) {
  const model = `${name}-simulated`;

  describe(`a provider that speaks as ${name} does`, () => {
    test("content, with a key of the provider's own", async () => {
      const response = await client.models.generateContent({ model, contents: "hello" });
      assert.equal(response.text, SAID);
      assert.equal(response.candidates?.[0]?.finishReason, "STOP");
      assert.equal(response.modelVersion, model);
      assert.deepEqual(
        [response.usageMetadata?.promptTokenCount, response.usageMetadata?.candidatesTokenCount],
        [2, 16],
      );
      const request = gateway.simulator.requests.at(-1);
      assert.equal(request?.path, path);
      assert.equal(request.headers[keyHeader], key);
      const seen = [request.path, ...request.rawHeaders, request.body.toString()].join("\n");
      assert.ok(!seen.includes(CALLER_KEY), seen);
    });

    test("a stream of content", async () => {
      const responses = await streamed({ model, contents: "hello" });
      assert.ok(responses.length > 2);
      assert.equal(textOf(responses), SAID);
      const last = responses.at(-1);
      assert.equal(last?.candidates?.[0]?.finishReason, "STOP");
      assert.deepEqual([last.usageMetadata?.promptTokenCount, last.usageMetadata?.candidatesTokenCount], [2, 16]);
    });

    test("a system instruction and settings reach the provider", async () => {
      const config = { systemInstruction: "Be brief.", temperature: 0.5, maxOutputTokens: 50, stopSequences: ["END"] };
      await client.models.generateContent({ model, contents: "hello", config });
      const body = gateway.simulator.requests.at(-1)?.body.toString() ?? "";
      for (const told of ["Be brief.", "0.5", "50", "END"]) assert.ok(body.includes(told), `${told} in ${body}`);
    });

    for (const isStream of [false, true]) {
      test(`a round of function calls${isStream ? ", streamed" : ""}`, async () => {
        const ask = { model, contents: [ASK], config: { tools: [WEATHER] } };
        const asked = isStream ? await streamed(ask) : [await client.models.generateContent(ask)];
        const calls = asked.flatMap(({ functionCalls }) => functionCalls ?? []);
        assert.deepEqual(
          calls.map((call) => [call.name, call.args]),
          [["get_weather", { city: "simulated" }]],
        );
        const { id } = calls[0] ?? {};
        const result = { functionResponse: { ...(id && { id }), name: "get_weather", response: { output: "rain" } } };
        const turns: Content[] = [ASK, { role: "model", parts: partsOf(asked) }, { role: "user", parts: [result] }];
        const answer = await client.models.generateContent({ ...ask, contents: turns });
        assert.match(answer.text ?? "", /The tool said: .*rain/);
      });
    }

    test("a function that must be called, and none that may", async () => {
      const called = async (mode: FunctionCallingConfigMode): Promise<string[]> => {
        const config = { tools: [WEATHER], toolConfig: { functionCallingConfig: { mode } } };
        const contents = mode === FunctionCallingConfigMode.NONE ? "call get_weather" : "hello";
        const { functionCalls } = await client.models.generateContent({ model, contents, config });
        return functionCalls?.map(({ name }) => name ?? "") ?? [];
      };
      assert.deepEqual(await called(FunctionCallingConfigMode.ANY), ["get_weather"]);
      assert.deepEqual(await called(FunctionCallingConfigMode.NONE), []);
    });

    test("a chat keeps its turns", async () => {
      const chat = client.chats.create({ model });
      assert.equal((await chat.sendMessage({ message: "hello" })).text, SAID);
      const pieces: string[] = [];
      for await (const { text } of await chat.sendMessageStream({ message: "again" })) pieces.push(text ?? "");
      assert.match(pieces.join(""), /You said: again$/);
      const body = gateway.simulator.requests.at(-1)?.body.toString() ?? "";
      assert.ok(body.includes(SAID));
    });

    for (const { wish, status } of errors) {
      test(`an error (${wish}) is raised with the status ${status}`, async () => {
        const ask = { model, contents: "hello", config: simulate(wish) };
        await assert.rejects(client.models.generateContent(ask), isApiError(status));
      });
    }

    test("an error in place of a stream is raised", async () => {
      const ask = { model, contents: "hello", config: simulate("status=429") };
      await assert.rejects(client.models.generateContentStream(ask), isApiError(429));
    });

    for (const fault of ["reset-mid-stream", "close-mid-stream", "unfinished-stream", "truncated-stream"]) {
      test(`a stream that breaks (${fault}) raises, never ends as if it were whole`, async () => {
        const ask = { model, contents: "hello", config: simulate(`fault=${fault}`) };
        let events = 0;
        await assert.rejects(async () => {
          for await (const _ of await client.models.generateContentStream(ask)) events += 1;
        }, isApiError(502));
        assert.ok(events > 0);
      });
    }

    test("aborting a stream reaches the provider, and its log line says who left", async () => {
      const id = `genai-abort-${name}`;
      const abort = new AbortController();
      const headers = { "x-simulate": "fault=hang-mid-stream", "x-request-id": id };
      const config = { abortSignal: abort.signal, httpOptions: { headers } };
      const stream = await client.models.generateContentStream({ model, contents: "hello", config });
      const { value } = await stream.next();
      assert.ok(value !== undefined);
      abort.abort();
      const recorded = gateway.simulator.requests.find((request) => request.headers["x-request-id"] === id);
      await recorded?.ended;
      const line = await gateway.log(({ request_id }) => request_id === id);
      assert.equal(recorded?.aborted, true);
      assert.equal(line["outcome"], "cancelled");
    });
  });
}

for (const name of ["openai", "anthropic"]) {
  test(`an error inside a stream as ${name} has it is raised as Google's`, async () => {
    const ask = { model: `${name}-simulated`, contents: "hello", config: simulate("fault=in-band-error") };
    await assert.rejects(streamed(ask), (error) => error instanceof ApiError && error.message.includes("Overloaded"));
  });
}

test("a model nobody serves is not found", async () => {
  await assert.rejects(client.models.generateContent({ model: "unknown", contents: "hello" }), isApiError(404));
});

test("a request that is wrong in itself is refused by the gateway", async () => {
  const before = gateway.simulator.requests.length;
  const config = { tools: [WEATHER], toolConfig: { functionCallingConfig: { mode: "SOMETIMES" } } };
  const wrong = { model: "openai-simulated", contents: "hello", config } as unknown as GenerateContentParameters;
  await assert.rejects(client.models.generateContent(wrong), isApiError(400));
  assert.equal(gateway.simulator.requests.length, before);
});
