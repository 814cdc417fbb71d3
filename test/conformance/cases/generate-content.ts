import type { Group } from "../case.ts";
import { STANDARD } from "../configs.ts";

const HELLO = { contents: [{ role: "user", parts: [{ text: "hello" }] }], generationConfig: { maxOutputTokens: 100 } };
const USAGE = { "gen_ai.usage.input_tokens": 2, "gen_ai.usage.output_tokens": 16 };

function at(model: string, operation: string, version = "v1beta"): string {
  return `/${version}/models/${model}:${operation}`;
}

/** Callers that speak Gemini's API, whose paths hold the model. */
export const GENERATE_CONTENT: Group = {
  name: "generateContent",
  cases: [
    {
      name: "is answered by OpenAI",
      config: STANDARD,
      request: { path: at("gpt-4o", "generateContent"), body: HELLO },
      want: {
        status: 200,
        headers: { "content-type": "application/json" },
        body: { json: { candidates: [{ finishReason: "STOP", index: 0 }], usageMetadata: { promptTokenCount: 2 } } },
        upstream: { path: "/v1/chat/completions", body: { json: { model: "gpt-4o", max_completion_tokens: 100 } } },
        log: { endpoint: "generate-content", ...USAGE },
      },
    },
    {
      name: "is answered by Anthropic",
      config: STANDARD,
      request: { path: at("claude-4", "generateContent", "v1"), body: HELLO },
      want: {
        status: 200,
        body: { json: { candidates: [{ content: { role: "model" } }] } },
        upstream: { path: "/v1/messages", body: { json: { model: "claude-4", max_tokens: 100 } } },
        log: USAGE,
      },
    },
    {
      name: "is streamed as events where the query asks for them",
      config: STANDARD,
      request: { path: `${at("gpt-4o", "streamGenerateContent")}?key=secret&alt=sse`, body: HELLO },
      want: {
        status: 200,
        headers: { "content-type": "text/event-stream" },
        body: /^(data: \{"candidates":\[.*\}\n\n)+data: \{.*"finishReason":"STOP".*"usageMetadata":\{.*\}\n\n$/,
        upstream: { body: { json: { stream: true } } },
        log: { stream: true, ...USAGE },
      },
    },
    {
      name: "is streamed as one array otherwise",
      config: STANDARD,
      request: { path: at("claude-4", "streamGenerateContent"), body: HELLO },
      want: {
        status: 200,
        headers: { "content-type": "application/json" },
        body: /^\[(\{"candidates":\[.*\},\r\n)+\{.*"finishReason":"STOP".*\}\]$/,
        log: USAGE,
      },
    },
    {
      name: "that breaks off in the middle of an array ends it with an error",
      config: STANDARD,
      request: {
        path: at("gpt-4o", "streamGenerateContent"),
        headers: { "x-simulate": "fault=truncated-stream" },
        body: HELLO,
      },
      want: {
        body: /^\[\{"candidates".*,\r\n\{"error":\{"code":502,"message":"[^"]+","status":"UNAVAILABLE"\}\}\]$/s,
        log: { outcome: "error", "error.type": "upstream_reset_mid_stream" },
      },
    },
    {
      name: "of a model nobody serves is an error of Google's form",
      config: STANDARD,
      request: { path: at("unheard-of", "generateContent"), body: HELLO },
      want: {
        status: 404,
        upstream: null,
        body: { json: { error: { code: 404, status: "NOT_FOUND" } } },
        log: { "error.type": "model_not_found" },
      },
    },
    {
      name: "with a body that is no JSON is an error of Google's form",
      config: STANDARD,
      request: { path: at("gpt-4o", "generateContent"), body: "hello" },
      want: {
        status: 400,
        upstream: null,
        body: { json: { error: { code: 400, status: "INVALID_ARGUMENT" } } },
        log: { "error.type": "invalid_request" },
      },
    },
  ],
};
