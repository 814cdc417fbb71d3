/**
 * The story of one request, the same in both hosts: accept → admit → attempt → respond → settle, one file per phase. The
 * host owns sockets and timers and calls the phases in order; the exchange owns every decision and the record of what
 * happened. All phases are synchronous.
 */
import type { Endpoint, ParsedRequest } from "../endpoints/endpoint.ts";
import type { Dialect } from "../errors/gateway-error.ts";
import type { RouteMatch } from "../routing/route-table.ts";
import type { Logger } from "../telemetry/logger.ts";
import type { RequestRecord, RequestSink } from "../telemetry/request-record.ts";
import { emptyUsage } from "../usage/token-usage.ts";
import type { HeaderMap } from "../wire/headers.ts";
import type { Attempt } from "./attempt.ts";
import type { Plan } from "./plan.ts";

/** What an exchange needs of the world; injected, so that tests decide time, chance and ids. */
export interface ExchangeContext {
  readonly sink: RequestSink;
  readonly log: Logger;
  /** Monotonic milliseconds. */
  readonly nowMs: () => number;
  /** Unix milliseconds. */
  readonly wallMs: () => number;
  /** From 0 to below 1. */
  readonly random: () => number;
  readonly newId: () => string;
}

/** One request from its head to its log line. Fields are filled in by the phases, in their order. */
export class Exchange {
  readonly context: ExchangeContext;
  /** The configuration this request began with; a reload does not change it. */
  readonly plan: Plan;
  readonly record: RequestRecord;
  /** The caller's headers without reserved names (accept). */
  readonly headers: HeaderMap;
  /** Name of the listener it came in on. */
  readonly listener: string;
  /** Host the caller asked for, as sent. */
  readonly host: string;
  /** Path with query, as sent. */
  readonly target: string;
  /** Undefined for a path nobody serves. */
  endpoint: Endpoint | undefined;
  /** The body as it came (admit). */
  body: Uint8Array | undefined;
  parsed: ParsedRequest | undefined;
  match: RouteMatch | undefined;
  /** The attempt under way or the last one. */
  attempt: Attempt | undefined;
  settled = false;

  constructor(context: ExchangeContext, plan: Plan, head: RequestHead) {
    this.context = context;
    this.plan = plan;
    this.headers = head.headers;
    this.listener = head.listener;
    this.host = head.host;
    this.target = head.target;
    this.endpoint = undefined;
    this.body = undefined;
    this.parsed = undefined;
    this.match = undefined;
    this.attempt = undefined;
    this.record = newRecord(context, head);
  }

  /** Dialect that errors are told in; OpenAI's where the endpoint is not known. */
  get dialect(): Dialect {
    return this.endpoint?.dialect ?? "openai";
  }
}

/** The head of a request as a host read it. */
export interface RequestHead {
  /** Name of the listener it came in on. */
  readonly listener: string;
  readonly method: string;
  /** Path with query. */
  readonly target: string;
  readonly host: string;
  readonly headers: HeaderMap;
}

const NO_BACKENDS: readonly string[] = [];

/** Longest request id taken from a caller; what is longer or has other characters is replaced. */
const REQUEST_ID = /^[\w.:/+=@-]{1,128}$/;

function newRecord(context: ExchangeContext, head: RequestHead): RequestRecord {
  const given = head.headers.get("x-request-id");
  const query = head.target.indexOf("?");
  return {
    requestId: given !== undefined && REQUEST_ID.test(given) ? given : context.newId(),
    startedAt: context.wallMs(),
    startMs: context.nowMs(),
    attemptMs: 0,
    firstByteMs: 0,
    endMs: 0,
    method: head.method,
    path: query < 0 ? head.target : head.target.slice(0, query),
    endpoint: "",
    operation: "",
    route: "",
    rule: "",
    backend: "",
    backendName: "",
    provider: "",
    originalModel: "",
    requestModel: "",
    responseModel: "",
    stream: false,
    attempts: 0,
    failedBackends: NO_BACKENDS,
    droppedFields: "",
    status: 0,
    upstreamStatus: 0,
    outcome: "ok",
    errorType: "",
    errorMessage: "",
    usage: emptyUsage(),
    costProgram: undefined,
    costs: [],
    requestBytes: 0,
    responseBytes: 0,
    events: 0,
  };
}
