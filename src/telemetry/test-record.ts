/** A record for tests: a streamed chat completion that went well. */
import { emptyUsage } from "../usage/token-usage.ts";
import type { RequestRecord } from "./request-record.ts";

/** Makes a record; what a test is about it says itself. */
export function testRecord(changes: Partial<RequestRecord> = {}): RequestRecord {
  return {
    requestId: "0b9c1a52-6d5e-4c1f-9f5f-8a1f3c1d2e3f",
    startedAt: Date.UTC(2026, 0, 2, 3, 4, 5, 6),
    startMs: 1000,
    attemptMs: 1001.5,
    firstByteMs: 1250,
    endMs: 3000.1234,
    method: "POST",
    path: "/v1/chat/completions",
    endpoint: "chat-completions",
    operation: "chat",
    route: "default/chat",
    rule: "gpt",
    backend: "default/openai/route/chat/rule/0/ref/0",
    backendName: "default/openai",
    provider: "openai",
    originalModel: "gpt-5",
    requestModel: "gpt-5-mini",
    responseModel: "gpt-5-mini-2025-08-07",
    stream: true,
    attempts: 1,
    failedBackends: [],
    droppedFields: "",
    status: 200,
    upstreamStatus: 200,
    outcome: "ok",
    errorType: "",
    errorMessage: "",
    usage: { ...emptyUsage(), inputTokens: 100, outputTokens: 36, totalTokens: 136 },
    costProgram: undefined,
    costs: [],
    requestBytes: 512,
    responseBytes: 9000,
    events: 40,
    ...changes,
  };
}
