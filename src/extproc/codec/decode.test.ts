import assert from "node:assert/strict";
import { test } from "node:test";
import { create, fromBinary, type JsonObject, type MessageInitShape, toBinary } from "@bufbuild/protobuf";
import fc from "fast-check";
import {
  type ProcessingRequest as Generated,
  ProcessingRequestSchema,
} from "../../gen/envoy/service/ext_proc/v3/external_processor_pb.ts";
import { ProtobufError } from "../../wire/protobuf.ts";
import { decodeProcessingRequest } from "./decode.ts";
import type { BodyMode, ProcessingRequest } from "./messages.ts";

const ascii = fc.string({ unit: "binary-ascii", maxLength: 24 });
const header = fc.oneof(
  fc.record({ key: ascii, rawValue: fc.uint8Array({ maxLength: 300 }) }),
  fc.record({ key: ascii, value: ascii }),
  fc.record({ key: ascii, value: ascii, rawValue: fc.uint8Array({ minLength: 1, maxLength: 9 }) }),
);
const json = fc
  .dictionary(fc.string({ maxLength: 8 }), fc.jsonValue({ maxDepth: 3 }), { maxKeys: 4 })
  .map((value) => value as JsonObject);
const structs = fc.dictionary(fc.string({ maxLength: 8 }), json, { maxKeys: 3 });
const headers = fc.array(header, { maxLength: 30 }).map((all) => ({ headers: all }));
const httpHeaders = fc.record({ headers, endOfStream: fc.boolean(), attributes: structs });
const httpBody = fc.record({
  body: fc.uint8Array({ maxLength: 500 }),
  endOfStream: fc.boolean(),
  endOfStreamWithoutMessage: fc.boolean(),
  drainComplete: fc.boolean(),
});
const httpTrailers = fc.record({ trailers: headers });
const content = fc.oneof(
  fc.record({ case: fc.constantFrom("requestHeaders" as const, "responseHeaders" as const), value: httpHeaders }),
  fc.record({ case: fc.constantFrom("requestBody" as const, "responseBody" as const), value: httpBody }),
  fc.record({ case: fc.constantFrom("requestTrailers" as const, "responseTrailers" as const), value: httpTrailers }),
);
const mode = fc.integer({ min: 0, max: 5 }) as fc.Arbitrary<0 | 1 | 2 | 3 | 4 | 5>;

/** Messages as Envoy may send them, fields that nobody here reads included. */
const message = fc
  .record(
    {
      request: content,
      attributes: structs,
      metadataContext: fc.record({ filterMetadata: structs }),
      observabilityMode: fc.boolean(),
      protocolConfig: fc.record({
        requestBodyMode: mode,
        responseBodyMode: mode,
        sendBodyWithoutWaitingForHeaderResponse: fc.boolean(),
      }),
      flowControlInit: fc.record({ initialWindowDownstreamToSidestream: fc.bigInt({ min: -5n, max: 2n ** 60n }) }),
    },
    { requiredKeys: ["request"] },
  )
  .map((init) => toBinary(ProcessingRequestSchema, create(ProcessingRequestSchema, init)));

const BODY_MODES: readonly BodyMode[] = [
  "NONE",
  "STREAMED",
  "BUFFERED",
  "BUFFERED_PARTIAL",
  "FULL_DUPLEX_STREAMED",
  "GRPC",
];

/** What we should have read, from what the generated code has read. */
function expected({ request, protocolConfig, observabilityMode, attributes, metadataContext }: Generated): unknown {
  const list = request.value && "headers" in request.value ? request.value.headers : undefined;
  const trailers = request.value && "trailers" in request.value ? request.value.trailers : undefined;
  return {
    phase: request.case?.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`),
    headers: (list ?? trailers)?.headers.flatMap(({ key, value, rawValue }) => [
      key,
      rawValue.length > 0 ? Buffer.from(rawValue).toString("latin1") : value,
    ]),
    body: request.value && "body" in request.value ? Buffer.from(request.value.body) : undefined,
    endOfStream: request.value && "endOfStream" in request.value ? request.value.endOfStream : undefined,
    observabilityMode,
    protocolConfig: protocolConfig && [
      BODY_MODES[protocolConfig.requestBodyMode],
      BODY_MODES[protocolConfig.responseBodyMode],
      protocolConfig.sendBodyWithoutWaitingForHeaderResponse,
    ],
    attributes: plain(attributes),
    metadata: plain(metadataContext?.filterMetadata ?? {}),
  };
}

/** What we have read, in the same form; of the structs exactly what the oracle has. */
function actual(request: ProcessingRequest, oracle: Generated): unknown {
  const isBody = request.phase === "request_body" || request.phase === "response_body";
  const { protocolConfig: config } = request;
  const has = oracle.request.value;
  return {
    phase: request.phase,
    headers:
      has && (("headers" in has && has.headers) || ("trailers" in has && has.trailers))
        ? (request as { headers: string[] }).headers
        : undefined,
    body: isBody ? Buffer.from((request as { body: Uint8Array }).body) : undefined,
    endOfStream: has && "endOfStream" in has ? (request as { endOfStream: boolean }).endOfStream : undefined,
    observabilityMode: request.observabilityMode,
    protocolConfig: config && [
      config.requestBodyMode,
      config.responseBodyMode,
      config.sendBodyWithoutWaitingForHeaderResponse,
    ],
    attributes: plain(
      Object.fromEntries(Object.keys(oracle.attributes).map((key) => [key, request.attributes.at(key)])),
    ),
    metadata: plain(
      Object.fromEntries(
        Object.keys(oracle.metadataContext?.filterMetadata ?? {}).map((key) => [key, request.metadata.at(key)]),
      ),
    ),
  };
}

/** Without the difference between 0 and -0 in JSON, nor that of property order. */
function plain(value: unknown): unknown {
  return JSON.parse(JSON.stringify(value));
}

test("every message is read as the generated code reads it", () => {
  fc.assert(
    fc.property(message, (bytes) => {
      const oracle = fromBinary(ProcessingRequestSchema, bytes);
      assert.deepEqual(actual(decodeProcessingRequest(bytes), oracle), expected(oracle));
    }),
    { numRuns: 300 },
  );
});

test("two messages end to end are merged as the generated code merges them", () => {
  fc.assert(
    fc.property(message, message, (one, two) => {
      const bytes = Buffer.concat([one, two]);
      const oracle = fromBinary(ProcessingRequestSchema, bytes);
      assert.deepEqual(actual(decodeProcessingRequest(bytes), oracle), expected(oracle));
    }),
    { numRuns: 200 },
  );
});

/** Decodes and looks at everything; passes only what is the typed error. */
function survives(bytes: Uint8Array): void {
  try {
    const { attributes, metadata } = decodeProcessingRequest(bytes);
    for (const structMap of [attributes, metadata]) {
      structMap.at("");
      structMap.at("a", "b", "c");
    }
  } catch (error) {
    assert.ok(error instanceof ProtobufError, String(error));
  }
}

test("random, cut and damaged bytes are read or refused with the typed error", () => {
  fc.assert(fc.property(fc.uint8Array({ maxLength: 200 }), survives), { numRuns: 2000 });
  fc.assert(
    fc.property(
      message,
      fc.nat(),
      fc.array(fc.tuple(fc.nat(), fc.nat(255)), { maxLength: 3 }),
      (bytes, cut, damage) => {
        const copy = bytes.slice(0, cut % (bytes.length + 1));
        for (const [at, value] of damage) copy[at % (copy.length + 1)] = value;
        survives(copy);
      },
    ),
    { numRuns: 1000 },
  );
});

function encoded(init: MessageInitShape<typeof ProcessingRequestSchema>): Uint8Array {
  return toBinary(ProcessingRequestSchema, create(ProcessingRequestSchema, init));
}

test("a body is a view of the message and not a copy", () => {
  const bytes = encoded({ request: { case: "requestBody", value: { body: Buffer.from("hello"), endOfStream: true } } });
  const request = decodeProcessingRequest(bytes);
  assert.equal(request.phase, "request_body");
  assert.equal((request as { body: Uint8Array }).body.buffer, bytes.buffer);
});

test("attributes and metadata are found by path", () => {
  const { attributes, metadata } = decodeProcessingRequest(
    encoded({
      request: { case: "requestHeaders", value: {} },
      attributes: { filter: { "xds.cluster_name": "c", deep: { a: { b: [1, "x", null, true] } }, number: 1.5 } },
      metadataContext: { filterMetadata: { "io.envoy.ai_gateway": { input: 12, __proto__: null } } },
    }),
  );
  const read: readonly (readonly [unknown, unknown])[] = [
    [attributes.at("filter", "xds.cluster_name"), "c"],
    [attributes.at("filter", "number"), 1.5],
    [attributes.at("filter", "deep", "a", "b"), [1, "x", null, true]],
    [attributes.at("filter", "deep", "a"), { b: [1, "x", null, true] }],
    [attributes.at("filter", "deep", "nope"), undefined],
    [attributes.at("filter", "xds.cluster_name", "below a string"), undefined],
    [attributes.at("filter", "nope"), undefined],
    [attributes.at("nope"), undefined],
    [metadata.at("io.envoy.ai_gateway", "input"), 12],
    [metadata.at("other", "input"), undefined],
  ];
  for (const [actualValue, want] of read) assert.deepEqual(actualValue, want);
});

test("a message about no phase is refused", () => {
  assert.throws(() => decodeProcessingRequest(encoded({ observabilityMode: true })), {
    name: "ProtobufError",
    message: /no phase/,
  });
});

test("a struct nested without end is refused instead of overflowing the stack", () => {
  let value: JsonObject = {};
  for (let i = 0; i < 200; i++) value = { v: value };
  const bytes = encoded({ request: { case: "requestHeaders", value: {} }, attributes: { deep: value } });
  assert.throws(() => decodeProcessingRequest(bytes).attributes.at("deep"), {
    name: "ProtobufError",
    message: /deeper/,
  });
});
