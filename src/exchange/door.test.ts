import assert from "node:assert/strict";
import { test } from "node:test";
import { HeaderMap } from "../wire/headers.ts";
import { admitHeaders, forwardedHeaders, returnedHeaders } from "./door.ts";

test("what only the gateway may set does not come in, however it is written", () => {
  const admitted = admitHeaders([
    ":path",
    "/v1/models",
    "X-AI-EG-Model",
    "other",
    "x-ai-eg-upstream-host",
    "169.254.169.254",
    "X-Gateway-Destination-Endpoint",
    "127.0.0.1:1064",
    "x-envoy-original-path",
    "/x",
    "x-team",
    "blue",
  ]);
  assert.deepEqual(admitted.flat, ["x-team", "blue"]);
});

test("neither the caller's credentials nor the connection's own headers go to a backend", () => {
  const forwarded = forwardedHeaders(
    new HeaderMap([
      ...["authorization", "Bearer caller", "x-api-key", "k", "api-key", "k", "x-goog-api-key", "k", "cookie", "c"],
      ...[
        "proxy-authorization",
        "p",
        "x-aigw-api-key",
        "k",
        "host",
        "gateway",
        "content-length",
        "3",
        "te",
        "trailers",
      ],
      ...["connection", "close, X-Hop", "x-hop", "1", "transfer-encoding", "chunked", "accept-encoding", "gzip"],
      ...["openai-organization", "org", "anthropic-beta", "b", "user-agent", "sdk"],
    ]),
  );
  assert.deepEqual(forwarded.flat, ["openai-organization", "org", "anthropic-beta", "b", "user-agent", "sdk"]);
});

test("an ordinary Connection header names nothing", () => {
  const forwarded = forwardedHeaders(new HeaderMap(["connection", "keep-alive", "close", "kept"]));
  assert.deepEqual(forwarded.flat, ["close", "kept"]);
});

test("a provider sets no state at the caller and steers no proxy in front of it", () => {
  const returned = returnedHeaders(
    new HeaderMap([
      ...[
        "set-cookie",
        "__cf_bm=1",
        "alt-svc",
        "h3",
        "strict-transport-security",
        "max-age=1",
        "x-accel-buffering",
        "no",
      ],
      ...[
        "x-envoy-upstream-service-time",
        "1",
        "x-ai-eg-model",
        "m",
        "x-ratelimit-remaining-tokens",
        "9",
        "retry-after",
        "2",
      ],
    ]),
  );
  assert.deepEqual(returned.flat, ["x-ratelimit-remaining-tokens", "9", "retry-after", "2"]);
});
