import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { Limit } from "../config/limits.ts";
import { emptyUsage, TOKENS_MAX, type TokenUsage } from "../usage/token-usage.ts";
import { AccessLog } from "./access-log.ts";
import type { RequestRecord } from "./request-record.ts";
import { testRecord } from "./test-record.ts";

function linesOf(...records: RequestRecord[]): string[] {
  const lines: string[] = [];
  const log = new AccessLog({
    appendBytes: (line, length) => lines.push(Buffer.from(line.buffer, 0, length).toString("latin1")),
  });
  for (const record of records) log.settle(record);
  return lines;
}

function lineOf(record: RequestRecord): Record<string, unknown> {
  const [line = ""] = linesOf(record);
  assert.ok(line.endsWith("}\n"));
  return JSON.parse(line) as Record<string, unknown>;
}

test("a request that went well has everything that is known of it", () => {
  const usage = {
    inputTokens: 100,
    cachedInputTokens: 64,
    cacheCreationInputTokens: 12,
    cacheCreation5mInputTokens: 8,
    cacheCreation1hInputTokens: 4,
    inputAudioTokens: 2,
    inputImageTokens: 0,
    outputTokens: 36,
    outputAudioTokens: 3,
    reasoningTokens: 12,
    totalTokens: 136,
    estimated: true,
  };
  assert.deepEqual(lineOf(testRecord({ usage, costs: ["llm_input_token", 100, "price", 0.25] })), {
    start_time: "2026-01-02T03:04:05.006Z",
    request_id: "0b9c1a52-6d5e-4c1f-9f5f-8a1f3c1d2e3f",
    status: 200,
    outcome: "ok",
    duration_ms: 2000.123,
    ttft_ms: 250,
    attempt_ms: 1.5,
    upstream_status: 200,
    attempts: 1,
    stream: true,
    events: 40,
    request_bytes: 512,
    response_bytes: 9000,
    "gen_ai.original.model": "gpt-5",
    "gen_ai.request.model": "gpt-5-mini",
    "gen_ai.response.model": "gpt-5-mini-2025-08-07",
    "gen_ai.usage.input_tokens": 100,
    "gen_ai.usage.cached_input_tokens": 64,
    "gen_ai.usage.cache_creation_input_tokens": 12,
    "gen_ai.usage.cache_creation_5m_input_tokens": 8,
    "gen_ai.usage.cache_creation_1h_input_tokens": 4,
    "gen_ai.usage.input_audio_tokens": 2,
    "gen_ai.usage.output_tokens": 36,
    "gen_ai.usage.output_audio_tokens": 3,
    "gen_ai.usage.reasoning_tokens": 12,
    "gen_ai.usage.total_tokens": 136,
    usage_estimated: true,
    costs: { llm_input_token: 100, price: 0.25 },
    method: "POST",
    path: "/v1/chat/completions",
    endpoint: "chat-completions",
    route: "default/chat",
    rule: "gpt",
    backend: "default/openai/route/chat/rule/0/ref/0",
    "gen_ai.operation.name": "chat",
    "gen_ai.provider.name": "openai",
  });
});

test("fields that were not told to the backend are named", () => {
  assert.equal(lineOf(testRecord({ droppedFields: "seed, logit_bias" }))["dropped_fields"], "seed, logit_bias");
  assert.ok(!("dropped_fields" in lineOf(testRecord())));
});

test("who calls is named, as far as it is known", () => {
  const line = lineOf(testRecord({ callerKey: "default/alice", callerOwner: 'a"b', callerUser: "u" }));
  assert.deepEqual([line["caller.key"], line["caller.owner"], line["caller.user"]], ["default/alice", 'a"b', "u"]);
  assert.ok(!("caller.team" in line));
});

test("a request that came to nothing has its error and no members for what never was", () => {
  const record = testRecord({
    attemptMs: 0,
    firstByteMs: 0,
    endMs: 1000.5,
    path: "/nowhere",
    endpoint: "",
    operation: "",
    route: "",
    rule: "",
    backend: "",
    provider: "",
    originalModel: "",
    requestModel: "",
    responseModel: "",
    stream: false,
    attempts: 0,
    status: 404,
    upstreamStatus: 0,
    outcome: "error",
    errorType: "unknown_path",
    errorMessage: 'unsupported path: "/nowhere"',
    usage: emptyUsage(),
    events: 0,
  });
  assert.deepEqual(lineOf(record), {
    start_time: "2026-01-02T03:04:05.006Z",
    request_id: "0b9c1a52-6d5e-4c1f-9f5f-8a1f3c1d2e3f",
    status: 404,
    outcome: "error",
    "error.type": "unknown_path",
    "error.message": 'unsupported path: "/nowhere"',
    duration_ms: 0.5,
    attempts: 0,
    stream: false,
    events: 0,
    request_bytes: 512,
    response_bytes: 9000,
    method: "POST",
    path: "/nowhere",
  });
});

test("times are whole milliseconds of their own second", () => {
  const times = [Date.UTC(2026, 0, 1), Date.UTC(2026, 0, 1, 0, 0, 0, 999), Date.UTC(2026, 0, 1, 0, 0, 1), 1.75, 0];
  const lines = times.map((startedAt) => lineOf(testRecord({ startedAt }))["start_time"]);
  assert.deepEqual(
    lines,
    times.map((time) => new Date(Math.floor(time)).toISOString()),
  );
});

test("a cost that is no number is null", () => {
  const costs = ["a", Number.NaN, "b", Number.POSITIVE_INFINITY, "c", -1.5e300];
  assert.deepEqual(lineOf(testRecord({ costs }))["costs"], { a: null, b: null, c: -1.5e300 });
});

test("more costs than fit are cut between two of them, and the line says so", () => {
  const costs = Array.from({ length: 100 }, (_, i) => [`key_${i}_${"k".repeat(40)}`, i]).flat();
  const line = lineOf(testRecord({ costs }));
  const kept = Object.entries(line["costs"] as Record<string, number>);
  assert.ok(kept.length > 5);
  assert.deepEqual(kept.flat(), costs.slice(0, kept.length * 2));
  assert.equal(line["costs_truncated"], true);
});

const FULL_USAGE: TokenUsage = {
  inputTokens: TOKENS_MAX,
  cachedInputTokens: TOKENS_MAX,
  cacheCreationInputTokens: TOKENS_MAX,
  cacheCreation5mInputTokens: TOKENS_MAX,
  cacheCreation1hInputTokens: TOKENS_MAX,
  inputAudioTokens: TOKENS_MAX,
  inputImageTokens: TOKENS_MAX,
  outputTokens: TOKENS_MAX,
  outputAudioTokens: TOKENS_MAX,
  reasoningTokens: TOKENS_MAX,
  totalTokens: TOKENS_MAX,
  estimated: true,
};

test("a line with everything at its longest still fits", () => {
  const longest = "\n".repeat(3000);
  const record = testRecord();
  const texts = Object.entries(record).filter(([name, value]) => typeof value === "string" && name !== "outcome");
  const costs = Array.from({ length: 100 }, (_, i) => [`key_${i}_${"k".repeat(40)}`, -1.5e-300]).flat();
  const [line = ""] = linesOf({
    ...record,
    ...Object.fromEntries(texts.map(([name]) => [name, longest])),
    ...{ usage: FULL_USAGE, costs, requestBytes: Number.MAX_SAFE_INTEGER, responseBytes: Number.MAX_SAFE_INTEGER },
    refusedBy: { id: longest } as RequestRecord["refusedBy"],
  });
  assert.equal(JSON.parse(line)["truncated"], true);
  assert.ok(line.length <= 4096, `${line.length} bytes`);
});

test("a line is one line of ASCII and at most 4 KiB, whatever callers and providers put into it", () => {
  const text = fc.oneof(
    fc.string({ unit: "binary", maxLength: 2000 }),
    fc.string({ maxLength: 100 }),
    fc.constantFrom("\n".repeat(5000), "\u0000".repeat(2000), '"\\'.repeat(3000)),
  );
  const record = fc.record({
    requestId: text,
    method: text,
    path: text,
    route: text,
    backend: text,
    originalModel: text,
    requestModel: text,
    responseModel: text,
    errorType: text,
    errorMessage: text,
    droppedFields: text,
    ...{ callerKey: text, callerOwner: text, callerTeam: text, callerUser: text },
    costs: fc.array(fc.tuple(text, fc.double())).map((pairs) => pairs.flat()),
  });
  fc.assert(
    fc.property(record, (changes) => {
      const [line = ""] = linesOf(testRecord({ usage: FULL_USAGE, ...changes }));
      assert.match(line, /^[ -~]*\n$/);
      assert.ok(line.length <= 4096, `${line.length} bytes`);
      const read = JSON.parse(line) as Record<string, unknown>;
      assert.equal(read["status"], 200);
      assert.equal(read["gen_ai.usage.total_tokens"], TOKENS_MAX);
    }),
    { numRuns: 60 },
  );
});

test("a request that a limit refused names it, and how its limits stood", () => {
  const refusedBy = { id: "BudgetPolicy/default/p/b" } as Limit;
  const limitStates = "BudgetPolicy/default/p/b 10/10";
  assert.partialDeepStrictEqual(lineOf(testRecord({ refusedBy, limitStates })), {
    "error.limit": "BudgetPolicy/default/p/b",
    limits: limitStates,
  });
  assert.equal("limits" in lineOf(testRecord()), false);
});
