import type { Case, Group } from "../case.ts";
import { CHAT, chat, MESSAGES, STANDARD } from "../configs.ts";

const HELLO_USAGE = { "gen_ai.usage.input_tokens": 2, "gen_ai.usage.output_tokens": 16, usage_estimated: undefined };

const dialects: readonly { name: string; path: string; body: object; want: RegExp }[] = [
  {
    name: "chat",
    path: CHAT,
    body: chat("gpt-4o", { stream: true }),
    want: /^data: \{"id":"chatcmpl-.*"finish_reason":"stop"\}\].*data: \[DONE\]\n\n$/s,
  },
  {
    name: "completions",
    path: "/v1/completions",
    body: { model: "gpt-4o", prompt: "hello", stream: true },
    want: /^data: \{"id":"cmpl-.*data: \[DONE\]\n\n$/s,
  },
  {
    name: "responses",
    path: "/v1/responses",
    body: { model: "gpt-4o", input: "hello", stream: true },
    want: /^event: response\.created\n.*event: response\.completed\ndata: \{[^\n]*\}\n\n$/s,
  },
  {
    name: "messages",
    path: MESSAGES,
    body: chat("claude-4", { stream: true, max_tokens: 99 }),
    want: /^event: message_start\n.*event: ping\n.*event: message_stop\ndata: \{"type":"message_stop"\}\n\n$/s,
  },
  {
    name: "Azure chat",
    path: CHAT,
    body: chat("azure-gpt", { stream: true }),
    want: /^data: \{"choices":\[\],"created":0,[^\n]*prompt_filter_results.*data: \[DONE\]\n\n$/s,
  },
];

/** Changes of the stream that a reader has to bear: the answer stays whole and its usage is read. */
const bearable = [
  "bytewise",
  "sse-crlf",
  "sse-comments",
  "gzip",
  "br",
  "zstd",
  "deflate",
  "mislabelled",
  "interim",
  "usage-on-last-choice",
  "no-done",
];

/** Streams that end in order. */
export const STREAMS: Group = {
  name: "streams",
  cases: [
    ...dialects.map(
      ({ name, path, body, want }): Case => ({
        name: `a ${name} stream is relayed to its end and counted`,
        config: STANDARD,
        request: { path, body },
        want: {
          status: 200,
          headers: { "content-type": /^text\/event-stream/, "content-length": undefined },
          body: want,
          log: { stream: true, outcome: "ok", ...HELLO_USAGE },
        },
      }),
    ),
    {
      name: "usage is asked of the provider even if the caller did not, and the caller does not see it",
      config: STANDARD,
      request: { path: CHAT, body: '{"model":"gpt-4o","stream":true,"messages":[{"role":"user","content":"hello"}]}' },
      want: {
        status: 200,
        body: /^(?!.*"prompt_tokens").*data: \[DONE\]\n\n$/s,
        upstream: { body: { json: { stream: true, stream_options: { include_usage: true } } } },
        log: HELLO_USAGE,
      },
    },
    {
      name: "other stream options of the caller's are kept when usage is asked for",
      config: STANDARD,
      request: { path: CHAT, body: chat("gpt-4o", { stream: true, stream_options: { include_obfuscation: false } }) },
      want: {
        status: 200,
        upstream: { body: { json: { stream_options: { include_obfuscation: false, include_usage: true } } } },
      },
    },
    {
      name: "a caller that asks for usage gets it, and its body is not touched",
      config: STANDARD,
      request: { path: CHAT, body: chat("gpt-4o", { stream: true, stream_options: { include_usage: true } }) },
      want: {
        status: 200,
        body: /"choices":\[\],"usage":\{"prompt_tokens":2,.*data: \[DONE\]\n\n$/s,
        upstream: {
          body: JSON.stringify(chat("gpt-4o", { stream: true, stream_options: { include_usage: true } })),
        },
      },
    },
    {
      name: "cached and reasoning tokens of a stream are logged apart",
      config: STANDARD,
      request: {
        path: CHAT,
        headers: { "x-simulate": "cached-tokens=10,reasoning-tokens=5" },
        body: chat("gpt-4o", { stream: true }),
      },
      want: {
        status: 200,
        log: {
          "gen_ai.usage.input_tokens": 12,
          "gen_ai.usage.cached_input_tokens": 10,
          "gen_ai.usage.output_tokens": 21,
          "gen_ai.usage.reasoning_tokens": 5,
        },
      },
    },
    {
      name: "Anthropic's cached and cache-creation tokens are part of the input",
      config: STANDARD,
      request: {
        path: MESSAGES,
        headers: { "x-simulate": "cached-tokens=10,cache-creation-tokens=20" },
        body: chat("claude-4", { stream: true }),
      },
      want: {
        status: 200,
        log: {
          "gen_ai.usage.input_tokens": 32,
          "gen_ai.usage.cached_input_tokens": 10,
          "gen_ai.usage.cache_creation_input_tokens": 20,
        },
      },
    },
    ...bearable.map(
      (fault): Case => ({
        name: `a stream with ${fault} is read all the same`,
        config: STANDARD,
        request: {
          path: CHAT,
          headers: { "x-simulate": `fault=${fault}` },
          body: chat("gpt-4o", { stream: true, stream_options: { include_usage: true } }),
        },
        want: {
          status: 200,
          headers: { "content-type": /^text\/event-stream/ },
          body: /"finish_reason":"stop"/,
          log: { outcome: "ok", ...HELLO_USAGE },
        },
      }),
    ),
    {
      name: "a stream that never tells its usage is estimated, and the estimate is marked",
      config: STANDARD,
      request: { path: CHAT, headers: { "x-simulate": "fault=no-usage" }, body: chat("gpt-4o", { stream: true }) },
      want: { status: 200, log: { usage_estimated: true, "gen_ai.usage.output_tokens": /^[1-9]\d*$/ } },
    },
    {
      name: "a caller that leaves in the middle of a stream stops the provider, and what was used is estimated",
      config: STANDARD,
      request: {
        path: CHAT,
        headers: { "x-simulate": "fault=hang-mid-stream" },
        body: chat("gpt-4o", { stream: true }),
        leaves: "after-first-bytes",
      },
      want: {
        upstream: { aborted: true },
        log: { outcome: "cancelled", "error.type": "client_closed", usage_estimated: true },
      },
    },
    {
      name: "a caller that leaves with the last event in hand is counted by what the provider told",
      config: STANDARD,
      request: {
        path: CHAT,
        headers: { "x-simulate": "fault=hang-after-stream" },
        body: chat("gpt-4o", { stream: true }),
        leaves: "after-last-event",
      },
      want: {
        upstream: { aborted: true },
        log: { outcome: "ok", status: 200, "error.type": undefined, ...HELLO_USAGE },
      },
    },
    {
      name: "a caller that leaves before the answer begins stops the provider",
      config: STANDARD,
      request: {
        path: CHAT,
        headers: { "x-simulate": "fault=hang" },
        body: chat("gpt-4o"),
        leaves: "when-provider-was-asked",
      },
      want: { upstream: { aborted: true }, log: { status: 499, outcome: "cancelled", "error.type": "client_closed" } },
    },
    {
      name: "a caller that leaves a message stream keeps the input tokens that were already told",
      config: STANDARD,
      request: {
        path: MESSAGES,
        headers: { "x-simulate": "fault=hang-mid-stream" },
        body: chat("claude-4", { stream: true }),
        leaves: "after-first-bytes",
      },
      want: { upstream: { aborted: true }, log: { outcome: "cancelled", "gen_ai.usage.input_tokens": 2 } },
    },
  ],
};
