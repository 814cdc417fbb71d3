import type { Case, Group } from "../case.ts";
import { BACKENDS, backend, CHAT, chat, MESSAGES, route, STANDARD, upstream } from "../configs.ts";

/** Nothing listens on port 1 of the loopback. */
const CLOSED = `${route(
  "closed",
  `
    - matches:
        - headers: [{ type: RegularExpression, name: x-ai-eg-model, value: "gpt-.*" }]
      backendRefs: [{ name: closed }]
    - matches:
        - headers: [{ type: RegularExpression, name: x-ai-eg-model, value: "claude.*" }]
      backendRefs: [{ name: closed-anthropic }]
    - matches:
        - headers: [{ type: Exact, name: x-ai-eg-model, value: wrong-schema }]
      backendRefs: [{ name: anthropic }]`,
)}
${backend("closed", "{ name: OpenAI }", "", "closed")}
${backend("closed-anthropic", "{ name: Anthropic }", "", "closed")}
${upstream("1", "closed")}
${BACKENDS}`;

/** An error of the gateway's own in OpenAI's dialect, whose message matches. */
export function openaiError(type: string, status: number, message: RegExp): RegExp {
  return new RegExp(
    `^\\{"type":"error","error":\\{"type":"${type}","code":"${status}","message":"${message.source}"\\}\\}$`,
  );
}

/** An error of the gateway's own in Anthropic's dialect, whose message matches. */
export function anthropicError(type: string, message: RegExp): RegExp {
  return new RegExp(
    `^\\{"type":"error","error":\\{"type":"${type}","message":"${message.source}"\\},"request_id":"[^"]+"\\}$`,
  );
}

const statuses: readonly { status: number; path: string; body: RegExp; headers?: Record<string, string> }[] = [
  { status: 400, path: CHAT, body: /"type": "invalid_request_error"/ },
  { status: 401, path: CHAT, body: /"invalid_api_key"/ },
  { status: 404, path: CHAT, body: /"model_not_found"/ },
  { status: 429, path: CHAT, body: /"rate_limit_exceeded"/, headers: { "retry-after": "1" } },
  { status: 500, path: CHAT, body: /"server_error"/ },
  { status: 503, path: CHAT, body: /"server_error"/ },
  { status: 429, path: MESSAGES, body: /^\{"type":"error","error":\{"type":"rate_limit_error"/ },
  { status: 529, path: MESSAGES, body: /^\{"type":"error","error":\{"type":"overloaded_error"/ },
];

/** Errors of the provider's and of the way to it. */
export const ERRORS: Group = {
  name: "errors",
  cases: [
    ...statuses.flatMap(({ status, path, body, headers }) =>
      [false, true].map(
        (stream): Case => ({
          name: `the provider's ${status} for ${path} comes back as it is, ${stream ? "for a stream" : "unary"}`,
          config: STANDARD,
          request: {
            path,
            headers: { "x-simulate": `status=${status}` },
            body: chat(path === CHAT ? "gpt-4o" : "claude-4", { stream }),
          },
          want: {
            status,
            body,
            headers: { "content-type": "application/json", ...headers },
            log: { status, outcome: "error", "error.type": "upstream_error", "gen_ai.usage.input_tokens": undefined },
          },
        }),
      ),
    ),
    {
      name: "an error in HTML is wrapped and never echoed",
      config: STANDARD,
      request: { path: CHAT, headers: { "x-simulate": "status=502,fault=html" }, body: chat("gpt-4o") },
      want: {
        status: 502,
        headers: { "content-type": "application/json" },
        body: /^\{"type":"error","error":\{"type":"OpenAIBackendError","code":"502","message":"(?!.*<)[^"]+"\}\}$/,
      },
    },
    {
      name: "an error in HTML is wrapped in Anthropic's dialect for its callers",
      config: STANDARD,
      request: { path: MESSAGES, headers: { "x-simulate": "status=529,fault=html" }, body: chat("claude-4") },
      want: { status: 529, body: /"type":"overloaded_error"/, headers: { "content-type": "application/json" } },
    },
    ...[403, 500].map(
      (status): Case => ({
        name: `a ${status} without a body keeps its status`,
        config: STANDARD,
        request: { path: CHAT, headers: { "x-simulate": `status=${status},fault=empty` }, body: chat("gpt-4o") },
        want: { status, log: { status, "error.type": "upstream_error" } },
      }),
    ),
    {
      name: "a provider that refuses the connection is 503 and its address is not told",
      config: CLOSED,
      request: { path: CHAT, body: chat("gpt-4o") },
      want: {
        status: 503,
        body: openaiError("ServiceUnavailable", 503, /(?!.*127\.0\.0\.1)[^"]+/),
        // Envoy tries once more what it has not sent.
        log: { status: 503, outcome: "error", "error.type": "upstream_unavailable", attempts: /^[12]$/ },
      },
    },
    {
      name: "a provider that refuses the connection is an overloaded_error for Anthropic callers",
      config: CLOSED,
      request: { path: MESSAGES, body: chat("claude-4", { stream: true }) },
      want: { status: 503, body: anthropicError("overloaded_error", /[^"]+/) },
    },
    {
      name: "an endpoint the backend's schema does not have is a typed error",
      config: CLOSED,
      request: { path: "/v1/embeddings", body: { model: "wrong-schema", input: "x" } },
      want: {
        status: 501,
        upstream: null,
        body: openaiError("NotImplemented", 501, /[^"]*embeddings[^"]*Anthropic[^"]*/),
        log: { "error.type": "unsupported" },
      },
    },
  ],
};
