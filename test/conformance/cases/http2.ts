import type { Group } from "../case.ts";
import { CHAT, chat, MESSAGES, STANDARD } from "../configs.ts";
import { openaiError } from "./errors.ts";

const ABSENT = { connection: undefined, "keep-alive": undefined, "transfer-encoding": undefined };

/** Callers that speak HTTP/2 in clear text. */
export const HTTP2: Group = {
  name: "HTTP/2",
  cases: [
    {
      name: "a whole answer comes without headers of an HTTP/1.1 connection",
      config: STANDARD,
      request: { http2: true, path: CHAT, body: chat("gpt-4o") },
      want: {
        status: 200,
        headers: { "content-type": "application/json", ...ABSENT },
        body: { json: { object: "chat.completion" } },
        upstream: { path: CHAT, headers: { host: /^127\.0\.0\.1:\d+$/, ":path": undefined } },
        log: { status: 200, outcome: "ok", "gen_ai.usage.output_tokens": 16 },
      },
    },
    {
      name: "a stream comes to its end",
      config: STANDARD,
      request: { http2: true, path: MESSAGES, body: chat("claude-4", { stream: true }) },
      want: {
        status: 200,
        headers: ABSENT,
        body: /event: message_stop\ndata: \{"type":"message_stop"\}\n\n$/,
        log: { stream: true, outcome: "ok" },
      },
    },
    {
      name: "a refused request is told why",
      config: STANDARD,
      request: { http2: true, path: CHAT, body: "{" },
      want: { status: 400, body: openaiError("BadRequest", 400, /malformed request: [^"]+/), upstream: null },
    },
    {
      name: "a body of 1 MB passes",
      config: STANDARD,
      request: { http2: true, path: CHAT, body: chat("gpt-4o", { padding: "x".repeat(1_000_000) }) },
      want: { status: 200 },
    },
    {
      name: "a stream that breaks ends with an error event",
      config: STANDARD,
      request: {
        http2: true,
        path: CHAT,
        headers: { "x-simulate": "fault=reset-mid-stream" },
        body: chat("gpt-4o", { stream: true }),
      },
      want: { status: 200, body: /data: \{"type":"error"[^\n]*\n\n$/, log: { outcome: "error" } },
    },
    {
      name: "the list of models",
      config: STANDARD,
      request: { http2: true, method: "GET", path: "/v1/models" },
      want: { status: 200, body: { json: { object: "list" } }, log: { method: "GET", path: "/v1/models" } },
    },
  ],
};
