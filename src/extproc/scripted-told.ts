/** For tests: what the processor tells Envoy, read by the generated code. */
import assert from "node:assert/strict";
import { fromBinary, type JsonObject, toJson } from "@bufbuild/protobuf";
import { invariant } from "../errors/invariant.ts";
import { DYNAMIC_METADATA } from "../exchange/envoy-names.ts";
import { HeaderValueOption_HeaderAppendAction } from "../gen/envoy/config/core/v3/base_pb.ts";
import { ProcessingModeSchema } from "../gen/envoy/extensions/filters/http/ext_proc/v3/processing_mode_pb.ts";
import {
  type BodyMutation,
  type CommonResponse,
  CommonResponse_ResponseStatus,
  type HeaderMutation,
  type ProcessingResponse,
  ProcessingResponseSchema,
} from "../gen/envoy/service/ext_proc/v3/external_processor_pb.ts";

/** What Envoy was told in one message; what was not said is not there. */
export interface Told {
  /** As the generated code calls it. */
  phase: string | undefined;
  /** Of a reply of ours. */
  status?: number;
  details?: string;
  /** Headers to set and to remove, in whatever order. */
  set?: Record<string, string>;
  remove?: string[];
  /** A whole body, as text; with `replace` it goes with the head. */
  body?: string;
  replace?: true;
  /** A chunk of a body that is ours. */
  chunk?: string;
  end?: true;
  clearRouteCache?: true;
  /** The mode override in its JSON form. */
  mode?: unknown;
  /** In our namespace. */
  metadata?: JsonObject;
  /** For how much longer Envoy is to wait. */
  moreTimeMs?: number;
}

/** Reads a message. */
export function toldBy(message: Uint8Array): Told {
  return read(fromBinary(ProcessingResponseSchema, message));
}

function read({ response, dynamicMetadata, modeOverride, overrideMessageTimeout }: ProcessingResponse): Told {
  const told: Told = { phase: response.case };
  if (overrideMessageTimeout !== undefined) {
    assert.equal(response.case, undefined);
    told.moreTimeMs = Number(overrideMessageTimeout.seconds) * 1000 + overrideMessageTimeout.nanos / 1e6;
    return told;
  }
  switch (response.case) {
    case "immediateResponse":
      told.status = response.value.status?.code ?? 0;
      told.details = response.value.details;
      told.body = text(response.value.body);
      readHeaders(response.value.headers, told);
      break;
    case "requestTrailers":
    case "responseTrailers":
      readHeaders(response.value.headerMutation, told);
      break;
    case "requestHeaders":
    case "responseHeaders":
    case "requestBody":
    case "responseBody":
      readCommon(response.value.response, told);
      break;
    default:
      assert.fail(`an answer to nothing: ${response.case}`);
  }
  if (modeOverride !== undefined) told.mode = toJson(ProcessingModeSchema, modeOverride);
  if (dynamicMetadata !== undefined) {
    assert.deepEqual(Object.keys(dynamicMetadata), [DYNAMIC_METADATA]);
    told.metadata = dynamicMetadata[DYNAMIC_METADATA] as JsonObject;
  }
  return told;
}

function readCommon(common: CommonResponse | undefined, told: Told): void {
  if (common === undefined) return;
  readHeaders(common.headerMutation, told);
  readBody(common.bodyMutation, told);
  if (common.status === CommonResponse_ResponseStatus.CONTINUE_AND_REPLACE) told.replace = true;
  if (common.clearRouteCache) told.clearRouteCache = true;
}

function readBody(mutation: BodyMutation | undefined, told: Told): void {
  if (mutation?.mutation.case === "body") told.body = text(mutation.mutation.value);
  if (mutation?.mutation.case !== "streamedResponse") return;
  const { body, endOfStream } = mutation.mutation.value;
  told.chunk = text(body);
  if (endOfStream) told.end = true;
}

function readHeaders(mutation: HeaderMutation | undefined, told: Told): void {
  if (mutation === undefined) return;
  for (const { header, appendAction } of mutation.setHeaders) {
    assert.equal(appendAction, HeaderValueOption_HeaderAppendAction.OVERWRITE_IF_EXISTS_OR_ADD);
    invariant(header, "a header is set");
    told.set ??= {};
    assert.ok(!Object.hasOwn(told.set, header.key), `${header.key} is set once`);
    told.set[header.key] = Buffer.from(header.rawValue).toString("latin1");
  }
  if (mutation.removeHeaders.length > 0) told.remove = mutation.removeHeaders.toSorted();
}

function text(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString();
}
