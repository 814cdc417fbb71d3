import type { Group } from "../case.ts";
import { CHAT, chat, STANDARD } from "../configs.ts";

const NUMBER = /^\d+(\.\d+)?$/;

/** What one line says. */
export const ACCESS_LOG: Group = {
  name: "access log",
  cases: [
    {
      name: "a line says who answered what, how long it took and what it used",
      config: STANDARD,
      request: { path: CHAT, body: chat("gpt-4o") },
      want: {
        status: 200,
        log: {
          start_time: /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/,
          request_id: /^case-\d+$/,
          method: "POST",
          path: CHAT,
          status: 200,
          outcome: "ok",
          stream: false,
          attempts: 1,
          duration_ms: NUMBER,
          route: "default/main",
          backend: "default/openai/route/main/rule/3/ref/0",
          "gen_ai.original.model": "gpt-4o",
          "gen_ai.request.model": "gpt-4o",
          "gen_ai.response.model": "gpt-4o",
          "gen_ai.usage.input_tokens": 2,
          "gen_ai.usage.output_tokens": 16,
          "gen_ai.usage.total_tokens": 18,
          "error.type": undefined,
        },
      },
    },
    {
      name: "a stream's line has its time to the first token",
      config: STANDARD,
      request: { path: CHAT, body: chat("gpt-4o", { stream: true }) },
      want: { status: 200, log: { stream: true, ttft_ms: NUMBER } },
    },
    {
      name: "a refused request's line says why",
      config: STANDARD,
      request: { path: CHAT, body: chat("unheard-of") },
      want: {
        status: 404,
        log: { status: 404, outcome: "error", "error.type": "model_not_found", "gen_ai.original.model": "unheard-of" },
      },
    },
    {
      name: "a model with quotes, control characters and emoji makes no broken line",
      config: STANDARD,
      request: { path: CHAT, body: chat('bad"model\n\u0000\u001b[31m\u{1f600}') },
      want: { status: 404, log: { "gen_ai.original.model": 'bad"model\n\u0000\u001b[31m\u{1f600}' } },
    },
    {
      name: "a very long model is shortened in the line",
      config: STANDARD,
      request: { path: CHAT, body: chat("m".repeat(100_000)) },
      want: { status: 404, log: { "gen_ai.original.model": /^m{20,3000}\W*$/ } },
    },
    {
      name: "a list of models has its line too",
      config: STANDARD,
      request: { method: "GET", path: "/v1/models" },
      want: { status: 200, log: { status: 200, method: "GET", path: "/v1/models", outcome: "ok" } },
    },
  ],
};
