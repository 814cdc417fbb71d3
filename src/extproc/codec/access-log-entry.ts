/**
 * Reads what Envoy's gRPC access log sends, as far as it tells something the processor cannot know: how a request ended for
 * the caller
 * (https://www.envoyproxy.io/docs/envoy/v1.40.0/api-v3/data/accesslog/v3/accesslog.proto).
 */
import { bytesKey, ProtobufReader, varintKey } from "../../wire/protobuf.ts";
import { readMetadata } from "./decode.ts";
import { StructMap } from "./struct.ts";

/** The flags by field number, named as in `ResponseFlags`. */
const FLAGS = {
  1: "failed_local_healthcheck",
  2: "no_healthy_upstream",
  3: "upstream_request_timeout",
  4: "local_reset",
  5: "upstream_remote_reset",
  6: "upstream_connection_failure",
  7: "upstream_connection_termination",
  8: "upstream_overflow",
  9: "no_route_found",
  10: "delay_injected",
  11: "fault_injected",
  12: "rate_limited",
  14: "rate_limit_service_error",
  15: "downstream_connection_termination",
  16: "upstream_retry_limit_exceeded",
  17: "stream_idle_timeout",
  18: "invalid_envoy_request_headers",
  19: "downstream_protocol_error",
  20: "upstream_max_stream_duration_reached",
  21: "response_from_cache_filter",
  22: "no_filter_config_found",
  23: "duration_timeout",
  24: "upstream_protocol_error",
  25: "no_cluster_found",
  26: "overload_manager",
  27: "dns_resolution_failure",
  28: "downstream_remote_reset",
} as const;

/** Why a request went as it did, in Envoy's words. */
export type ResponseFlag = (typeof FLAGS)[keyof typeof FLAGS];

/** Names by number of `RequestMethod`. */
const METHODS = ["", "GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH"] as const;

/** One HTTP request as Envoy logs it at its end. Absent texts are "", absent numbers 0. */
export interface AccessLogEntry {
  /** Unix milliseconds. */
  startedAtMs: number;
  /** From the first byte of the request to the last byte of the answer. */
  durationMs: number;
  /** From the first byte of the request to the first byte of the upstream's answer. */
  firstUpstreamByteMs: number;
  /** How often the request was sent to an upstream. */
  attempts: number;
  /** Usually none or one. */
  flags: ReadonlySet<ResponseFlag>;
  /** Dynamic metadata: `metadata.at("io.envoy.ai_gateway", "key")`. */
  metadata: StructMap;

  method: string;
  authority: string;
  path: string;
  requestId: string;
  /** The request headers that the log's configuration names, by lower-case name. */
  requestHeaders: ReadonlyMap<string, string>;
  requestHeadersBytes: number;
  requestBodyBytes: number;

  /** HTTP status the caller got; 0 when it got none. */
  status: number;
  /** `response_code_details`, e.g. `via_upstream`. */
  details: string;
  responseHeadersBytes: number;
  responseBodyBytes: number;
}

const HTTP_LOGS = bytesKey(2);
const LOG_ENTRY = bytesKey(1);
const COMMON_PROPERTIES = bytesKey(1);
const REQUEST = bytesKey(3);
const RESPONSE = bytesKey(4);

/**
 * Decodes the HTTP entries of a StreamAccessLogsMessage; other messages of that stream have none. Throws a ProtobufError
 * when the bytes are no such message.
 */
export function decodeAccessLogEntries(message: Uint8Array): AccessLogEntry[] {
  const entries: AccessLogEntry[] = [];
  const reader = new ProtobufReader(message);
  reader.eachField((key) => {
    if (key !== HTTP_LOGS) return reader.skip(key);
    reader.eachNestedField((inner) => {
      if (inner === LOG_ENTRY) entries.push(readEntry(reader));
      else reader.skip(inner);
    });
  });
  return entries;
}

function readEntry(reader: ProtobufReader): AccessLogEntry {
  const flags = new Set<ResponseFlag>();
  const metadata: number[] = [];
  const requestHeaders = new Map<string, string>();
  const entry: AccessLogEntry = {
    startedAtMs: 0,
    durationMs: 0,
    firstUpstreamByteMs: 0,
    attempts: 0,
    flags,
    metadata: new StructMap(reader.bytes, metadata),
    method: "",
    authority: "",
    path: "",
    requestId: "",
    requestHeaders,
    requestHeadersBytes: 0,
    requestBodyBytes: 0,
    status: 0,
    details: "",
    responseHeadersBytes: 0,
    responseBodyBytes: 0,
  };
  reader.eachNestedField((key) => {
    if (key === COMMON_PROPERTIES) readCommon(reader, entry, flags, metadata);
    else if (key === REQUEST) readRequest(reader, entry, requestHeaders);
    else if (key === RESPONSE) readResponse(reader, entry);
    else reader.skip(key);
  });
  return entry;
}

const START_TIME = bytesKey(5);
const TIME_TO_FIRST_UPSTREAM_RX_BYTE = bytesKey(9);
const RESPONSE_FLAGS = bytesKey(16);
const METADATA = bytesKey(17);
const DURATION = bytesKey(23);
const UPSTREAM_REQUEST_ATTEMPT_COUNT = varintKey(24);

function readCommon(reader: ProtobufReader, entry: AccessLogEntry, flags: Set<ResponseFlag>, metadata: number[]): void {
  reader.eachNestedField((key) => {
    if (key === START_TIME) entry.startedAtMs = readMilliseconds(reader);
    else if (key === TIME_TO_FIRST_UPSTREAM_RX_BYTE) entry.firstUpstreamByteMs = readMilliseconds(reader);
    else if (key === DURATION) entry.durationMs = readMilliseconds(reader);
    else if (key === UPSTREAM_REQUEST_ATTEMPT_COUNT) entry.attempts = reader.varint();
    else if (key === RESPONSE_FLAGS) readFlags(reader, flags);
    else if (key === METADATA) readMetadata(reader, metadata);
    else reader.skip(key);
  });
}

function readFlags(reader: ProtobufReader, flags: Set<ResponseFlag>): void {
  reader.eachNestedField((key) => {
    const flag = (FLAGS as Readonly<Record<number, ResponseFlag>>)[key >>> 3];
    if (flag === undefined || key !== varintKey(key >>> 3)) reader.skip(key);
    else if (reader.bool()) flags.add(flag);
    else flags.delete(flag);
  });
}

const SECONDS = varintKey(1);
const NANOS = varintKey(2);

/** Reads a google.protobuf.Timestamp or Duration from the epoch on. */
function readMilliseconds(reader: ProtobufReader): number {
  let [seconds, nanos] = [0, 0];
  reader.eachNestedField((key) => {
    if (key === SECONDS) seconds = reader.varint();
    else if (key === NANOS) nanos = reader.varint();
    else reader.skip(key);
  });
  return seconds * 1e3 + nanos / 1e6;
}

const REQUEST_METHOD = varintKey(1);
const AUTHORITY = bytesKey(3);
const PATH = bytesKey(5);
const REQUEST_ID = bytesKey(9);
const REQUEST_HEADERS_BYTES = varintKey(11);
const REQUEST_BODY_BYTES = varintKey(12);
const REQUEST_HEADERS = bytesKey(13);

function readRequest(reader: ProtobufReader, entry: AccessLogEntry, headers: Map<string, string>): void {
  reader.eachNestedField((key) => {
    if (key === REQUEST_METHOD) entry.method = METHODS[reader.varint()] ?? "";
    else if (key === AUTHORITY) entry.authority = reader.string();
    else if (key === PATH) entry.path = reader.string();
    else if (key === REQUEST_ID) entry.requestId = reader.string();
    else if (key === REQUEST_HEADERS_BYTES) entry.requestHeadersBytes = reader.varint();
    else if (key === REQUEST_BODY_BYTES) entry.requestBodyBytes = reader.varint();
    else if (key === REQUEST_HEADERS) readHeader(reader, headers);
    else reader.skip(key);
  });
}

const ENTRY_KEY = bytesKey(1);
const ENTRY_VALUE = bytesKey(2);

function readHeader(reader: ProtobufReader, headers: Map<string, string>): void {
  let [name, value] = ["", ""];
  reader.eachNestedField((key) => {
    if (key === ENTRY_KEY) name = reader.string();
    else if (key === ENTRY_VALUE) value = reader.string();
    else reader.skip(key);
  });
  headers.set(name, value);
}

const RESPONSE_CODE = bytesKey(1);
const RESPONSE_HEADERS_BYTES = varintKey(2);
const RESPONSE_BODY_BYTES = varintKey(3);
const RESPONSE_CODE_DETAILS = bytesKey(6);
const WRAPPED_NUMBER = varintKey(1);

function readResponse(reader: ProtobufReader, entry: AccessLogEntry): void {
  reader.eachNestedField((key) => {
    if (key === RESPONSE_CODE) {
      reader.eachNestedField((inner) => {
        if (inner === WRAPPED_NUMBER) entry.status = reader.varint();
        else reader.skip(inner);
      });
    } else if (key === RESPONSE_HEADERS_BYTES) entry.responseHeadersBytes = reader.varint();
    else if (key === RESPONSE_BODY_BYTES) entry.responseBodyBytes = reader.varint();
    else if (key === RESPONSE_CODE_DETAILS) entry.details = reader.string();
    else reader.skip(key);
  });
}
