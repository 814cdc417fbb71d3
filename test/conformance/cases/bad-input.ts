import type { Case, Group, Want } from "../case.ts";
import { CHAT, chat, MESSAGES, STANDARD } from "../configs.ts";
import { anthropicError, openaiError } from "./errors.ts";

const SMALL = `---
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: { name: small, namespace: default }
spec:
  gatewayClassName: aigw
  listeners: [{ name: http, protocol: HTTP, port: 1975 }]
---
apiVersion: gateway.envoyproxy.io/v1alpha1
kind: ClientTrafficPolicy
metadata: { name: small, namespace: default }
spec:
  targetRefs: [{ group: gateway.networking.k8s.io, kind: Gateway, name: small }]
  connection: { bufferLimit: 10Ki }
${STANDARD}`;

const JSON_FAULT = /malformed request: failed to parse JSON for \/v1\/chat\/completions: (?:[^"\\]|\\.)+/;
const DEEP = `{"model":"gpt-4o","messages":${"[".repeat(100_000)}${"]".repeat(100_000)}}`;

/** Bodies that are refused, with what is said for OpenAI's callers. */
const bodies: readonly { name: string; body: string | Buffer; message: RegExp }[] = [
  { name: "an empty body", body: "", message: /malformed request: [^"]+/ },
  { name: "a body that is no JSON", body: "hello", message: JSON_FAULT },
  { name: "a body that is cut", body: '{"model":"gpt-4o","messages":[', message: JSON_FAULT },
  { name: "text after the JSON", body: '{"model":"gpt-4o"} x', message: JSON_FAULT },
  { name: "a body that is an array", body: '["gpt-4o"]', message: /malformed request: [^"]+/ },
  { name: "a body that is null", body: "null", message: /malformed request: [^"]+/ },
  {
    name: "a model that is a number",
    body: '{"model":4}',
    message: /malformed request: (?:[^"\\]|\\.)*model(?:[^"\\]|\\.)*/,
  },
  {
    name: "a model that is null",
    body: '{"model":null}',
    message: /malformed request: (?:[^"\\]|\\.)*model(?:[^"\\]|\\.)*/,
  },
  { name: "a missing model", body: '{"messages":[]}', message: /malformed request: model field is required/ },
  {
    name: "a stream flag that is no boolean",
    body: '{"model":"gpt-4o","stream":"yes"}',
    message: /malformed request: (?:[^"\\]|\\.)*stream(?:[^"\\]|\\.)*/,
  },
  {
    name: "two models",
    body: '{"model":"gpt-4o","model":"gpt-5"}',
    message: /malformed request: (?:[^"\\]|\\.)*model(?:[^"\\]|\\.)*/,
  },
  {
    name: "a model and an escaped one",
    body: '{"model":"gpt-4o","mod\\u0065l":"gpt-5"}',
    message: /malformed request: (?:[^"\\]|\\.)*twice(?:[^"\\]|\\.)*/,
  },
  { name: "a body nested 100,000 deep", body: DEEP, message: /malformed request: [^"]+/ },
  {
    name: "invalid UTF-8",
    body: Buffer.concat([Buffer.from('{"model":"gpt-4o","user":"'), Buffer.of(0xff, 0xc0), Buffer.from('"}')]),
    message: /malformed request: [^"]+/,
  },
  { name: "UTF-16", body: Buffer.from('{"model":"gpt-4o"}', "utf16le"), message: /malformed request: [^"]+/ },
];

const REFUSED = { status: 400, outcome: "error", "error.type": "invalid_request" };

function refused(name: string, request: Case["request"], want: Want, config = STANDARD): Case {
  return { name, config, request, want: { upstream: null, ...want } };
}

/** Requests that are well-formed HTTP and wrong otherwise. */
export const BAD_INPUT: Group = {
  name: "bad input",
  cases: [
    ...bodies.map(({ name, body, message }) =>
      refused(
        `${name} is refused in OpenAI's dialect`,
        { path: CHAT, headers: { "content-type": "application/json" }, body },
        {
          status: 400,
          headers: { "content-type": "application/json" },
          body: openaiError("BadRequest", 400, message),
          log: REFUSED,
        },
      ),
    ),
    ...bodies.map(({ name, body }) =>
      refused(
        `${name} is refused in Anthropic's dialect`,
        { path: MESSAGES, body },
        { status: 400, body: anthropicError("invalid_request_error", /(?:[^"\\]|\\.)+/), log: REFUSED },
      ),
    ),
    refused(
      "a missing model of a message has the sentence its callers know",
      { path: MESSAGES, body: "{}" },
      { status: 400, body: anthropicError("invalid_request_error", /invalid request body: model field is required/) },
    ),
    refused(
      "multipart to a JSON endpoint is refused",
      { path: CHAT, headers: { "content-type": "multipart/form-data; boundary=x" }, body: "--x--" },
      {
        status: 400,
        body: openaiError("BadRequest", 400, /malformed request: multipart body not supported for this endpoint/),
      },
    ),
    refused(
      "an unknown model is 404",
      { path: CHAT, body: chat("unheard-of") },
      {
        status: 404,
        body: openaiError("NotFound", 404, /(?:[^"\\]|\\.)*unheard-of(?:[^"\\]|\\.)*/),
        log: { "error.type": "model_not_found" },
      },
    ),
    refused(
      "an unknown model is a not_found_error for Anthropic's callers",
      { path: MESSAGES, body: chat("unheard-of") },
      { status: 404, body: anthropicError("not_found_error", /(?:[^"\\]|\\.)*unheard-of(?:[^"\\]|\\.)*/) },
    ),
    ...[
      "/v1/chat/completions/",
      "/V1/chat/completions",
      "/v1/files",
      "/",
      "/v1/../v1/chat/completions",
      "//v1/models",
    ].map((path) =>
      refused(
        `the path ${path} is unknown`,
        { path: `${path}?q=1`, body: chat("gpt-4o") },
        { status: 404, body: `unsupported path: ${path}?q=1`, log: { status: 404, "error.type": "unknown_path" } },
      ),
    ),
    ...["GET", "PUT", "DELETE", "OPTIONS", "TRACE"].map((method) =>
      refused(
        `${method} on a POST endpoint is 405`,
        { method, path: CHAT },
        { status: 405, headers: { allow: "POST" }, log: { status: 405, method, "error.type": "method_not_allowed" } },
      ),
    ),
    refused(
      "POST on the list of models is 405",
      { path: "/v1/models", body: "{}" },
      { status: 405, headers: { allow: "GET" }, log: { status: 405 } },
    ),
    refused(
      "a body over the limit is 413 when its length says so",
      { path: CHAT, body: chat("gpt-4o", { padding: "x".repeat(20_000) }) },
      {
        status: 413,
        body: openaiError("RequestTooLarge", 413, /[^"]+/),
        log: { status: 413, "error.type": "body_too_large" },
      },
      SMALL,
    ),
    refused(
      "a body over the limit is 413 when it comes in chunks",
      { path: CHAT, body: chat("gpt-4o", { padding: "x".repeat(20_000) }), chunked: true },
      { status: 413, log: { status: 413, "error.type": "body_too_large" } },
      SMALL,
    ),
    refused(
      "a body over the limit is request_too_large for Anthropic's callers",
      { path: MESSAGES, body: chat("claude-4", { padding: "x".repeat(20_000) }) },
      { status: 413, body: anthropicError("request_too_large", /[^"]+/) },
      SMALL,
    ),
    {
      name: "a body under the limit passes",
      config: SMALL,
      request: { path: CHAT, body: chat("gpt-4o", { padding: "x".repeat(9_000) }) },
      want: { status: 200 },
    },
    {
      name: "internal headers a caller forges go no further",
      config: STANDARD,
      request: {
        path: CHAT,
        headers: {
          "x-ai-eg-original-path": "/v1/embeddings",
          "x-ai-eg-upstream-host": "evil.example",
          "x-gateway-destination-endpoint": "10.0.0.1:80",
          "X-AI-EG-Model": "claude-4",
        },
        body: chat("gpt-4o"),
      },
      want: {
        status: 200,
        upstream: {
          path: CHAT,
          headers: {
            "x-ai-eg-original-path": undefined,
            "x-ai-eg-upstream-host": undefined,
            "x-gateway-destination-endpoint": undefined,
            "x-ai-eg-model": undefined,
          },
        },
      },
    },
    {
      name: "keys that name an object's prototype are plain data",
      config: STANDARD,
      request: { path: CHAT, body: '{"__proto__":{"stream":true,"model":"x"},"model":"gpt-4o","messages":[]}' },
      want: { status: 200, headers: { "content-type": "application/json" }, log: { stream: false } },
    },
  ],
};
