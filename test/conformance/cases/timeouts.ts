import type { Group } from "../case.ts";
import { BACKENDS, CHAT, chat, MESSAGES, route } from "../configs.ts";
import { anthropicError, openaiError } from "./errors.ts";

const CONFIG = `${route(
  "limits",
  `
    - name: total
      matches:
        - headers: [{ type: Exact, name: x-ai-eg-model, value: total }]
      timeouts: { request: 300ms }
      backendRefs: [{ name: openai }]
    - name: first-byte
      matches:
        - headers: [{ type: Exact, name: x-ai-eg-model, value: first-byte }]
      timeouts: { request: 0s, backendRequest: 300ms }
      backendRefs: [{ name: openai }]
    - name: idle
      matches:
        - headers: [{ type: Exact, name: x-ai-eg-model, value: idle }]
      streamIdleTimeout: 300ms
      backendRefs: [{ name: openai }]
    - name: idle-anthropic
      matches:
        - headers: [{ type: Exact, name: x-ai-eg-model, value: idle-anthropic }]
      streamIdleTimeout: 300ms
      backendRefs: [{ name: anthropic }]`,
)}
${BACKENDS}`;

const HANG = { "x-simulate": "fault=hang" };

/** Time limits of a rule. */
export const TIMEOUTS: Group = {
  name: "timeouts",
  cases: [
    {
      name: "a provider that never answers is given up after the request's limit, and hung up on",
      config: CONFIG,
      request: { path: CHAT, headers: HANG, body: chat("total") },
      want: {
        status: 504,
        body: openaiError("GatewayTimeout", 504, /[^"]+/),
        upstream: { aborted: true },
        log: { status: 504, outcome: "error", "error.type": "upstream_timeout" },
      },
    },
    {
      name: "a provider that never answers is given up after the backend's limit",
      config: CONFIG,
      request: { path: CHAT, headers: HANG, body: chat("first-byte") },
      want: { status: 504, upstream: { aborted: true }, log: { "error.type": "upstream_timeout" } },
    },
    {
      name: "a stream that falls silent ends with an error event",
      config: CONFIG,
      request: { path: CHAT, headers: { "x-simulate": "fault=hang-mid-stream" }, body: chat("idle", { stream: true }) },
      want: {
        status: 200,
        body: /^data: \{"id".*\n\ndata: \{"type":"error","error":\{"type":"GatewayTimeout"[^\n]*\n\n$/s,
        upstream: { aborted: true },
        log: { status: 200, outcome: "error", "error.type": "stream_idle_timeout" },
      },
    },
    {
      name: "a message stream that falls silent ends with an error event its callers know",
      config: CONFIG,
      request: {
        path: MESSAGES,
        headers: { "x-simulate": "fault=hang-mid-stream" },
        body: chat("idle-anthropic", { stream: true }),
      },
      want: {
        status: 200,
        body: /event: error\ndata: \{"type":"error","error":\{"type":"timeout_error"[^\n]*\n\n$/,
        log: { "error.type": "stream_idle_timeout" },
      },
    },
    {
      name: "a message that is not answered in time is a timeout_error",
      config: CONFIG,
      request: { path: MESSAGES, headers: HANG, body: chat("idle-anthropic") },
      want: { status: 504, body: anthropicError("timeout_error", /[^"]+/) },
    },
    {
      name: "a stream that said it is done and never ends is ended for the caller when its time is over",
      config: CONFIG,
      request: {
        path: CHAT,
        headers: { "x-simulate": "fault=hang-after-stream" },
        body: chat("idle", { stream: true }),
      },
      want: {
        status: 200,
        body: /data: \[DONE\]\n\n$/s,
        upstream: { aborted: true },
        log: { status: 200, outcome: "ok", "error.type": undefined, usage_estimated: undefined },
      },
    },
    {
      name: "a stream that goes on longer than the idle limit is not cut",
      config: CONFIG,
      request: {
        path: CHAT,
        headers: { "x-simulate": "chunks=8,chunk-delay-ms=60" },
        body: chat("idle", { stream: true }),
      },
      want: { status: 200, body: /data: \[DONE\]\n\n$/, log: { outcome: "ok" } },
    },
  ],
};
