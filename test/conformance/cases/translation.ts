import type { Case, Group } from "../case.ts";
import { BACKENDS, CHAT, chat, MESSAGES, route, STANDARD } from "../configs.ts";
import { CELL_CASES } from "./translation-cells.ts";
import { OTHER_CASES } from "./translation-others.ts";
import { CONFIG as EVERY } from "./translation-providers.ts";

const RULES = `
    - name: anthropic
      backendRefs: [{ name: anthropic }]`;

/** Every model at Anthropic's API, and nothing may be left out on the way there. */
const STRICT = `${route("strict", RULES).replace(
  "namespace: default }",
  'namespace: default, annotations: { aigateway.envoyproxy.io/strict-translation: "true" } }',
)}\n${BACKENDS}`;

/** Two fields that Anthropic's API has no word for. */
const LOST = { seed: 7, logit_bias: { "42": 5 } };
const DROPPED = "seed, logit_bias";

const told: readonly Case[] = [false, true].map((stream) => ({
  name: `a field that the backend's API has no word for is dropped and named${stream ? ", streamed" : ""}`,
  config: STANDARD,
  request: { path: CHAT, body: chat("claude-4", { ...LOST, stream }) },
  want: {
    status: 200,
    headers: { "x-aigw-dropped-fields": DROPPED, "content-type": stream ? "text/event-stream" : "application/json" },
    body: stream ? /^data: \{"id".*data: \[DONE\]\n\n$/s : { json: { object: "chat.completion" } },
    upstream: { path: "/v1/messages", body: /^(?!.*(seed|logit_bias)).*$/s },
    log: { dropped_fields: DROPPED, "gen_ai.usage.input_tokens": 2, "gen_ai.usage.output_tokens": 16 },
  },
}));

const MESSAGE = { max_tokens: 100, top_k: 5, system: "Be brief." };

/** Messages to backends that speak chat completions. */
const messages: readonly Case[] = [
  { model: "gpt-4o", at: CHAT },
  { model: "azure-gpt", at: "/openai/deployments/azure-gpt/chat/completions?api-version=2025-01-01-preview" },
].flatMap(({ model, at }) =>
  [false, true].map((stream) => ({
    name: `a message to ${model} is a chat completion there${stream ? ", streamed" : ""}`,
    config: STANDARD,
    request: { path: MESSAGES, body: chat(model, { ...MESSAGE, stream }) },
    want: {
      status: 200,
      headers: { "x-aigw-dropped-fields": "top_k", "content-type": stream ? "text/event-stream" : "application/json" },
      body: stream
        ? /^event: message_start\n.*"stop_reason":"end_turn".*event: message_stop\ndata: {"type":"message_stop"}\n\n$/s
        : { json: { type: "message", role: "assistant", stop_reason: "end_turn" } },
      upstream: { path: at, body: { json: { max_completion_tokens: 100 } } },
      log: { dropped_fields: "top_k", "gen_ai.usage.output_tokens": 16 },
    },
  })),
);

const IMAGE = "data:image/png;base64,iVBORw0KGgo=";

/** Losses are told as paths into the caller's own request. */
const places: readonly Case[] = [
  {
    path: MESSAGES,
    body: chat("gemini", {
      max_tokens: 100,
      messages: [{ role: "user", content: [{ type: "text", text: "hello", cache_control: { type: "ephemeral" } }] }],
    }),
    want: "messages[0].content[0].cache_control",
  },
  {
    path: "/v1/responses",
    body: {
      model: "claude",
      input: [{ role: "user", content: [{ type: "input_image", image_url: IMAGE, detail: "low" }] }],
    },
    want: "input[0].content[0].detail",
  },
  {
    path: "/v1beta/models/claude:generateContent",
    body: { contents: [{ parts: [{ text: "hello" }] }], generationConfig: { seed: 7 } },
    want: "generationConfig.seed",
  },
].map(({ path, body, want }) => ({
  name: `a caller of ${path} is told of ${want}`,
  config: EVERY,
  request: { path, body },
  want: { status: 200, headers: { "x-aigw-dropped-fields": want }, log: { dropped_fields: want } },
}));

const LONG_NAME = `mcp__${"server__".repeat(8)}search`;

/** A name that is too long for the backend is another one there, and itself again in the answer. */
const longNames: readonly Case[] = [false, true].map((stream) => ({
  name: `a tool may have a longer name than the backend takes${stream ? ", streamed" : ""}`,
  config: STANDARD,
  request: {
    path: MESSAGES,
    body: chat("gpt-4o", {
      ...MESSAGE,
      ...{ stream, tools: [{ name: LONG_NAME, input_schema: { type: "object" } }], tool_choice: { type: "any" } },
    }),
  },
  want: {
    status: 200,
    body: new RegExp(`"type":"tool_use".*"name":"${LONG_NAME}"`, "s"),
    upstream: { body: /"name":"mcp__(?:server__)+[a-z_]*_[0-9a-f]{8}"/ },
  },
}));

/** Requests in one dialect, answered by a backend that speaks another. */
export const TRANSLATION: Group = {
  name: "translation",
  cases: [
    ...CELL_CASES,
    ...OTHER_CASES,
    ...told,
    ...messages,
    ...places,
    ...longNames,
    {
      name: "a request that is told in full names nothing",
      config: STRICT,
      request: { path: CHAT, body: chat("claude-4", { temperature: 0.5 }) },
      want: {
        status: 200,
        headers: { "x-aigw-dropped-fields": undefined },
        upstream: { body: { json: { temperature: 0.5 } } },
        log: { dropped_fields: undefined },
      },
    },
    {
      name: "a strict route refuses what would be dropped",
      config: STRICT,
      request: { path: CHAT, body: chat("claude-4", LOST) },
      want: {
        status: 422,
        upstream: null,
        body: { json: { type: "error", error: { type: "UnprocessableEntity", code: "422" } } },
        log: { "error.type": "untranslatable", "error.message": /seed, logit_bias$/, dropped_fields: DROPPED },
      },
    },
    {
      name: "a message that is wrong in the caller's own dialect is refused",
      config: STANDARD,
      request: { path: CHAT, body: chat("claude-4", { messages: [{ role: "bard", content: "hello" }] }) },
      want: {
        status: 400,
        upstream: null,
        body: /malformed request: messages\[0\]\.role: /,
        log: { "error.type": "invalid_request" },
      },
    },
  ],
};
