/** Reads the messages that Envoy's external processing filter sends. */
import { bytesKey, ProtobufError, ProtobufReader, varintKey } from "../../wire/protobuf.ts";
import type { BodyMode, Phase, ProcessingRequest, ProtocolConfig } from "./messages.ts";
import { NO_STRUCTS, StructMap } from "./struct.ts";

const NO_BYTES = new Uint8Array(0);

const METADATA_CONTEXT = bytesKey(8);
const ATTRIBUTES = bytesKey(9);
const OBSERVABILITY_MODE = varintKey(10);
const PROTOCOL_CONFIG = bytesKey(11);

/** The members of the oneof by key. */
const PHASES: ReadonlyMap<number, Phase> = new Map([
  [bytesKey(2), "request_headers"],
  [bytesKey(3), "response_headers"],
  [bytesKey(4), "request_body"],
  [bytesKey(5), "response_body"],
  [bytesKey(6), "request_trailers"],
  [bytesKey(7), "response_trailers"],
]);

const BODY_MODES: readonly BodyMode[] = [
  "NONE",
  "STREAMED",
  "BUFFERED",
  "BUFFERED_PARTIAL",
  "FULL_DUPLEX_STREAMED",
  "GRPC",
];

/** What the oneof holds; one shape for all phases keeps the readers of it fast. */
interface Content {
  phase: Phase;
  headers: string[];
  body: Uint8Array;
  endOfStream: boolean;
}

/** Decodes a ProcessingRequest. Throws a ProtobufError when the bytes are no such message or it is about no phase. */
export function decodeProcessingRequest(message: Uint8Array): ProcessingRequest {
  const reader = new ProtobufReader(message);
  let content: Content | undefined;
  let attributes: number[] | undefined;
  let metadata: number[] | undefined;
  let observabilityMode = false;
  let protocolConfig: ProtocolConfig | undefined;
  for (let key = reader.key(); key !== 0; key = reader.key()) {
    const phase = PHASES.get(key);
    if (phase !== undefined) {
      if (content?.phase !== phase) content = { phase, headers: [], body: NO_BYTES, endOfStream: false };
      readContent(reader, content);
    } else if (key === ATTRIBUTES) {
      attributes ??= [];
      passEntry(reader, attributes);
    } else if (key === METADATA_CONTEXT) {
      metadata ??= [];
      readMetadata(reader, metadata);
    } else if (key === PROTOCOL_CONFIG) protocolConfig = readProtocolConfig(reader, protocolConfig);
    else if (key === OBSERVABILITY_MODE) observabilityMode = reader.bool();
    else reader.skip(key);
  }
  if (content === undefined) throw new ProtobufError("a ProcessingRequest about no phase of a request");
  const { phase, headers, body, endOfStream } = content;
  const request = {
    phase,
    headers,
    body,
    endOfStream,
    attributes: attributes === undefined ? NO_STRUCTS : new StructMap(message, attributes),
    metadata: metadata === undefined ? NO_STRUCTS : new StructMap(message, metadata),
    observabilityMode,
    protocolConfig,
  };
  return request as ProcessingRequest;
}

const HEADERS = bytesKey(1);
const BODY = bytesKey(1);
const HEADERS_END_OF_STREAM = varintKey(3);
const BODY_END_OF_STREAM = varintKey(2);

/** Reads HttpHeaders, HttpBody or HttpTrailers; a second one of the same phase is merged, as Protobuf has it. */
function readContent(reader: ProtobufReader, content: Content): void {
  const outer = reader.enter();
  const isBody = content.phase.endsWith("_body");
  const endOfStream = isBody ? BODY_END_OF_STREAM : HEADERS_END_OF_STREAM;
  for (let key = reader.key(); key !== 0; key = reader.key()) {
    if (key === BODY && isBody) content.body = reader.view();
    else if (key === HEADERS) readHeaderMap(reader, content.headers);
    else if (key === endOfStream) content.endOfStream = reader.bool();
    else reader.skip(key);
  }
  reader.leave(outer);
}

const HEADER = bytesKey(1);
const NAME = bytesKey(1);
const VALUE = bytesKey(2);
const RAW_VALUE = bytesKey(3);

/** Appends the headers of a HeaderMap. All of it becomes one string, of which names and values are slices. */
function readHeaderMap(reader: ProtobufReader, headers: string[]): void {
  const outer = reader.enter();
  const start = reader.position;
  const text = reader.bytes.toString("latin1", start, reader.end);
  for (let key = reader.key(); key !== 0; key = reader.key()) {
    if (key === HEADER) readHeader(reader, start, text, headers);
    else reader.skip(key);
  }
  reader.leave(outer);
}

function readHeader(reader: ProtobufReader, start: number, text: string, headers: string[]): void {
  const outer = reader.enter();
  let name = "";
  let value = "";
  let rawValue = "";
  for (let key = reader.key(); key !== 0; key = reader.key()) {
    if (key !== NAME && key !== RAW_VALUE && key !== VALUE) {
      reader.skip(key);
      continue;
    }
    const end = reader.length();
    const slice = text.slice(reader.position - start, end - start);
    reader.position = end;
    if (key === NAME) name = slice;
    else if (key === VALUE) value = slice;
    else rawValue = slice;
  }
  headers.push(name, rawValue === "" ? value : rawValue);
  reader.leave(outer);
}

function passEntry(reader: ProtobufReader, ranges: number[]): void {
  const end = reader.length();
  ranges.push(reader.position, end);
  reader.position = end;
}

const FILTER_METADATA = bytesKey(1);

/** Notes where the entries of `filter_metadata` stand in an envoy.config.core.v3.Metadata. */
export function readMetadata(reader: ProtobufReader, ranges: number[]): void {
  reader.eachNestedField((key) => {
    if (key === FILTER_METADATA) passEntry(reader, ranges);
    else reader.skip(key);
  });
}

const REQUEST_BODY_MODE = varintKey(1);
const RESPONSE_BODY_MODE = varintKey(2);
const SEND_BODY_WITHOUT_WAITING = varintKey(3);

function readProtocolConfig(reader: ProtobufReader, before: ProtocolConfig | undefined): ProtocolConfig {
  let requestBodyMode: BodyMode = before?.requestBodyMode ?? "NONE";
  let responseBodyMode: BodyMode = before?.responseBodyMode ?? "NONE";
  let sendBodyWithoutWaitingForHeaderResponse = before?.sendBodyWithoutWaitingForHeaderResponse ?? false;
  reader.eachNestedField((key) => {
    if (key === REQUEST_BODY_MODE) requestBodyMode = readBodyMode(reader);
    else if (key === RESPONSE_BODY_MODE) responseBodyMode = readBodyMode(reader);
    else if (key === SEND_BODY_WITHOUT_WAITING) sendBodyWithoutWaitingForHeaderResponse = reader.bool();
    else reader.skip(key);
  });
  return { requestBodyMode, responseBodyMode, sendBodyWithoutWaitingForHeaderResponse };
}

function readBodyMode(reader: ProtobufReader): BodyMode {
  const number = reader.varint();
  const mode = BODY_MODES[number];
  if (mode === undefined) throw new ProtobufError(`unknown body mode ${number}`);
  return mode;
}
