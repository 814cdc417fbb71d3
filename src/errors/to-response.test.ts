import assert from "node:assert/strict";
import { test } from "node:test";
import { GatewayError } from "./gateway-error.ts";
import { renderError, renderStreamError } from "./to-response.ts";

const cases = [
  {
    name: "an OpenAI caller gets the envelope with the status as a string",
    error: new GatewayError("invalid_request", 'a "quoted" \\ message'),
    dialect: "openai",
    status: 400,
    body: { type: "error", error: { type: "BadRequest", code: "400", message: 'a "quoted" \\ message' } },
  },
  {
    name: "an Anthropic caller gets Anthropic's type names and the request id",
    error: new GatewayError("model_not_found", "no such model"),
    dialect: "anthropic",
    status: 404,
    body: { type: "error", error: { type: "not_found_error", message: "no such model" }, request_id: "r1" },
  },
  {
    name: "a Gemini caller gets Google's envelope",
    error: new GatewayError("model_not_found", "no such model"),
    dialect: "gemini",
    status: 404,
    body: { error: { code: 404, message: "no such model", status: "NOT_FOUND" } },
  },
  {
    name: "a message that is not meant for callers stays inside",
    error: new GatewayError("internal", "secret host 10.0.0.1", { expose: false }),
    dialect: "openai",
    status: 500,
    body: {
      type: "error",
      error: { type: "InternalServerError", code: "500", message: "the gateway could not complete this request" },
    },
  },
  {
    name: "anything thrown becomes an internal error without its message",
    error: new TypeError("x is not a function"),
    dialect: "anthropic",
    status: 500,
    body: {
      type: "error",
      error: { type: "api_error", message: "the gateway could not complete this request" },
      request_id: "r1",
    },
  },
] as const;

for (const { name, error, dialect, status, body } of cases) {
  test(name, () => {
    const rendered = renderError(error, dialect, "r1");
    assert.equal(rendered.status, status);
    assert.deepEqual(JSON.parse(rendered.body.toString()), body);
    assert.deepEqual(rendered.headers.slice(0, 6), [
      ...["content-type", "application/json"],
      ...["content-length", String(rendered.body.length)],
      ...["x-request-id", "r1"],
    ]);
  });
}

test("an unknown path is answered in plain text, as users of Envoy AI Gateway know it", () => {
  const rendered = renderError(new GatewayError("unknown_path", "unsupported path: /x?y=1"), "openai", "r1");
  assert.equal(rendered.status, 404);
  assert.equal(rendered.body.toString(), "unsupported path: /x?y=1");
  assert.equal(rendered.headers[1], "text/plain; charset=utf-8");
});

test("headers of the error go out with it", () => {
  const error = new GatewayError("method_not_allowed", "use POST", { headers: { allow: "POST" } });
  assert.deepEqual(renderError(error, "openai", "r1").headers.slice(-2), ["allow", "POST"]);
});

test("an error inside a stream is one event, named where the stream's events are", () => {
  const error = new GatewayError("upstream_reset_mid_stream", "cut");
  assert.equal(
    renderStreamError(error, { dialect: "openai", requestId: "r1", framing: "sse" }, false).toString(),
    'data: {"type":"error","error":{"type":"BadGateway","code":"502","message":"cut"}}\n\n',
  );
  assert.equal(
    renderStreamError(error, { dialect: "anthropic", requestId: "r1", framing: "named-sse" }, false).toString(),
    'event: error\ndata: {"type":"error","error":{"type":"api_error","message":"cut"},"request_id":"r1"}\n\n',
  );
});

test("an error inside a stream that is one array is its last item", () => {
  const error = new GatewayError("upstream_reset_mid_stream", "cut");
  const caller = { dialect: "gemini", requestId: "r1", framing: "json-array" } as const;
  const item = '{"error":{"code":502,"message":"cut","status":"UNAVAILABLE"}}';
  assert.equal(renderStreamError(error, caller, true).toString(), `[${item}]`);
  assert.equal(renderStreamError(error, caller, false).toString(), `,\r\n${item}]`);
});
