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
