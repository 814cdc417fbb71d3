/**
 * The story of one request, the same in both hosts: accept → admit → attempt → respond → settle, one file per phase. The
 * host owns sockets and timers and calls the phases in order; the exchange owns every decision and the record of what
 * happened. All phases are synchronous; between admission and an attempt stands what may have to be waited for
 * (prepare-attempt.ts).
 */
import type { CallerCredentials } from "../backend-auth/authenticator.ts";
import type { CredentialStore } from "../backend-auth/credential-store.ts";
import type { CallerAuthenticator } from "../caller-auth/authenticate.ts";
import type { Identification } from "../caller-auth/identity.ts";
import type { Caller } from "../config/callers.ts";
import type { Limit } from "../config/limits.ts";
import type { Endpoint, ParsedRequest } from "../endpoints/endpoint.ts";
import type { Dialect } from "../errors/gateway-error.ts";
import type { Reservation } from "../ratelimit/admission.ts";
import type { LimitAlerts } from "../ratelimit/alerts.ts";
import type { Limiter } from "../ratelimit/limiter.ts";
import type { LimitedRequest } from "../ratelimit/match.ts";
import type { RouteMatch } from "../routing/route-table.ts";
import type { Logger } from "../telemetry/logger.ts";
import type { RequestRecord, RequestSink } from "../telemetry/request-record.ts";
import { estimateInput } from "../usage/estimate.ts";
import { emptyUsage } from "../usage/token-usage.ts";
import type { HeaderMap } from "../wire/headers.ts";
import type { Attempt } from "./attempt.ts";
import type { Estimates } from "./estimates.ts";
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
  readonly credentials: Pick<CredentialStore, "of">;
  readonly callers: Pick<CallerAuthenticator, "identify">;
  readonly limiter: Pick<Limiter, "admit">;
  readonly alerts: Pick<LimitAlerts, "look">;
  /** Whether Envoy's own filter counts those limits that it can count. */
  readonly limitsInEnvoy: boolean;
}

/** One request from its head to its log line. Fields are filled in by the phases, in their order. */
export class Exchange implements CallerCredentials {
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
  readonly peer: Peer;
  /** Who makes the request, as far as the gateway has found out. */
  caller: Caller;
  /** What its credentials prove; undefined where nobody asks, and before that is known. */
  identified: Identification | undefined;
  /** Dynamic metadata of the request, where the host has some. */
  metadata: CallerCredentials["metadata"];
  /** Undefined for a path nobody serves. */
  endpoint: Endpoint | undefined;
  /** The body as it came (admit). */
  body: Uint8Array | undefined;
  parsed: ParsedRequest | undefined;
  match: RouteMatch | undefined;
  /** The attempt under way or the last one. */
  attempt: Attempt | undefined;
  /** What is reserved at limits, by when they were looked at. */
  heldByRequest: Reservation | undefined;
  heldByAttempt: Reservation | undefined;
  /** Those made last of what its answer may cost. */
  estimates: Estimates | undefined;
  charged = false;
  settled = false;
  #limited: LimitedRequest | undefined;
  #inputEstimate: number | undefined;

  constructor(context: ExchangeContext, plan: Plan, head: RequestHead) {
    this.context = context;
    this.plan = plan;
    this.headers = head.headers;
    this.listener = head.listener;
    this.host = head.host;
    this.target = head.target;
    this.peer = head.peer;
    this.caller = NOBODY;
    this.identified = undefined;
    this.metadata = undefined;
    this.endpoint = undefined;
    this.body = undefined;
    this.parsed = undefined;
    this.match = undefined;
    this.attempt = undefined;
    this.heldByRequest = undefined;
    this.heldByAttempt = undefined;
    this.estimates = undefined;
    this.record = newRecord(context, head);
  }

  /** What limits look at. */
  get limited(): LimitedRequest {
    this.#limited ??= new LimitedExchange(this);
    return this.#limited;
  }

  /** What its body is estimated to have of tokens, which the bytes of media tell nothing of. */
  get inputEstimate(): number {
    const { body, endpoint } = this;
    if (body === undefined || endpoint?.holdsMedia) return 0;
    this.#inputEstimate ??= estimateInput(body);
    return this.#inputEstimate;
  }

  /** Dialect that errors are told in; OpenAI's where the endpoint is not known. */
  get dialect(): Dialect {
    return this.endpoint?.dialect ?? "openai";
  }
}

/** A request as limits see it; its address is asked for only where one is looked at. */
class LimitedExchange implements LimitedRequest {
  readonly headers: HeaderMap;
  readonly method: string;
  readonly target: string;
  readonly model: string;
  readonly route: string;
  readonly caller: ReadonlyMap<string, string>;
  readonly #peer: Peer;

  constructor({ record, headers, target, peer, caller }: Exchange) {
    this.headers = headers;
    this.method = record.method;
    this.target = target;
    this.model = record.originalModel;
    this.route = record.route;
    this.caller = caller.attributes;
    this.#peer = peer;
  }

  get address(): string | undefined {
    return this.#peer.address;
  }
}

/** A caller that nothing is known of. */
export const NOBODY: Caller = { attributes: new Map(), models: [] };

/** The other end of the connection that a request came on. */
export interface Peer {
  /** IP address; undefined where there is none, as on a Unix socket. May cost a system call. */
  readonly address: string | undefined;
}

/** The head of a request as a host read it. */
export interface RequestHead {
  readonly peer: Peer;
  /** Name of the listener it came in on. */
  readonly listener: string;
  readonly method: string;
  /** Path with query. */
  readonly target: string;
  readonly host: string;
  readonly headers: HeaderMap;
}

const NO_BACKENDS: readonly string[] = [];
const NO_LIMITS: readonly Limit[] = [];

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
    refusedBy: undefined,
    limitStates: "",
    shadowRefusals: NO_LIMITS,
    callerKey: "",
    callerOwner: "",
    callerTeam: "",
    callerUser: "",
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
