import type { Case, Group, Want } from "../case.ts";
import { CHAT, chat, MESSAGES, REUSING, STANDARD } from "../configs.ts";

interface Fault {
  readonly fault: string;
  readonly want: Want;
}

const INVALID: Want = {
  status: 502,
  headers: { "content-type": "application/json" },
  body: /^\{"type":"error","error":\{"type":"(BadGateway","code":"502|api_error)","message":"(?:[^"\\]|\\.)+"\}/,
  log: { status: 502, outcome: "error", "error.type": "upstream_invalid" },
};
const UNAVAILABLE: Want = {
  status: 503,
  headers: { "content-type": "application/json" },
  body: /^\{"type":"error","error":\{"type":"(ServiceUnavailable|overloaded_error)"/,
  log: { status: 503, outcome: "error", "error.type": "upstream_unavailable" },
};
const READ: Want = { status: 200, log: { outcome: "ok", "gen_ai.usage.input_tokens": 2 } };

/** An answer that is not a stream. */
const whole: readonly Fault[] = [
  { fault: "reset-before-headers", want: UNAVAILABLE },
  { fault: "close-before-headers", want: UNAVAILABLE },
  { fault: "reset-mid-body", want: { status: 502, log: { status: 502, outcome: "error" } } },
  { fault: "close-mid-stream", want: { status: 502, log: { status: 502, outcome: "error" } } },
  { fault: "truncated-json", want: INVALID },
  { fault: "html", want: INVALID },
  { fault: "empty", want: INVALID },
  { fault: "null", want: INVALID },
  { fault: "array", want: INVALID },
  { fault: "mislabelled-encoding", want: INVALID },
  { fault: "wrong-length", want: { status: 502, log: { status: 502, outcome: "error" } } },
  { fault: "length-too-short", want: INVALID },
  { fault: "duplicate-content-length", want: INVALID },
  { fault: "length-and-chunked", want: INVALID },
  { fault: "bad-chunk", want: { status: 502, log: { status: 502, outcome: "error" } } },
  { fault: "not-http", want: INVALID },
  { fault: "switching-protocols", want: INVALID },
  { fault: "huge-headers", want: INVALID },
  { fault: "redirect", want: INVALID },
  { fault: "gzip", want: READ },
  { fault: "br", want: READ },
  { fault: "zstd", want: READ },
  { fault: "deflate", want: READ },
  { fault: "mislabelled", want: READ },
  { fault: "interim", want: READ },
  { fault: "bytewise", want: READ },
  { fault: "second-response", want: READ },
  { fault: "no-usage", want: { status: 200, log: { outcome: "ok", "gen_ai.usage.input_tokens": undefined } } },
  { fault: "usage-lies", want: { status: 200, log: { outcome: "ok", "gen_ai.usage.output_tokens": undefined } } },
  { fault: "in-band-error", want: { body: /Overloaded/, log: { outcome: "error", "error.type": "upstream_error" } } },
];

/** How a stream that has begun must end when the provider fails: with an error the caller's SDK raises. */
const CUT: Want = {
  status: 200,
  body: /^(?!.*\[DONE\])(?!.*message_stop)(?:.*\n)?data: \{"type":"error","error":\{[^\n]+\}\n\n$/s,
  log: { status: 200, outcome: "error", "error.type": /^upstream_(reset_mid_stream|invalid)$/ },
};

const streamed: readonly Fault[] = [
  { fault: "reset-before-headers", want: UNAVAILABLE },
  { fault: "reset-mid-stream", want: CUT },
  { fault: "close-mid-stream", want: CUT },
  { fault: "truncated-stream", want: CUT },
  { fault: "unfinished-stream", want: CUT },
  { fault: "big-event", want: CUT },
  { fault: "bad-sse-json", want: { status: 200, log: { status: 200 } } },
  { fault: "html", want: INVALID },
  { fault: "empty", want: CUT },
  { fault: "null", want: INVALID },
  { fault: "array", want: INVALID },
  { fault: "mislabelled-encoding", want: { log: { outcome: "error", "error.type": "upstream_invalid" } } },
  { fault: "redirect", want: INVALID },
  { fault: "huge-headers", want: INVALID },
  {
    fault: "in-band-error",
    want: { status: 200, body: /Overloaded/, log: { outcome: "error", "error.type": "upstream_error" } },
  },
  { fault: "usage-lies", want: { status: 200, log: { outcome: "ok" } } },
];

function cases(faults: readonly Fault[], stream: boolean): Case[] {
  return [
    { path: CHAT, model: "gpt-4o", dialect: "OpenAI" },
    { path: MESSAGES, model: "claude-4", dialect: "Anthropic" },
  ].flatMap(({ path, model, dialect }) =>
    faults.map(({ fault, want }) => ({
      name: `${dialect}, ${stream ? "stream" : "whole"}: ${fault}`,
      config: STANDARD,
      request: { path, headers: { "x-simulate": `fault=${fault}` }, body: chat(model, { stream }) },
      want,
    })),
  );
}

/** Answers of a provider that is broken. */
export const UPSTREAM_FAULTS: Group = {
  name: "upstream faults",
  cases: [
    ...cases(whole, false),
    ...cases(streamed, true),
    {
      name: "what a provider sends beyond its answer is never another caller's",
      config: REUSING,
      request: { path: CHAT, headers: { "x-simulate": "fault=second-response" }, body: chat("gpt-4o") },
      want: { status: 200, body: /^(?!.*poison).*"chat\.completion"/s },
    },
  ],
};
