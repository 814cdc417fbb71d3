import type { Case, Group } from "../case.ts";
import { BACKENDS, CHAT, chat, MESSAGES, route, STANDARD } from "../configs.ts";
import { CELL_CASES } from "./translation-cells.ts";
import { OTHER_CASES } from "./translation-others.ts";

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

/** Requests in one dialect, answered by a backend that speaks another. */
export const TRANSLATION: Group = {
  name: "translation",
  cases: [
    ...CELL_CASES,
    ...OTHER_CASES,
    ...told,
    ...messages,
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
