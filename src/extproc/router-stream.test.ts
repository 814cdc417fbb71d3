import assert from "node:assert/strict";
import { test } from "node:test";
import { GRPC_STATUS } from "../grpc/grpc.ts";
import {
  BACKENDS,
  CHAT_HEAD,
  chat,
  MESSAGES_HEAD,
  refId,
  route,
  rule,
  STANDARD,
  trafficPolicy,
} from "./scripted-config.ts";
import { type Heads, planOf, ruleKey, type ScriptedCall, ScriptedEnvoy } from "./scripted-envoy.ts";
import type { Told } from "./scripted-told.ts";

const PLAN = await planOf(STANDARD);
const WANTS_BODY = { phase: "requestHeaders", mode: { requestBodyMode: "BUFFERED", responseHeaderMode: "SEND" } };

/** What Envoy's later filters and logs read of a chat request. */
function routing(index: number, model: string): Record<string, string> {
  return {
    "x-ai-eg-route": ruleKey(PLAN, index),
    "x-ai-eg-model": model,
    "x-ai-eg-original-path": CHAT_HEAD[":path"],
    "x-envoy-original-path": CHAT_HEAD[":path"],
  };
}

test("the body of a request is asked for, and the head of its answer", () => {
  const envoy = new ScriptedEnvoy(PLAN);
  const call = envoy.router();
  assert.deepEqual(call.requestHead(CHAT_HEAD), [WANTS_BODY]);
  assert.equal(envoy.host.inFlight, 1);
});

test("where a rule has one backend the request becomes the attempt at once", () => {
  const { call, told } = new ScriptedEnvoy(PLAN).admitted(CHAT_HEAD, chat("one"));
  assert.deepEqual(told, {
    phase: "requestBody",
    set: { ":path": "/v1/chat/completions", authorization: "Bearer key-of-openai", ...routing(0, "one") },
    clearRouteCache: true,
    metadata: { exchange_id: call.id, backend_name: refId("openai", 0, 0), original_model: "one" },
  });
  assert.match(call.id, /^0-id-1-\d+$/);
});

test("a body that is replaced has its new length in header and metadata", () => {
  const { call, told } = new ScriptedEnvoy(PLAN).admitted(CHAT_HEAD, chat("renamed"));
  const body = '{"model":"gpt-real","messages":[{"role":"user","content":"hello"}]}';
  assert.deepEqual(told, {
    phase: "requestBody",
    set: {
      ":path": "/v1/chat/completions",
      authorization: "Bearer key-of-openai",
      "content-length": String(body.length),
      ...routing(1, "renamed"),
    },
    body,
    clearRouteCache: true,
    metadata: {
      exchange_id: call.id,
      backend_name: refId("openai", 1, 0),
      original_model: "renamed",
      content_length: body.length,
    },
  });
});

test("where a rule has several backends the request is only routed", () => {
  const { call, told } = new ScriptedEnvoy(PLAN).admitted(CHAT_HEAD, chat("two"));
  assert.deepEqual(told, {
    phase: "requestBody",
    set: routing(3, "two"),
    clearRouteCache: true,
    metadata: { exchange_id: call.id },
  });
});

test("a caller's credentials and whatever only the gateway may say are removed", () => {
  const mine: Heads = { "x-keep": "1", "x-ai-eg-original-path": "/forged", authorization: "Bearer caller" };
  const removed = {
    "x-api-key": "caller",
    cookie: "a=b",
    "x-envoy-retry-on": "5xx",
    "x-ai-eg-route": "forged",
    "x-gateway-destination-endpoint": "10.0.0.1",
    "x-aigw-openai-key": "caller",
    "x-forwarded-for": "1.2.3.4",
    "accept-encoding": "gzip",
  };
  const { told } = new ScriptedEnvoy(PLAN).admitted({ ...CHAT_HEAD, ...mine, ...removed }, chat("one"));
  assert.deepEqual(told?.remove, [...Object.keys(removed), "x-ai-eg-original-path"].toSorted());
  // Envoy removes before it sets.
  assert.equal(told?.set?.["x-ai-eg-route"], ruleKey(PLAN, 0));
  assert.equal(told?.set?.["authorization"], "Bearer key-of-openai");
});

test("a forged route or model header chooses nothing", () => {
  const forged = { ...CHAT_HEAD, "x-ai-eg-route": ruleKey(PLAN, 2), "x-ai-eg-model": "claude" };
  const { told } = new ScriptedEnvoy(PLAN).admitted(forged, chat("one"));
  assert.deepEqual(told?.metadata?.["backend_name"], refId("openai", 0, 0));
});

test("a session is told under its own key, and an empty one is not", () => {
  const envoy = new ScriptedEnvoy(PLAN);
  const session = (id: string) =>
    envoy.admitted({ ...CHAT_HEAD, "agent-session-id": id }, chat("one")).told?.metadata?.["session.id"];
  assert.equal(session("s-1"), "s-1");
  assert.equal(session(""), undefined);
});

const MODELS = [
  { name: "letters beyond ASCII", in: "模型 é", want: "%E6%A8%A1%E5%9E%8B%20%C3%A9" },
  { name: "control characters", in: "a\nb\u0000", want: "a%0Ab%00" },
  { name: "half a surrogate pair", in: "a\ud800", want: "a%EF%BF%BD" },
  { name: "any ASCII", in: "meta/llama 3:70b@100%", want: "meta/llama 3:70b@100%" },
];

for (const { name, in: model, want } of MODELS) {
  test(`a model whose name has ${name} is served, and its header is one that Envoy takes`, async () => {
    const rules = `
    - backendRefs: [{ name: openai }]`;
    const envoy = new ScriptedEnvoy(await planOf(`${route(rules)}${BACKENDS}`));
    const { told } = envoy.admitted(CHAT_HEAD, chat(model));
    assert.equal(told?.phase, "requestBody");
    assert.equal(told?.set?.["x-ai-eg-model"], want);
    assert.equal(told?.metadata?.["original_model"], model.toWellFormed());
  });
}

test("trailers of a request change nothing", () => {
  const call = new ScriptedEnvoy(PLAN).router();
  call.requestHead(CHAT_HEAD);
  assert.deepEqual(call.trailers("requestTrailers"), [{ phase: "requestTrailers" }]);
});

test("what Envoy's rate limit filter counts is told with the admission, and that nothing is spent yet", async () => {
  const limits = `  rateLimit:
    type: Global
    global:
      rules:
        - clientSelectors: [{ headers: [{ name: x-tenant, type: Distinct }] }]
          limit: { requests: 9, unit: Hour }
          cost:
            request: { from: Number, number: 0 }
            response: { from: Metadata, metadata: { namespace: io.envoy.ai_gateway, key: output } }`;
  const rules = rule("one", "[{ name: openai }]") + rule("two", "[{ name: openai }, { name: azure }]");
  const plan = await planOf(`${route(rules)}${BACKENDS}${trafficPolicy(limits)}`);
  const envoy = new ScriptedEnvoy(plan, undefined, true);
  for (const model of ["one", "two"]) {
    const { told } = envoy.admitted({ ...CHAT_HEAD, "x-tenant": "acme" }, chat(model));
    assert.equal(told?.metadata?.["rate_limit.0"], "acme", model);
    assert.equal(told?.metadata?.["output"], 0, model);
  }
  const { told } = new ScriptedEnvoy(plan).admitted({ ...CHAT_HEAD, "x-tenant": "acme" }, chat("one"));
  assert.equal(told?.metadata?.["rate_limit.0"], undefined, "it is not Envoy that counts");
});

/** A reply of ours, whose body is read. */
function reply([told]: readonly Told[]): unknown {
  const { body, ...rest } = told ?? { phase: undefined };
  return { ...rest, body: body?.startsWith("{") ? JSON.parse(body) : body };
}

test("models are listed without a backend, in the dialect of the caller", () => {
  for (const [headers, first] of [
    [{}, { id: "one", object: "model", created: 1_700_000_000, owned_by: "Envoy AI Gateway" }],
    [{ "anthropic-version": "2023-06-01" }, { type: "model", id: "one", display_name: "one" }],
  ] as const) {
    const envoy = new ScriptedEnvoy(PLAN);
    const call = envoy.router();
    const [told] = call.requestHead(
      { ...CHAT_HEAD, ":method": "GET", ":path": "/v1/models", ...headers },
      { end: true },
    );
    const { body, ...rest } = told ?? { phase: undefined };
    assert.deepEqual(rest, {
      phase: "immediateResponse",
      status: 200,
      details: "aigw_reply",
      set: { "content-type": "application/json", "x-request-id": "r-1" },
      metadata: { settled: 1 },
    });
    assert.partialDeepStrictEqual(JSON.parse(body ?? "").data[0], first);
    call.close();
    assert.equal(envoy.record.outcome, "ok");
    assert.equal(envoy.record.endpoint, "models");
    assert.equal(envoy.host.inFlight, 0);
  }
});

const BIG = chat("one", { padding: "x".repeat(300) });

interface Refusal {
  readonly name: string;
  readonly head?: Heads;
  readonly body?: string | undefined;
  readonly want: {
    readonly status: number;
    readonly code: string;
    readonly type: string;
    readonly message: string;
    readonly anthropic?: string;
  };
}

const REFUSALS: readonly Refusal[] = [
  {
    name: "a method that the path does not have",
    head: { ":method": "GET" },
    want: {
      status: 405,
      code: "method_not_allowed",
      type: "MethodNotAllowed invalid_request_error",
      message: "method GET is not allowed on PATH: use POST",
    },
  },
  {
    name: "a body that is said to be too large",
    head: { "content-length": "257" },
    want: {
      status: 413,
      code: "body_too_large",
      type: "RequestTooLarge request_too_large",
      message: "the request body is larger than the 256 bytes this gateway takes",
    },
  },
  {
    name: "a body that is too large and did not say so",
    body: JSON.stringify(BIG),
    want: {
      status: 413,
      code: "body_too_large",
      type: "RequestTooLarge request_too_large",
      message: "the request body is larger than the 256 bytes this gateway takes",
    },
  },
  {
    name: "a body without a model",
    body: "{}",
    want: {
      status: 400,
      code: "invalid_request",
      type: "BadRequest invalid_request_error",
      message: "malformed request: model field is required",
      anthropic: "invalid request body: model field is required",
    },
  },
  {
    name: "a model that no rule is for",
    body: JSON.stringify(chat("nobody")),
    want: {
      status: 404,
      code: "model_not_found",
      type: "NotFound not_found_error",
      message: 'no route is configured for the model "nobody"',
    },
  },
];

for (const { name, head, body, want } of REFUSALS) {
  for (const dialect of ["openai", "anthropic"] as const) {
    test(`${name} is refused in the dialect of ${dialect}`, async () => {
      const envoy = new ScriptedEnvoy(await planOf(STANDARD, 256));
      const base = dialect === "openai" ? CHAT_HEAD : MESSAGES_HEAD;
      const call = envoy.router();
      const atHead = call.requestHead({ ...base, ...head });
      const told = body === undefined ? atHead : call.requestBody(body);
      const [openaiType, anthropicType] = want.type.split(" ");
      const said = dialect === "anthropic" ? (want.anthropic ?? want.message) : want.message;
      const message = said.replace("PATH", base[":path"].replace("?x=1", ""));
      assert.deepEqual(reply(told), {
        phase: "immediateResponse",
        status: want.status,
        details: `aigw_${want.code}`,
        set: {
          "content-type": "application/json",
          "x-request-id": "r-1",
          ...(want.status === 405 ? { allow: "POST" } : {}),
        },
        metadata: { settled: 1 },
        body:
          dialect === "openai"
            ? { type: "error", error: { type: openaiType, code: String(want.status), message } }
            : { type: "error", error: { type: anthropicType, message }, request_id: "r-1" },
      });
      call.close();
      const { status, outcome, errorType } = envoy.record;
      assert.deepEqual({ status, outcome, errorType }, { status: want.status, outcome: "error", errorType: want.code });
      assert.equal(envoy.host.inFlight, 0);
    });
  }
}

test("a body as large as the limit is taken", async () => {
  const body = JSON.stringify(BIG);
  const envoy = new ScriptedEnvoy(await planOf(STANDARD, body.length));
  const call = envoy.router();
  call.requestHead({ ...CHAT_HEAD, "content-length": String(body.length) });
  assert.equal(call.requestBody(body)[0]?.phase, "requestBody");
});

const ODD_HEADS: readonly { name: string; head: Heads; status: number; code: string }[] = [
  { name: "a path that nobody serves", head: { ":path": "/nowhere" }, status: 404, code: "unknown_path" },
  { name: "no path at all", head: { ":path": "" }, status: 400, code: "invalid_request" },
  { name: "a chat request without a body", head: {}, status: 400, code: "invalid_request" },
];

for (const { name, head, status, code } of ODD_HEADS) {
  test(`${name} is refused with ${status}`, () => {
    const envoy = new ScriptedEnvoy(PLAN);
    const [told] = envoy.router().requestHead({ ...CHAT_HEAD, ...head }, { end: true });
    assert.equal(told?.phase, "immediateResponse");
    assert.equal(told?.status, status);
    assert.equal(told?.details, `aigw_${code}`);
    assert.equal(envoy.record.errorType, code);
  });
}

test("a request goes on with the configuration that it began with", async () => {
  const envoy = new ScriptedEnvoy(PLAN);
  const call = envoy.router();
  call.requestHead(CHAT_HEAD);
  envoy.host.reload(await planOf(`${route(rule("new", "[{ name: azure }]"))}${BACKENDS}`, 1));
  const [told] = call.requestBody(JSON.stringify(chat("one")));
  assert.equal(told?.metadata?.["backend_name"], refId("openai", 0, 0));
  assert.equal(told?.set?.["x-ai-eg-route"], ruleKey(PLAN, 0));
  const { told: later } = envoy.admitted(CHAT_HEAD, chat("one"));
  assert.equal(later?.details, "aigw_body_too_large");
});

test("a message that cannot be read ends the call, and nothing is recorded before there is a request", () => {
  const envoy = new ScriptedEnvoy(PLAN);
  const call = envoy.router();
  assert.deepEqual(call.say(Buffer.from([0xff])), []);
  assert.equal(call.status, GRPC_STATUS.internal);
  assert.deepEqual([envoy.records.length, envoy.host.inFlight], [0, 0]);
});

test("an answer without a request ends the call", () => {
  const envoy = new ScriptedEnvoy(PLAN);
  const call = envoy.router();
  assert.deepEqual(call.responseHead(200, {}), []);
  assert.equal(call.status, GRPC_STATUS.internal);
  assert.equal(envoy.host.inFlight, 0);
});

const MISPLACED: readonly { name: string; say: (call: ScriptedCall) => readonly Told[] }[] = [
  { name: "bytes that are no message", say: (call) => call.say(Buffer.from([0xff])) },
  { name: "a second head", say: (call) => call.requestHead(CHAT_HEAD) },
];

for (const { name, say } of MISPLACED) {
  test(`${name} after a request's head ends the request with one record`, () => {
    const envoy = new ScriptedEnvoy(PLAN);
    const call = envoy.router();
    call.requestHead(CHAT_HEAD);
    const [told] = say(call);
    assert.equal(told?.phase, "immediateResponse");
    assert.equal(told?.status, 500);
    assert.doesNotMatch(told?.body ?? "", /Envoy|protobuf/i);
    call.close();
    assert.equal(envoy.record.errorType, "internal");
    assert.equal(envoy.lines.length, 1);
    assert.equal(envoy.host.inFlight, 0);
  });
}

test("after the end messages are ignored", () => {
  const envoy = new ScriptedEnvoy(PLAN);
  const call = envoy.router();
  call.requestHead({ ...CHAT_HEAD, "content-length": String(1 << 30) });
  assert.equal(call.told.length, 1);
  for (const say of [
    () => call.requestBody(JSON.stringify(chat("one"))),
    () => call.responseHead(200, {}),
    () => call.responseBody("x", { end: true }),
    () => call.say(Buffer.from([0xff])),
  ]) {
    assert.deepEqual(say(), []);
  }
  call.halfClose();
  assert.equal(call.status, GRPC_STATUS.ok);
  assert.equal(envoy.records.length, 1);
});

const LOCAL_REPLIES: readonly { details: string; status: number; code: string; type: string }[] = [
  { details: "no_healthy_upstream", status: 503, code: "upstream_unavailable", type: "ServiceUnavailable" },
  { details: "response_timeout", status: 504, code: "upstream_timeout", type: "GatewayTimeout" },
  {
    details: "upstream_reset_before_response_started{protocol_error}",
    status: 502,
    code: "upstream_invalid",
    type: "BadGateway",
  },
  { details: "aigw_shutting_down", status: 503, code: "shutting_down", type: "ServiceUnavailable" },
];

for (const { details, status, code, type } of LOCAL_REPLIES) {
  test(`Envoy's own answer "${details}" becomes an error of ours`, () => {
    const envoy = new ScriptedEnvoy(PLAN);
    const { call } = envoy.admitted(CHAT_HEAD, chat("one"));
    const [told] = call.responseHead(status, { "content-type": "text/plain" }, { details });
    assert.equal(told?.phase, "immediateResponse");
    assert.equal(told?.status, status);
    assert.equal(JSON.parse(told?.body ?? "").error.type, type);
    assert.deepEqual(told?.metadata, {
      settled: 1,
      model_name_override: "one",
      ai_service_backend_name: "default/openai",
      route_name: "default/main",
    });
    call.close();
    assert.equal(envoy.record.errorType, code);
    assert.equal(envoy.record.upstreamStatus, 0);
  });
}

test("Envoy's refusal of a body while it is read becomes an error of ours", () => {
  const envoy = new ScriptedEnvoy(PLAN);
  const call = envoy.router();
  call.requestHead(MESSAGES_HEAD);
  const [told] = call.responseHead(413, {}, { details: "request_payload_too_large" });
  assert.equal(told?.status, 413);
  assert.equal(JSON.parse(told?.body ?? "").error.type, "request_too_large");
  assert.equal(envoy.record.errorType, "body_too_large");
});
