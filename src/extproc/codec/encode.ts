/** Writes the messages that Envoy's external processing filter is answered with. */
import { ProtobufWriter } from "../../wire/protobuf.ts";
import type {
  BodyMode,
  BodyMutation,
  CommonAnswer,
  DynamicMetadata,
  HeaderMode,
  HeaderMutation,
  ImmediateAnswer,
  Phase,
  ProcessingMode,
  ProcessingResponse,
  TrailersAnswer,
} from "./messages.ts";

// A key and a length are at most six bytes; what is nested four levels deep has at most that many of both around it.
const FIELD_ROOM = 8;
/** Everything of a response that is neither header, body, metadata nor details. */
const FIXED_ROOM = 96;
const UTF8_BYTES_MAX = 3;

/** Field numbers in ProcessingResponse. */
const ANSWER_FIELD: Readonly<Record<Phase | "immediate", number>> = {
  request_headers: 1,
  response_headers: 2,
  request_body: 3,
  response_body: 4,
  request_trailers: 5,
  response_trailers: 6,
  immediate: 7,
};
const DYNAMIC_METADATA = 8;
const MODE_OVERRIDE = 9;
const OVERRIDE_MESSAGE_TIMEOUT = 10;

/** Encodes a ProcessingResponse. Throws a ProtobufError for a header value with characters above U+00FF. */
export function encodeProcessingResponse(response: ProcessingResponse): Buffer {
  const { answer, dynamicMetadata, modeOverride } = response;
  const writer = new ProtobufWriter(roomFor(response));
  if (modeOverride !== undefined) writeMode(writer, modeOverride);
  if (dynamicMetadata !== undefined) {
    const end = writer.open();
    writeDynamicMetadata(writer, dynamicMetadata);
    writer.close(DYNAMIC_METADATA, end);
  }
  const end = writer.open();
  if (answer.phase === "immediate") writeImmediate(writer, answer);
  else if (isTrailersAnswer(answer)) {
    if (answer.headers !== undefined) writeHeaderMutation(writer, TRAILERS_HEADER_MUTATION, answer.headers);
  } else writeCommon(writer, answer);
  writer.close(ANSWER_FIELD[answer.phase], end);
  return writer.finish();
}

/**
 * Encodes the message that gives the processor more time for its answer to the message before. Envoy reads nothing else
 * of a response that holds this.
 */
export function encodeMessageTimeout(timeoutMs: number): Buffer {
  const writer = new ProtobufWriter(FIXED_ROOM);
  const end = writer.open();
  const [seconds, nanos] = [Math.floor(timeoutMs / 1000), Math.floor(timeoutMs % 1000) * 1e6];
  if (nanos > 0) writer.varint(2, nanos);
  if (seconds > 0) writer.varint(1, seconds);
  writer.close(OVERRIDE_MESSAGE_TIMEOUT, end);
  return writer.finish();
}

function isTrailersAnswer(answer: CommonAnswer | TrailersAnswer): answer is TrailersAnswer {
  return answer.phase === "request_trailers" || answer.phase === "response_trailers";
}

function roomFor({ answer, dynamicMetadata }: ProcessingResponse): number {
  let room = FIXED_ROOM;
  if (answer.headers !== undefined) room += headerMutationRoom(answer.headers);
  if (answer.phase === "immediate") {
    room += (answer.body?.length ?? 0) + (answer.details?.length ?? 0) * UTF8_BYTES_MAX;
  } else if ("body" in answer && answer.body !== undefined && answer.body.kind !== "clear") {
    room += answer.body.body.length;
  }
  if (dynamicMetadata !== undefined) room += dynamicMetadataRoom(dynamicMetadata);
  return room;
}

const COMMON_STATUS = 1;
const COMMON_HEADER_MUTATION = 2;
const COMMON_BODY_MUTATION = 3;
const COMMON_CLEAR_ROUTE_CACHE = 5;
const STATUS_CONTINUE_AND_REPLACE = 1;
const TRAILERS_HEADER_MUTATION = 1;

/** Writes a HeadersResponse or BodyResponse, whose only field is a CommonResponse. */
function writeCommon(writer: ProtobufWriter, answer: CommonAnswer): void {
  const { replace = false, headers, body, clearRouteCache = false } = answer;
  if (!replace && headers === undefined && body === undefined && !clearRouteCache) return;
  const end = writer.open();
  if (clearRouteCache) writer.bool(COMMON_CLEAR_ROUTE_CACHE, true);
  if (body !== undefined) writeBodyMutation(writer, body);
  if (headers !== undefined) writeHeaderMutation(writer, COMMON_HEADER_MUTATION, headers);
  if (replace) writer.varint(COMMON_STATUS, STATUS_CONTINUE_AND_REPLACE);
  writer.close(1, end);
}

function writeBodyMutation(writer: ProtobufWriter, mutation: BodyMutation): void {
  const end = writer.open();
  if (mutation.kind === "replace") writer.bytes(1, mutation.body);
  else if (mutation.kind === "clear") writer.bool(2, true);
  else {
    const streamEnd = writer.open();
    if (mutation.endOfStream) writer.bool(2, true);
    if (mutation.body.length > 0) writer.bytes(1, mutation.body);
    writer.close(3, streamEnd);
  }
  writer.close(COMMON_BODY_MUTATION, end);
}

const SET_HEADERS = 1;
const REMOVE_HEADERS = 2;
const OPTION_HEADER = 1;
const OPTION_APPEND_ACTION = 3;
const OVERWRITE_IF_EXISTS_OR_ADD = 2;
const HEADER_KEY = 1;
const HEADER_RAW_VALUE = 3;

function headerMutationRoom({ set = [], remove = [] }: HeaderMutation): number {
  let room = FIELD_ROOM * 4 * (set.length + remove.length);
  for (const text of set) room += text.length;
  for (const text of remove) room += text.length;
  return room;
}

function writeHeaderMutation(writer: ProtobufWriter, field: number, { set = [], remove = [] }: HeaderMutation): void {
  const end = writer.open();
  for (let i = remove.length - 1; i >= 0; i--) writer.latin1(REMOVE_HEADERS, remove[i] as string);
  for (let i = set.length - 2; i >= 0; i -= 2) {
    const name = set[i] as string;
    const value = set[i + 1] as string;
    const optionEnd = writer.open();
    writer.varint(OPTION_APPEND_ACTION, OVERWRITE_IF_EXISTS_OR_ADD);
    const headerEnd = writer.open();
    if (value !== "") writer.latin1(HEADER_RAW_VALUE, value);
    writer.latin1(HEADER_KEY, name);
    writer.close(OPTION_HEADER, headerEnd);
    writer.close(SET_HEADERS, optionEnd);
  }
  writer.close(field, end);
}

function writeImmediate(writer: ProtobufWriter, { status, headers, body, details }: ImmediateAnswer): void {
  if (details !== undefined && details !== "") writer.string(5, details);
  if (body !== undefined && body.length > 0) writer.bytes(3, body);
  if (headers !== undefined) writeHeaderMutation(writer, 2, headers);
  const end = writer.open();
  writer.varint(1, status);
  writer.close(1, end);
}

const HEADER_MODES: Readonly<Record<HeaderMode, number>> = { DEFAULT: 0, SEND: 1, SKIP: 2 };
const BODY_MODES: Readonly<Record<BodyMode, number>> = {
  NONE: 0,
  STREAMED: 1,
  BUFFERED: 2,
  BUFFERED_PARTIAL: 3,
  FULL_DUPLEX_STREAMED: 4,
  GRPC: 5,
};

function writeMode(writer: ProtobufWriter, mode: ProcessingMode): void {
  const end = writer.open();
  const numbers = [
    HEADER_MODES[mode.requestHeaders ?? "DEFAULT"],
    HEADER_MODES[mode.responseHeaders ?? "DEFAULT"],
    BODY_MODES[mode.requestBody ?? "NONE"],
    BODY_MODES[mode.responseBody ?? "NONE"],
    HEADER_MODES[mode.requestTrailers ?? "DEFAULT"],
    HEADER_MODES[mode.responseTrailers ?? "DEFAULT"],
  ];
  for (let i = numbers.length - 1; i >= 0; i--) if (numbers[i] !== 0) writer.varint(i + 1, numbers[i] as number);
  writer.close(MODE_OVERRIDE, end);
}

function dynamicMetadataRoom(metadata: DynamicMetadata): number {
  let room = 0;
  for (const [namespace, values] of Object.entries(metadata)) {
    room += FIELD_ROOM * 4 + namespace.length * UTF8_BYTES_MAX;
    for (const [name, value] of Object.entries(values)) {
      room += FIELD_ROOM * 4 + (name.length + (typeof value === "string" ? value.length : 0)) * UTF8_BYTES_MAX;
    }
  }
  return room;
}

const STRUCT_FIELDS = 1;
const ENTRY_KEY = 1;
const ENTRY_VALUE = 2;
const VALUE_NUMBER = 2;
const VALUE_STRING = 3;
const VALUE_STRUCT = 5;

/** Writes a google.protobuf.Struct of Structs: each entry is {key, value}, each value a google.protobuf.Value. */
function writeDynamicMetadata(writer: ProtobufWriter, metadata: DynamicMetadata): void {
  for (const [namespace, values] of Object.entries(metadata)) {
    const end = writer.open();
    const valueEnd = writer.open();
    const structEnd = writer.open();
    for (const [name, value] of Object.entries(values)) {
      const entryEnd = writer.open();
      if (typeof value === "number") writer.double(VALUE_NUMBER, value);
      else writer.string(VALUE_STRING, value);
      writer.close(ENTRY_VALUE, entryEnd);
      writer.string(ENTRY_KEY, name);
      writer.close(STRUCT_FIELDS, entryEnd);
    }
    writer.close(VALUE_STRUCT, structEnd);
    writer.close(ENTRY_VALUE, valueEnd);
    writer.string(ENTRY_KEY, namespace);
    writer.close(STRUCT_FIELDS, end);
  }
}

/** Ready answers that change nothing. They are shared: not to be written to. */
export const CONTINUE: Readonly<Record<Phase, Uint8Array>> = {
  request_headers: bare("request_headers"),
  response_headers: bare("response_headers"),
  request_body: bare("request_body"),
  response_body: bare("response_body"),
  request_trailers: bare("request_trailers"),
  response_trailers: bare("response_trailers"),
};

function bare(phase: Phase): Uint8Array {
  return encodeProcessingResponse({ answer: { phase } });
}
