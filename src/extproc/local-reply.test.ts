import assert from "node:assert/strict";
import { test } from "node:test";
import { HeaderMap } from "../wire/headers.ts";
import { localReplyError } from "./local-reply.ts";

const cases: readonly { details: string; status: number; code: string | undefined }[] = [
  { details: "via_upstream", status: 503, code: undefined },
  { details: "", status: 503, code: undefined },
  { details: "no_healthy_upstream", status: 503, code: "upstream_unavailable" },
  {
    details:
      "upstream_reset_before_response_started{remote_connection_failure|delayed_connect_error:_Connection_refused}",
    status: 503,
    code: "upstream_unavailable",
  },
  {
    details: "upstream_reset_before_response_started{connection_termination}",
    status: 503,
    code: "upstream_unavailable",
  },
  { details: "upstream_reset_before_response_started{protocol_error}", status: 502, code: "upstream_invalid" },
  { details: "response_timeout", status: 504, code: "upstream_timeout" },
  { details: "upstream_per_try_idle_timeout", status: 504, code: "upstream_timeout" },
  { details: "request_payload_too_large", status: 413, code: "body_too_large" },
  { details: "response_payload_too_large", status: 500, code: "upstream_invalid" },
  { details: "request_rate_limited", status: 429, code: "rate_limited" },
  { details: "rate_limiter_error", status: 503, code: "upstream_unavailable" },
  { details: "ext_proc_error_per-message_timeout_exceeded", status: 504, code: "upstream_timeout" },
  { details: "ext_proc_error_gRPC_error_14{reset}", status: 503, code: "shutting_down" },
  { details: "cluster_not_found", status: 503, code: "internal" },
];

for (const { details, status, code } of cases) {
  test(`${status} ${details || "without details"} is ${code ?? "an upstream's answer"}`, () => {
    assert.equal(localReplyError(details, status, new HeaderMap())?.code, code);
  });
}

test("a rate limit's refusal keeps the headers that tell when to come back, and no others", () => {
  const headers = new HeaderMap(["retry-after", "3", "x-ratelimit-remaining", "0", "server", "envoy"]);
  const error = localReplyError("request_rate_limited", 429, headers);
  assert.deepEqual(error?.headers, { "retry-after": "3", "x-ratelimit-remaining": "0" });
});

const REFUSALS: readonly { name: string; in: string; want: { code: string; message: string; retryAfter: string } }[] = [
  {
    name: "a limit that is reached",
    in: "rate_limited BackendTrafficPolicy/default/p/rule/0 limit reached: p: 3 of 3 requests are used",
    want: { code: "rate_limited", message: "limit reached: p: 3 of 3 requests are used", retryAfter: "9" },
  },
  {
    name: "counters that are out of reach",
    in: "limits_unavailable - limits cannot be checked at the moment",
    want: { code: "limits_unavailable", message: "limits cannot be checked at the moment", retryAfter: "1" },
  },
  {
    name: "another error code",
    in: "internal - x",
    want: { code: "rate_limited", message: "the rate limit is reached", retryAfter: "9" },
  },
];

for (const { name, in: why, want } of REFUSALS) {
  test(`what our rate limit service says about a refusal is told: ${name}`, () => {
    const error = localReplyError(
      "request_rate_limited",
      429,
      new HeaderMap(["x-aigw-limit-refusal", why, "retry-after", "9"]),
    );
    assert.deepEqual({ code: error?.code, message: error?.message, retryAfter: error?.headers?.["retry-after"] }, want);
  });
}
