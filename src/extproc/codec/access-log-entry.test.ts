import assert from "node:assert/strict";
import { test } from "node:test";
import { create, type JsonObject, toBinary } from "@bufbuild/protobuf";
import fc from "fast-check";
import { ResponseFlagsSchema } from "../../gen/envoy/data/accesslog/v3/accesslog_pb.ts";
import { StreamAccessLogsMessageSchema } from "../../gen/envoy/service/accesslog/v3/als_pb.ts";
import { ProtobufError } from "../../wire/protobuf.ts";
import { decodeAccessLogEntries } from "./access-log-entry.ts";

const FLAGS = ResponseFlagsSchema.fields.filter(({ fieldKind }) => fieldKind === "scalar");
const METHODS = ["", "GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH"];

const text = fc.string({ maxLength: 40 });
const bytes = fc.maxSafeNat();
const milliseconds = fc.nat({ max: 2 ** 42 });
const given = fc.record({
  startedAtMs: milliseconds,
  durationMs: milliseconds,
  firstUpstreamByteMs: milliseconds,
  attempts: fc.nat({ max: 20 }),
  flags: fc.uniqueArray(fc.constantFrom(...FLAGS), { maxLength: 3 }),
  metadata: fc.dictionary(text, fc.oneof(text, fc.integer())),
  method: fc.nat({ max: 9 }),
  authority: text,
  path: text,
  requestId: text,
  requestHeaders: fc.dictionary(text, text),
  requestHeadersBytes: bytes,
  requestBodyBytes: bytes,
  status: fc.nat({ max: 599 }),
  details: text,
  responseHeadersBytes: bytes,
  responseBodyBytes: bytes,
});
type Given = typeof given extends fc.Arbitrary<infer T> ? T : never;

function time(ms: number): { seconds: bigint; nanos: number } {
  return { seconds: BigInt(Math.floor(ms / 1000)), nanos: (ms % 1000) * 1e6 };
}

/** A message with these entries, written by the generated code, with fields that nobody here reads. */
function message(entries: readonly Given[]): Uint8Array {
  const logEntry = entries.map((entry) => ({
    commonProperties: {
      sampleRate: 1,
      upstreamCluster: "cluster",
      streamId: "stream",
      startTime: time(entry.startedAtMs),
      duration: time(entry.durationMs),
      timeToFirstUpstreamRxByte: time(entry.firstUpstreamByteMs),
      upstreamRequestAttemptCount: entry.attempts,
      responseFlags: {
        ...Object.fromEntries(entry.flags.map(({ localName }) => [localName, true])),
        unauthorizedDetails: { reason: 1 as const },
      },
      metadata: { filterMetadata: { "io.envoy.ai_gateway": entry.metadata as JsonObject, other: { a: "b" } } },
    },
    request: {
      requestMethod: entry.method as 0,
      scheme: "https",
      authority: entry.authority,
      path: entry.path,
      requestId: entry.requestId,
      requestHeaders: entry.requestHeaders,
      requestHeadersBytes: BigInt(entry.requestHeadersBytes),
      requestBodyBytes: BigInt(entry.requestBodyBytes),
      port: 443,
    },
    response: {
      responseCode: entry.status,
      responseCodeDetails: entry.details,
      responseHeadersBytes: BigInt(entry.responseHeadersBytes),
      responseBodyBytes: BigInt(entry.responseBodyBytes),
      responseHeaders: { a: "b" },
    },
  }));
  return toBinary(
    StreamAccessLogsMessageSchema,
    create(StreamAccessLogsMessageSchema, {
      identifier: { logName: "log", node: { id: "envoy" } },
      logEntries: { case: "httpLogs", value: { logEntry } },
    }),
  );
}

test("entries written by the generated code are read", () => {
  fc.assert(
    fc.property(fc.array(given, { maxLength: 4 }), (entries) => {
      const read = decodeAccessLogEntries(message(entries)).map(({ flags, requestHeaders, metadata, ...rest }) => ({
        ...rest,
        flags: [...flags].toSorted(),
        requestHeaders: Object.fromEntries(requestHeaders),
        metadata: metadata.at("io.envoy.ai_gateway"),
      }));
      const want = entries.map((entry) => ({
        ...entry,
        method: METHODS[entry.method],
        flags: entry.flags.map(({ name }) => name).toSorted(),
      }));
      assert.deepEqual(JSON.parse(JSON.stringify(read)), JSON.parse(JSON.stringify(want)));
    }),
    { numRuns: 200 },
  );
});

test("an entry without anything in it has empty texts and zeros", () => {
  const bare = toBinary(
    StreamAccessLogsMessageSchema,
    create(StreamAccessLogsMessageSchema, { logEntries: { case: "httpLogs", value: { logEntry: [{}] } } }),
  );
  const [entry, ...others] = decodeAccessLogEntries(bare);
  assert.deepEqual(others, []);
  assert.deepEqual([entry?.path, entry?.status, entry?.flags.size, entry?.metadata.at("a")], ["", 0, 0, undefined]);
});

test("a message of TCP entries has none", () => {
  const tcp = create(StreamAccessLogsMessageSchema, { logEntries: { case: "tcpLogs", value: { logEntry: [{}] } } });
  assert.deepEqual(decodeAccessLogEntries(toBinary(StreamAccessLogsMessageSchema, tcp)), []);
});

/** Decodes and looks at everything; passes only what is the typed error. */
function survives(bytesRead: Uint8Array): void {
  try {
    for (const { metadata } of decodeAccessLogEntries(bytesRead)) metadata.at("io.envoy.ai_gateway", "a");
  } catch (error) {
    assert.ok(error instanceof ProtobufError, String(error));
  }
}

test("random, cut and damaged bytes are read or refused with the typed error", () => {
  fc.assert(fc.property(fc.uint8Array({ maxLength: 200 }), survives), { numRuns: 1000 });
  fc.assert(
    fc.property(fc.array(given, { maxLength: 2 }), fc.nat(), fc.nat(255), (entries, at, value) => {
      const whole = message(entries);
      survives(whole.subarray(0, at % (whole.length + 1)));
      const damaged = whole.slice();
      damaged[at % (damaged.length + 1)] = value;
      survives(damaged);
    }),
    { numRuns: 500 },
  );
});
