import type { Case, Group } from "../case.ts";
import { CHAT, chat, MESSAGES, STANDARD } from "../configs.ts";

const ODD_BODY = `{"messages":[{"role":"user","content":"h\\u00e9llo \\ud83d\\ude00"}],
  "model":"gpt-4o", "seed":9007199254740993, "temperature":1.0, "logit_bias":{"50256":-0},
  "x_vendor":{"deep":[1e400,null,{"__proto__":{"stream":true}}]} }`;

/** A chat request of a size. */
function padded(bytes: number): string {
  const [head, tail] = ['{"model":"gpt-4o","messages":[{"role":"user","content":"', '"}]}'];
  return head + "x".repeat(bytes - head.length - tail.length) + tail;
}

const endpoints: readonly { name: string; path: string; body: object; at: string; usage: object }[] = [
  {
    name: "chat completions",
    path: CHAT,
    body: chat("gpt-4o"),
    at: CHAT,
    usage: { "gen_ai.usage.input_tokens": 2, "gen_ai.usage.output_tokens": 16, "gen_ai.usage.total_tokens": 18 },
  },
  {
    name: "completions",
    path: "/v1/completions",
    body: { model: "gpt-4o", prompt: "hello" },
    at: "/v1/completions",
    usage: { "gen_ai.usage.input_tokens": 2, "gen_ai.usage.output_tokens": 16 },
  },
  {
    name: "embeddings",
    path: "/v1/embeddings",
    body: { model: "gpt-4o", input: "hello", dimensions: 4 },
    at: "/v1/embeddings",
    usage: { "gen_ai.usage.input_tokens": 2, "gen_ai.usage.output_tokens": undefined },
  },
  {
    name: "responses",
    path: "/v1/responses",
    body: { model: "gpt-4o", input: "hello" },
    at: "/v1/responses",
    usage: { "gen_ai.usage.input_tokens": 2, "gen_ai.usage.output_tokens": 16 },
  },
  {
    name: "messages",
    path: MESSAGES,
    body: chat("claude-4", { max_tokens: 100 }),
    at: MESSAGES,
    usage: { "gen_ai.usage.input_tokens": 2, "gen_ai.usage.output_tokens": 16 },
  },
  {
    name: "Azure embeddings",
    path: "/v1/embeddings",
    body: { model: "azure-e", input: "hello", dimensions: 4 },
    at: "/openai/deployments/azure-e/embeddings?api-version=2025-01-01-preview",
    usage: { "gen_ai.usage.input_tokens": 2 },
  },
  {
    name: "Azure responses",
    path: "/v1/responses",
    body: { model: "azure-r", input: "hello" },
    at: "/openai/responses?api-version=2025-01-01-preview",
    usage: { "gen_ai.usage.input_tokens": 2, "gen_ai.usage.output_tokens": 16 },
  },
];

/** Endpoints served by a backend of their own schema. */
export const PASSTHROUGH: Group = {
  name: "passthrough",
  cases: [
    ...endpoints.map(
      ({ name, path, body, at, usage }): Case => ({
        name: `${name}: the body goes through unchanged, and the answer's usage is counted`,
        config: STANDARD,
        request: { path, body },
        want: {
          status: 200,
          headers: { "content-type": "application/json", "content-length": /^\d+$/ },
          upstream: { path: at, body: JSON.stringify(body) },
          log: { status: 200, outcome: "ok", ...usage },
        },
      }),
    ),
    {
      name: "unknown fields, large numbers, escapes and spacing reach the provider byte for byte",
      config: STANDARD,
      request: { path: CHAT, body: ODD_BODY },
      want: { status: 200, upstream: { body: ODD_BODY } },
    },
    {
      name: "a body sent in chunks reaches the provider with its length",
      config: STANDARD,
      request: { path: CHAT, body: chat("gpt-4o"), chunked: true },
      want: {
        status: 200,
        upstream: { headers: { "content-length": /^\d+$/, "transfer-encoding": undefined } },
      },
    },
    ...[32_769, 65_537, 4 * 1024 * 1024 + 1, 44_000_000].map(
      (bytes): Case => ({
        name: `a body of ${bytes} bytes passes`,
        config: STANDARD,
        request: { path: CHAT, body: padded(bytes) },
        want: {
          status: 200,
          upstream: { headers: { "content-length": String(bytes) } },
          log: { request_bytes: bytes },
        },
      }),
    ),
    {
      name: "an answer of many megabytes passes, and its usage is read",
      config: STANDARD,
      request: { path: "/v1/embeddings", body: { model: "gpt-4o", input: new Array(300).fill("x"), dimensions: 2048 } },
      want: {
        status: 200,
        headers: { "content-length": /^\d{8}$/ },
        body: /"total_tokens": 75\n {2}\}\n\}\n$/,
        log: { "gen_ai.usage.input_tokens": 75 },
      },
    },
    {
      name: "JSON is read whatever the content type says",
      config: STANDARD,
      request: { path: CHAT, headers: { "content-type": "text/plain" }, body: chat("gpt-4o") },
      want: { status: 200, upstream: {} },
    },
    {
      name: "the caller's request id goes to the provider and into the log",
      config: STANDARD,
      request: { path: CHAT, body: chat("gpt-4o") },
      want: { status: 200, upstream: { headers: { "x-request-id": /^case-\d+$/ } }, log: { request_id: /^case-\d+$/ } },
    },
    {
      name: "headers of the caller's reach the provider, those of the connection do not",
      config: STANDARD,
      request: {
        path: MESSAGES,
        headers: {
          "anthropic-version": "2023-06-01",
          "anthropic-beta": "x-2026",
          "user-agent": "tester/1",
          "x-hop": "1",
          connection: "close, x-hop",
          te: "trailers",
        },
        body: chat("claude-4"),
      },
      want: {
        status: 200,
        upstream: {
          headers: {
            "anthropic-version": "2023-06-01",
            "anthropic-beta": "x-2026",
            "user-agent": "tester/1",
            "x-hop": undefined,
            te: undefined,
            "accept-encoding": undefined,
          },
        },
      },
    },
    {
      name: "the provider's rate-limit headers come back, the gateway's inner names do not",
      config: STANDARD,
      request: { path: CHAT, body: chat("gpt-4o") },
      want: {
        status: 200,
        headers: {
          "x-ratelimit-remaining-requests": "9999",
          "openai-version": "2020-10-01",
          "x-ai-eg-model": undefined,
        },
      },
    },
    {
      name: "the model as the provider names it is logged beside the one that was asked for",
      config: STANDARD,
      request: { path: CHAT, headers: { "x-simulate": "answer-model=gpt-4o-2024-08-06" }, body: chat("gpt-4o") },
      want: {
        status: 200,
        log: { "gen_ai.request.model": "gpt-4o", "gen_ai.response.model": "gpt-4o-2024-08-06" },
      },
    },
  ],
};
