import assert from "node:assert/strict";
import { test } from "node:test";
import type { RuntimeConfig } from "../config/runtime-config.ts";
import { emptyUsage } from "../usage/token-usage.ts";
import { SERIES_MAX } from "./gen-ai-metrics.ts";
import { Metrics } from "./metrics.ts";
import { LEARNED_NAMES_MAX } from "./model-labels.ts";
import { renderPrometheus } from "./prometheus.ts";
import type { RequestRecord } from "./request-record.ts";
import { testRecord } from "./test-record.ts";

function newMetrics(): Metrics {
  return new Metrics({ requestsInFlight: () => 3, accessLogLinesDropped: () => 7 });
}

/** Samples of the text by name and labels, without the labels of the scope. */
function samplesOf(...metrics: Metrics[]): Map<string, number> {
  const samples = new Map<string, number>();
  for (const line of renderPrometheus(metrics.map((each) => each.snapshot())).split("\n")) {
    if (line === "" || line.startsWith("#")) continue;
    const space = line.lastIndexOf(" ");
    const name = line
      .slice(0, space)
      .replace('otel_scope_name="envoyproxy/ai-gateway",otel_scope_schema_url="",otel_scope_version=""', "")
      .replace(/,(?=[,}])/g, "");
    samples.set(name, Number(line.slice(space + 1)));
  }
  return samples;
}

function settle(metrics: Metrics, ...records: Partial<RequestRecord>[]): Metrics {
  for (const changes of records) metrics.settle(testRecord(changes));
  return metrics;
}

const MODELS =
  'gen_ai_operation_name="chat",gen_ai_original_model="gpt-5",gen_ai_provider_name="openai",gen_ai_request_model="gpt-5-mini",gen_ai_response_model="gpt-5-mini-2025-08-07"';

test("a streamed answer is counted in all four GenAI histograms", () => {
  const samples = samplesOf(settle(newMetrics(), {}));
  const want = [
    [`gen_ai_server_request_duration_seconds_sum{${MODELS}}`, 2.0001234],
    [`gen_ai_server_request_duration_seconds_bucket{${MODELS},le="1.28"}`, 0],
    [`gen_ai_server_request_duration_seconds_bucket{${MODELS},le="2.56"}`, 1],
    [`gen_ai_server_time_to_first_token_seconds_sum{${MODELS}}`, 0.25],
    [`gen_ai_server_time_to_first_token_seconds_bucket{${MODELS},le="0.25"}`, 1],
    [`gen_ai_server_time_per_output_token_seconds_count{${MODELS}}`, 1],
    [`gen_ai_client_token_usage_sum{${MODELS},gen_ai_token_type="input"}`, 100],
    [`gen_ai_client_token_usage_bucket{${MODELS},gen_ai_token_type="input",le="64"}`, 0],
    [`gen_ai_client_token_usage_bucket{${MODELS},gen_ai_token_type="input",le="256"}`, 1],
    [`gen_ai_client_token_usage_sum{${MODELS},gen_ai_token_type="output"}`, 36],
  ] as const;
  for (const [name, value] of want) assert.ok(Math.abs((samples.get(name) ?? -1) - value) < 1e-9, name);
  const perToken = samples.get(`gen_ai_server_time_per_output_token_seconds_sum{${MODELS}}`) ?? 0;
  assert.ok(Math.abs(perToken - 1.7501234 / 35) < 1e-9);
});

test("the histograms have the bounds that dashboards know", () => {
  const bounds = Object.fromEntries(
    newMetrics()
      .snapshot()
      .filter(({ type }) => type === "histogram")
      .map(({ name, bounds }) => [name, bounds]),
  );
  assert.deepEqual(bounds, {
    gen_ai_client_token_usage: [
      1, 4, 16, 64, 256, 1024, 4096, 16384, 65536, 262144, 1048576, 4194304, 16777216, 67108864,
    ],
    gen_ai_server_request_duration_seconds: [
      0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92,
    ],
    gen_ai_server_time_to_first_token_seconds: [
      0.001, 0.005, 0.01, 0.02, 0.04, 0.06, 0.08, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10, 15, 20, 30, 45, 60,
    ],
    gen_ai_server_time_per_output_token_seconds: [
      0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.75, 1, 2.5,
    ],
  });
});

test("a token count has a series only when the provider told it", () => {
  const usage = { ...emptyUsage(), cachedInputTokens: 0, cacheCreationInputTokens: 5, reasoningTokens: 9 };
  const samples = samplesOf(settle(newMetrics(), { usage }));
  const types = ["input", "cached_input", "cache_creation_input", "output", "reasoning"];
  assert.deepEqual(
    types.map((type) => samples.get(`gen_ai_client_token_usage_sum{${MODELS},gen_ai_token_type="${type}"}`)),
    [undefined, 0, 5, undefined, 9],
  );
});

const PACE_CASES = [
  { name: "an answer that is no stream", in: { stream: false, events: 0 }, want: [undefined, undefined] },
  { name: "a stream of one event", in: { events: 1 }, want: [1, undefined] },
  { name: "one output token", in: { usage: { ...emptyUsage(), outputTokens: 1 } }, want: [1, undefined] },
  { name: "an estimate", in: { usage: { ...emptyUsage(), outputTokens: 9, estimated: true } }, want: [1, undefined] },
  { name: "a cancelled stream", in: { outcome: "cancelled", errorType: "client_closed" }, want: [1, undefined] },
  { name: "a stream without a byte", in: { firstByteMs: 0 }, want: [undefined, undefined] },
] as const;

for (const { name, in: changes, want } of PACE_CASES) {
  test(`time to first token and per output token: ${name}`, () => {
    const samples = samplesOf(settle(newMetrics(), changes));
    const names = ["first_token", "output_token"].map((what) =>
      what === "first_token" ? `to_${what}` : `per_${what}`,
    );
    assert.deepEqual(
      names.map((what) => samples.get(`gen_ai_server_time_${what}_seconds_count{${MODELS}}`)),
      want,
    );
  });
}

test("a failure has its error type as a label of the duration and counts no tokens", () => {
  const failure = { status: 503, upstreamStatus: 503, outcome: "error", errorType: "upstream_error" } as const;
  const samples = samplesOf(settle(newMetrics(), {}, failure));
  const known = MODELS.replace(/gen_ai_response_model="[^"]*"/, 'gen_ai_response_model="unknown"');
  assert.equal(samples.get(`gen_ai_server_request_duration_seconds_count{${known},error_type="upstream_error"}`), 1);
  assert.equal(samples.get(`gen_ai_server_request_duration_seconds_count{${MODELS}}`), 1);
  assert.equal(samples.get(`gen_ai_client_token_usage_count{${MODELS},gen_ai_token_type="input"}`), 1);
});

test("an error type outside the closed list becomes _OTHER", () => {
  const samples = samplesOf(settle(newMetrics(), { outcome: "error", errorType: "toString" }));
  const other = 'aigw_requests_total{endpoint="chat-completions",outcome="error",error_type="_OTHER"}';
  assert.equal(samples.get(other), 1);
});

test("what no model was asked for is only counted as a request", () => {
  const path = {
    endpoint: "",
    operation: "",
    provider: "",
    outcome: "error",
    errorType: "unknown_path",
    attempts: 0,
  } as const;
  const list = { endpoint: "models", operation: "models", provider: "", attempts: 0 } as const;
  const samples = samplesOf(settle(newMetrics(), path, list, list));
  assert.deepEqual(
    [...samples].filter(([name]) => !/^(process|aigw_(processes|event_loop))/.test(name)),
    [
      ['aigw_requests_total{endpoint="none",outcome="error",error_type="unknown_path"}', 1],
      ['aigw_requests_total{endpoint="models",outcome="ok",error_type=""}', 2],
      ["aigw_requests_in_flight", 3],
      ["aigw_access_log_lines_dropped_total", 7],
    ],
  );
});

test("attempts and failures are counted by backend", () => {
  const samples = samplesOf(
    settle(
      newMetrics(),
      { attempts: 2, failedBackends: ["default/first"] },
      { outcome: "error", errorType: "upstream_unavailable", upstreamStatus: 0 },
      { outcome: "cancelled", errorType: "client_closed" },
      { usage: { ...emptyUsage(), outputTokens: 3, estimated: true } },
    ),
  );
  assert.equal(samples.get('aigw_upstream_attempts_total{backend="default/openai"}'), 4);
  assert.equal(samples.get('aigw_upstream_attempts_total{backend="default/first"}'), 1);
  assert.deepEqual(
    [...samples].filter(([name]) => name.startsWith("aigw_upstream_failures_total")),
    [
      ['aigw_upstream_failures_total{backend="default/first",error_type="upstream_error"}', 1],
      ['aigw_upstream_failures_total{backend="default/openai",error_type="upstream_unavailable"}', 1],
    ],
  );
  assert.equal(samples.get("aigw_usage_estimated_total"), 1);
});

function originalModels(metrics: Metrics): Set<string> {
  const text = renderPrometheus([metrics.snapshot()]);
  return new Set(Array.from(text.matchAll(/gen_ai_original_model="([^"]*)"/g), ([, model]) => model ?? ""));
}

test("a model that no upstream accepted becomes no label, unless it is configured", () => {
  const metrics = newMetrics();
  const refused = { upstreamStatus: 404, outcome: "error", errorType: "upstream_error" } as const;
  const override = { modelNameOverride: "sent-instead" };
  const match = { name: "x-ai-eg-model", type: "Exact", value: "configured" };
  const pattern = { name: "x-ai-eg-model", type: "RegularExpression", value: ".*" };
  const rules = [{ matches: [[match], [pattern]], backends: [override] }];
  metrics.configure({ routes: [{ rules }] } as unknown as RuntimeConfig);
  for (const originalModel of ["made-up", ".*", "configured", "sent-instead"]) {
    settle(metrics, { ...refused, originalModel, requestModel: originalModel });
  }
  assert.deepEqual(originalModels(metrics), new Set(["unknown", "configured", "sent-instead"]));
});

test("names that callers make up do not become series without end", () => {
  const metrics = newMetrics();
  const size = () => metrics.snapshot().reduce((sum, { series }) => sum + series.length, 0);
  settle(metrics, { stream: false });
  const before = size();
  for (let i = 0; i < 20_000; i++) {
    const name = `made-up-${i}`;
    settle(metrics, { stream: false, originalModel: name, requestModel: name, responseModel: name });
  }
  assert.ok(size() - before <= 200, `${size() - before} series more`);
  assert.equal(originalModels(metrics).size, LEARNED_NAMES_MAX);
  assert.ok(originalModels(metrics).has("__overflow__"));
});

test("a name of great length becomes no label", () => {
  const metrics = settle(newMetrics(), { originalModel: "m".repeat(100_000) });
  assert.deepEqual(originalModels(metrics), new Set(["__overflow__"]));
});

test("combinations past the limit of series are counted under one name", () => {
  const metrics = newMetrics();
  const names = Array.from({ length: 60 }, (_, i) => `m${i}`);
  for (const originalModel of names) {
    for (const responseModel of names) settle(metrics, { originalModel, responseModel });
  }
  const histograms = metrics.snapshot().filter(({ type }) => type === "histogram");
  const series = histograms.reduce((sum, family) => sum + family.series.length, 0);
  assert.ok(series >= SERIES_MAX && series <= SERIES_MAX + 10, `${series} series`);
  const duration = samplesOf(metrics);
  const total = [...duration]
    .filter(([name]) => name.startsWith("gen_ai_server_request_duration_seconds_count"))
    .reduce((sum, [, count]) => sum + count, 0);
  assert.equal(total, 3600);
});

test("the processes of a gateway are added up", () => {
  const samples = samplesOf(settle(newMetrics(), {}, {}), settle(newMetrics(), {}), newMetrics());
  assert.equal(samples.get(`gen_ai_server_request_duration_seconds_count{${MODELS}}`), 3);
  assert.equal(samples.get("aigw_requests_in_flight"), 9);
  assert.equal(samples.get("aigw_processes"), 3);
});

test("a snapshot is plain data: it survives being sent as JSON", () => {
  const snapshot = settle(newMetrics(), {}).snapshot();
  assert.deepEqual(JSON.parse(JSON.stringify(snapshot)), snapshot);
});
