import type { Case, Group } from "../case.ts";
import { CHAT, chat, MESSAGES, STANDARD } from "../configs.ts";

const TOKENS = "gen_ai_client_token_usage";
const DURATION = "gen_ai_server_request_duration_seconds";
const FIRST_TOKEN = "gen_ai_server_time_to_first_token_seconds";
const PER_TOKEN = "gen_ai_server_time_per_output_token_seconds";

/** A series of the chat operation with further labels. */
function series(name: string, labels = ""): string {
  return `${name}{gen_ai_operation_name="chat",gen_ai_provider_name="openai"${labels}}`;
}

/** What the Prometheus endpoint counts. */
export const METRICS: Group = {
  name: "metrics",
  oneByOne: true,
  cases: [
    {
      name: "a whole answer is one duration and one point per kind of token it told",
      config: STANDARD,
      request: {
        path: CHAT,
        headers: { "x-simulate": "cached-tokens=10,reasoning-tokens=5,answer-model=gpt-real" },
        body: chat("gpt-4o"),
      },
      want: {
        status: 200,
        metrics: {
          [series(`${TOKENS}_sum`, ',gen_ai_token_type="input"')]: 12,
          [series(`${TOKENS}_sum`, ',gen_ai_token_type="cached_input"')]: 10,
          [series(`${TOKENS}_sum`, ',gen_ai_token_type="output"')]: 21,
          [series(`${TOKENS}_sum`, ',gen_ai_token_type="reasoning"')]: 5,
          [series(`${TOKENS}_count`, ',gen_ai_token_type="input"')]: 1,
          [series(`${TOKENS}_bucket`, ',gen_ai_token_type="input",le="4"')]: 0,
          [series(`${TOKENS}_bucket`, ',gen_ai_token_type="input",le="16"')]: 1,
          [series(`${DURATION}_count`, ',gen_ai_original_model="gpt-4o",gen_ai_response_model="gpt-real"')]: 1,
          [`${FIRST_TOKEN}_count`]: 0,
        },
      },
    },
    {
      name: "a stream also has a time to its first token and one per token",
      config: STANDARD,
      request: {
        path: CHAT,
        headers: { "x-simulate": "chunks=2,chunk-delay-ms=5" },
        body: chat("gpt-4o", { stream: true }),
      },
      want: {
        status: 200,
        metrics: {
          [series(`${DURATION}_count`)]: 1,
          [series(`${FIRST_TOKEN}_count`)]: 1,
          [series(`${PER_TOKEN}_count`)]: 1,
          [series(`${TOKENS}_sum`, ',gen_ai_token_type="output"')]: 16,
        },
      },
    },
    {
      name: "an overridden model is the request model, beside the original one",
      config: STANDARD,
      request: { path: CHAT, body: chat("renamed") },
      want: {
        status: 200,
        metrics: {
          [series(`${DURATION}_count`, ',gen_ai_original_model="renamed",gen_ai_request_model="gpt-real"')]: 1,
        },
      },
    },
    {
      name: "messages are an operation of their own at another provider",
      config: STANDARD,
      request: { path: MESSAGES, body: chat("claude-4") },
      want: {
        status: 200,
        metrics: { [`${DURATION}_count{gen_ai_operation_name="messages",gen_ai_provider_name="anthropic"}`]: 1 },
      },
    },
    ...["status=500", "fault=reset-before-headers"].map(
      (simulate): Case => ({
        name: `a failure (${simulate}) is a duration with an error type and no tokens`,
        config: STANDARD,
        request: { path: CHAT, headers: { "x-simulate": simulate }, body: chat("gpt-4o") },
        want: {
          metrics: {
            [series(`${DURATION}_count`)]: 1,
            [`${TOKENS}_count`]: 0,
            [series(
              `${DURATION}_count`,
              `,error_type="${simulate === "status=500" ? "upstream_error" : "upstream_unavailable"}"`,
            )]: 1,
          },
        },
      }),
    ),
    {
      name: "a stream that the caller leaves is still counted",
      config: STANDARD,
      request: {
        path: CHAT,
        headers: { "x-simulate": "fault=hang-mid-stream" },
        body: chat("gpt-4o", { stream: true }),
        leaves: "after-first-bytes",
      },
      want: { metrics: { [series(`${DURATION}_count`, ',error_type="client_closed"')]: 1 } },
    },
  ],
};
