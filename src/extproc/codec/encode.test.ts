import assert from "node:assert/strict";
import { test } from "node:test";
import { create, fromBinary, type JsonObject, type MessageInitShape, toJson } from "@bufbuild/protobuf";
import fc from "fast-check";
import { HeaderValueOption_HeaderAppendAction } from "../../gen/envoy/config/core/v3/base_pb.ts";
import {
  type ProcessingResponse as Generated,
  type HeaderMutationSchema,
  ProcessingResponseSchema,
} from "../../gen/envoy/service/ext_proc/v3/external_processor_pb.ts";
import { CONTINUE, encodeMessageTimeout, encodeProcessingResponse } from "./encode.ts";
import type {
  BodyMode,
  BodyMutation,
  CommonAnswer,
  HeaderMode,
  HeaderMutation,
  Phase,
  ProcessingResponse,
} from "./messages.ts";

type Init = MessageInitShape<typeof ProcessingResponseSchema>;

const BODY_MODES: readonly BodyMode[] = [
  "NONE",
  "STREAMED",
  "BUFFERED",
  "BUFFERED_PARTIAL",
  "FULL_DUPLEX_STREAMED",
  "GRPC",
];
const HEADER_MODES: readonly HeaderMode[] = ["DEFAULT", "SEND", "SKIP"];
const MEMBERS = {
  request_headers: "requestHeaders",
  response_headers: "responseHeaders",
  request_body: "requestBody",
  response_body: "responseBody",
  request_trailers: "requestTrailers",
  response_trailers: "responseTrailers",
} as const;

const latin1 = fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes).toString("latin1"));
const name = fc.string({ maxLength: 30 });
const body = fc.uint8Array({ maxLength: 1000 });
const unicode = fc.string({ unit: "grapheme", maxLength: 100 });
// Those that JSON, the common ground with the generated code, can hold.
const number = fc.double({ noNaN: true, noDefaultInfinity: true }).map((value) => value + 0);
const optional = <T>(of: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> => fc.option(of, { nil: undefined });

const headers: fc.Arbitrary<HeaderMutation> = fc.record({
  set: optional(fc.array(fc.tuple(name, latin1), { maxLength: 30 }).map((pairs) => pairs.flat())),
  remove: optional(fc.array(name, { maxLength: 30 })),
});
const bodyMutation: fc.Arbitrary<BodyMutation> = fc.oneof(
  fc.record({ kind: fc.constant("replace" as const), body }),
  fc.record({ kind: fc.constant("clear" as const) }),
  fc.record({ kind: fc.constant("stream" as const), body, endOfStream: fc.boolean() }),
);
const answer: fc.Arbitrary<ProcessingResponse["answer"]> = fc.oneof(
  fc.record({
    phase: fc.constantFrom("request_headers", "response_headers", "request_body", "response_body"),
    replace: optional(fc.boolean()),
    headers: optional(headers),
    body: optional(bodyMutation),
    clearRouteCache: optional(fc.boolean()),
  }),
  fc.record({ phase: fc.constantFrom("request_trailers", "response_trailers"), headers: optional(headers) }),
  fc.record({
    phase: fc.constant("immediate"),
    status: fc.integer({ min: 100, max: 599 }),
    headers: optional(headers),
    body: optional(body),
    details: optional(unicode),
  }),
);
const response: fc.Arbitrary<ProcessingResponse> = fc.record({
  answer,
  dynamicMetadata: optional(
    fc.dictionary(unicode, fc.dictionary(unicode, fc.oneof(unicode, number), { maxKeys: 20 }), {
      maxKeys: 3,
    }),
  ),
  modeOverride: optional(
    fc.record({
      requestHeaders: optional(fc.constantFrom(...HEADER_MODES)),
      responseHeaders: optional(fc.constantFrom(...HEADER_MODES)),
      requestBody: optional(fc.constantFrom(...BODY_MODES)),
      responseBody: optional(fc.constantFrom(...BODY_MODES)),
      requestTrailers: optional(fc.constantFrom(...HEADER_MODES)),
      responseTrailers: optional(fc.constantFrom(...HEADER_MODES)),
    }),
  ),
});

function expectedMutation({ set = [], remove = [] }: HeaderMutation): MessageInitShape<typeof HeaderMutationSchema> {
  const pairs = Array.from({ length: set.length / 2 }, (_, i) => [set[2 * i] ?? "", set[2 * i + 1] ?? ""] as const);
  return {
    setHeaders: pairs.map(([key, value]) => ({
      header: { key, rawValue: Buffer.from(value, "latin1") },
      appendAction: HeaderValueOption_HeaderAppendAction.OVERWRITE_IF_EXISTS_OR_ADD,
    })),
    removeHeaders: [...remove],
  };
}

function expectedBody(mutation: BodyMutation) {
  if (mutation.kind === "replace") return { mutation: { case: "body" as const, value: mutation.body } };
  if (mutation.kind === "clear") return { mutation: { case: "clearBody" as const, value: true } };
  const { body: chunk, endOfStream } = mutation;
  return { mutation: { case: "streamedResponse" as const, value: { body: chunk, endOfStream } } };
}

function expectedAnswer(given: ProcessingResponse["answer"]): NonNullable<Init["response"]> {
  const headerMutation = given.headers === undefined ? {} : { headerMutation: expectedMutation(given.headers) };
  if (given.phase === "immediate") {
    const value = {
      // Its codes are an enum, of which only a part is named.
      status: { code: given.status as 200 },
      ...(given.headers && { headers: expectedMutation(given.headers) }),
      body: given.body ?? new Uint8Array(0),
      details: given.details ?? "",
    };
    return { case: "immediateResponse", value };
  }
  if (given.phase === "request_trailers" || given.phase === "response_trailers") {
    return { case: MEMBERS[given.phase] as "requestTrailers", value: headerMutation };
  }
  const { replace, body: mutation, clearRouteCache } = given as CommonAnswer;
  const common = {
    status: replace === true ? (1 as const) : (0 as const),
    ...headerMutation,
    ...(mutation && { bodyMutation: expectedBody(mutation) }),
    clearRouteCache: clearRouteCache ?? false,
  };
  const isBare = !replace && given.headers === undefined && mutation === undefined && !clearRouteCache;
  return { case: MEMBERS[given.phase] as "requestBody", value: isBare ? {} : { response: common } };
}

/** The generated code's message of the same content. */
function expected({ answer: given, dynamicMetadata, modeOverride }: ProcessingResponse): Generated {
  const override = modeOverride && {
    requestHeaderMode: HEADER_MODES.indexOf(modeOverride.requestHeaders ?? "DEFAULT") as 0,
    responseHeaderMode: HEADER_MODES.indexOf(modeOverride.responseHeaders ?? "DEFAULT") as 0,
    requestBodyMode: BODY_MODES.indexOf(modeOverride.requestBody ?? "NONE") as 0,
    responseBodyMode: BODY_MODES.indexOf(modeOverride.responseBody ?? "NONE") as 0,
    requestTrailerMode: HEADER_MODES.indexOf(modeOverride.requestTrailers ?? "DEFAULT") as 0,
    responseTrailerMode: HEADER_MODES.indexOf(modeOverride.responseTrailers ?? "DEFAULT") as 0,
  };
  return create(ProcessingResponseSchema, {
    response: expectedAnswer(given),
    ...(override && { modeOverride: override }),
    ...(dynamicMetadata && { dynamicMetadata: dynamicMetadata as JsonObject }),
  });
}

test("every response is read by the generated code as it was meant", () => {
  fc.assert(
    fc.property(response, (given) => {
      const read = fromBinary(ProcessingResponseSchema, encodeProcessingResponse(given));
      assert.deepEqual(toJson(ProcessingResponseSchema, read), toJson(ProcessingResponseSchema, expected(given)));
    }),
    { numRuns: 500 },
  );
});

test("a large body is written whole", () => {
  const large = Buffer.alloc(3 << 20, "abc");
  const bytes = encodeProcessingResponse({ answer: { phase: "request_body", body: { kind: "replace", body: large } } });
  const read = fromBinary(ProcessingResponseSchema, bytes);
  assert.deepEqual(read, expected({ answer: { phase: "request_body", body: { kind: "replace", body: large } } }));
});

test("the ready answers change nothing", () => {
  for (const phase of Object.keys(MEMBERS) as Phase[]) {
    assert.deepEqual(fromBinary(ProcessingResponseSchema, CONTINUE[phase]), expected({ answer: { phase } }));
  }
});

const timeouts = [
  { name: "less than a second", in: 250, want: { seconds: 0n, nanos: 250_000_000 } },
  { name: "whole seconds", in: 3000, want: { seconds: 3n, nanos: 0 } },
  { name: "more than a second", in: 61_001, want: { seconds: 61n, nanos: 1_000_000 } },
  { name: "no time", in: 0, want: { seconds: 0n, nanos: 0 } },
];
for (const { name: title, in: timeoutMs, want } of timeouts) {
  test(`a message timeout of ${title} stands alone in its message`, () => {
    assert.deepEqual(
      fromBinary(ProcessingResponseSchema, encodeMessageTimeout(timeoutMs)),
      create(ProcessingResponseSchema, { overrideMessageTimeout: want }),
    );
  });
}

test("a header value that no byte string can hold is refused", () => {
  for (const set of [
    ["x-name", "Ċ"],
    ["x-nĊme", "value"],
  ]) {
    const given: ProcessingResponse = { answer: { phase: "request_headers", headers: { set } } };
    assert.throws(() => encodeProcessingResponse(given), { name: "ProtobufError", message: /Ċ/ });
  }
});
