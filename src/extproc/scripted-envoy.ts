/**
 * For tests: an Envoy that asks exactly what it is told to. Its messages are written and the answers read by the generated
 * code, so that our own codec is checked with every one of them.
 */
import assert from "node:assert/strict";
import { mock } from "node:test";
import { create, type JsonObject, type MessageInitShape, toBinary } from "@bufbuild/protobuf";
import type { Authenticator } from "../backend-auth/authenticator.ts";
import { CredentialStore } from "../backend-auth/credential-store.ts";
import { CallerAuthenticator } from "../caller-auth/authenticate.ts";
import type { BackendAuth } from "../config/backend-auth.ts";
import { compileValid } from "../config/test-configuration.ts";
import { invariant } from "../errors/invariant.ts";
import { TICK_MS } from "../exchange/active-calls.ts";
import {
  ATTEMPTS_ATTRIBUTE,
  BACKEND_ATTRIBUTE,
  DETAILS_ATTRIBUTE,
  DYNAMIC_METADATA,
  LISTENER_HEADER,
  ROLE_HEADER,
} from "../exchange/envoy-names.ts";
import { type Plan, preparePlan } from "../exchange/plan.ts";
import { RequestMethod } from "../gen/envoy/config/core/v3/base_pb.ts";
import type { ResponseFlagsSchema } from "../gen/envoy/data/accesslog/v3/accesslog_pb.ts";
import { StreamAccessLogsMessageSchema } from "../gen/envoy/service/accesslog/v3/als_pb.ts";
import { ProcessingRequestSchema } from "../gen/envoy/service/ext_proc/v3/external_processor_pb.ts";
import { GRPC_STATUS, type GrpcHandler, type GrpcMethods, type GrpcStream } from "../grpc/grpc.ts";
import { LimitAlerts } from "../ratelimit/alerts.ts";
import { Limiter } from "../ratelimit/limiter.ts";
import { MemoryStore } from "../ratelimit/memory-store.ts";
import { createLogger } from "../telemetry/logger.ts";
import type { RequestRecord } from "../telemetry/request-record.ts";
import { STREAM_ACCESS_LOGS } from "./access-log-service.ts";
import { ExtProcHost } from "./host.ts";
import type { PeerAddresses } from "./peers.ts";
import { FILTER_ATTRIBUTES } from "./request-edits.ts";
import { type Told, toldBy } from "./scripted-told.ts";

export const PROCESS = "/envoy.service.ext_proc.v3.ExternalProcessor/Process";

/** Headers by name; a list has several values. */
export type Heads = Readonly<Record<string, string | readonly string[]>>;

/** Dynamic metadata by namespace. */
export type Forwarded = Readonly<Record<string, JsonObject>>;

/** What Envoy tells with the head of an answer. */
export interface Answered {
  readonly end?: boolean;
  readonly details?: string;
  /** How often the request was sent; undefined = untold. */
  readonly attempts?: number;
}

/** One call of Envoy's. */
export class ScriptedCall implements GrpcStream {
  readonly headers: ReadonlyMap<string, string>;
  readonly told: Told[] = [];
  /** gRPC status that the call was ended with. */
  status: number | undefined;
  readonly #handler: GrpcHandler;
  readonly #waiting: ((told: Told) => void)[] = [];
  #isOver = false;

  constructor(methods: GrpcMethods, path: string, headers: Readonly<Record<string, string>>) {
    this.headers = new Map(
      Object.entries({ ":path": path, ":method": "POST", "content-type": "application/grpc", ...headers }),
    );
    const method = methods.get(path);
    invariant(method, "the method exists");
    this.#handler = method(this);
  }

  send(message: Uint8Array): void {
    if (this.#isOver) return;
    const told = toldBy(message);
    this.told.push(told);
    for (const resolve of this.#waiting.splice(0)) resolve(told);
  }

  /** What is told next, where that takes its time. */
  next(): Promise<Told> {
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  end(status: number): void {
    this.status ??= status;
    this.close();
  }

  /** Envoy is done with the call, or gives it up. */
  close(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#handler.onClose();
  }

  /** Envoy sends its last message. */
  halfClose(): void {
    this.#handler.onEnd();
  }

  /** Sends a message; what is told at once for it. What the handler throws ends the call, as our server has it. */
  say(message: Uint8Array): Told[] {
    const before = this.told.length;
    if (this.#isOver) return [];
    try {
      this.#handler.onMessage(message);
    } catch (error) {
      if (error instanceof assert.AssertionError) throw error;
      this.end(GRPC_STATUS.internal);
    }
    return this.told.slice(before);
  }

  requestHead(headers: Heads, { end = false } = {}): Told[] {
    return this.say(message({ request: { case: "requestHeaders", value: head(headers, end) } }));
  }

  /** An attempt at a backend, of the request that has this id. */
  attemptHead(headers: Heads, id: string | undefined, backend: string, forwarded: Forwarded = {}): Told[] {
    const own: Forwarded = id === undefined ? {} : { [DYNAMIC_METADATA]: { exchange_id: id } };
    return this.say(
      message({
        request: { case: "requestHeaders", value: head(headers, false) },
        attributes: { [FILTER_ATTRIBUTES]: { [BACKEND_ATTRIBUTE]: backend } },
        metadataContext: { filterMetadata: { ...own, ...forwarded } },
      }),
    );
  }

  requestBody(body: string | Uint8Array, forwarded: Forwarded = {}): Told[] {
    return this.say(
      message({
        request: { case: "requestBody", value: { body: Buffer.from(body), endOfStream: true } },
        metadataContext: { filterMetadata: { ...forwarded } },
      }),
    );
  }

  responseHead(status: number, headers: Heads, answered: Answered = {}): Told[] {
    const { end = false, details = "via_upstream", attempts } = answered;
    return this.say(
      message({
        request: { case: "responseHeaders", value: head({ ":status": String(status), ...headers }, end) },
        attributes: {
          [FILTER_ATTRIBUTES]: {
            [DETAILS_ATTRIBUTE]: details,
            ...(attempts !== undefined && { [ATTEMPTS_ATTRIBUTE]: attempts }),
          },
        },
      }),
    );
  }

  responseBody(body: string | Uint8Array, { end = false } = {}): Told[] {
    return this.say(
      message({ request: { case: "responseBody", value: { body: Buffer.from(body), endOfStream: end } } }),
    );
  }

  trailers(phase: "requestTrailers" | "responseTrailers"): Told[] {
    return this.say(message({ request: { case: phase, value: { trailers: head({ a: "b" }, false).headers } } }));
  }

  /** The id that the request was given. */
  get id(): string {
    const told = this.told.find(({ metadata }) => metadata?.["exchange_id"] !== undefined);
    return String(told?.metadata?.["exchange_id"] ?? "");
  }
}

/** Envoy, the world around our processor, and the processor. */
export class ScriptedEnvoy {
  /** Monotonic milliseconds. */
  now = 1000;
  /** Every record, in the order of the settlements. */
  readonly records: RequestRecord[] = [];
  /** Lines of the log. */
  readonly lines: string[] = [];
  readonly host: ExtProcHost;
  /** Signs instead of what the configuration says. */
  authenticator: Authenticator | undefined;
  /** Where keys of token issuers come from. */
  fetchKeySet: (uri: string) => Promise<string> = () => Promise.reject(new Error("no issuer"));
  readonly #listener: string;
  readonly #waiting: ((record: RequestRecord) => void)[] = [];
  #ids = 0;

  constructor(plan: Plan, addresses?: PeerAddresses, limitsInEnvoy = false) {
    // Time limits are looked at when a test says so.
    mock.timers.reset();
    mock.timers.enable({ apis: ["setInterval"] });
    const log = createLogger({
      level: "info",
      format: "json",
      write: (line) => this.lines.push(line),
      now: () => 0,
    });
    const wallMs = () => 1_700_000_000_000 + this.now;
    const store = new CredentialStore({ nowMs: () => 0, random: () => 0.5, env: {}, log });
    const limiter = new Limiter({
      ...{ store: new MemoryStore({ nowMs: wallMs }), process: "test", nowMs: wallMs, log },
      ...{ withoutStore: "fail-open", replicas: 1 },
    });
    const context = {
      sink: {
        settle: (record: RequestRecord) => {
          this.records.push(record);
          for (const resolve of this.#waiting.splice(0)) resolve(record);
        },
      },
      log,
      nowMs: () => this.now,
      wallMs,
      random: () => 0.5,
      newId: () => {
        this.#ids += 1;
        return `id-${this.#ids}`;
      },
      credentials: { of: (auth: BackendAuth) => this.authenticator ?? store.of(auth) },
      callers: new CallerAuthenticator({ wallMs, fetchKeySet: (uri) => this.fetchKeySet(uri), log }),
      ...{ limiter, alerts: new LimitAlerts({ limiter, nowMs: wallMs, log }), limitsInEnvoy },
    };
    this.host = new ExtProcHost(context, plan, addresses);
    this.#listener = plan.config.listeners[0]?.name ?? "";
  }

  /** A call of the filter that decides about requests. */
  router(listener = this.#listener): ScriptedCall {
    return new ScriptedCall(this.host.methods, PROCESS, { [ROLE_HEADER]: "router", [LISTENER_HEADER]: listener });
  }

  /** A call of the filter of a backend's cluster. */
  upstream(): ScriptedCall {
    return new ScriptedCall(this.host.methods, PROCESS, { [ROLE_HEADER]: "upstream" });
  }

  /** A call of Envoy's access log. */
  accessLog(headers: Readonly<Record<string, string>> = {}): ScriptedCall {
    return new ScriptedCall(this.host.methods, STREAM_ACCESS_LOGS, headers);
  }

  /** A request up to its body's end, and what was told for its body. */
  admitted(headers: Heads, body: object): { readonly call: ScriptedCall; readonly told: Told | undefined } {
    const call = this.router();
    call.requestHead(headers);
    return { call, told: call.requestBody(JSON.stringify(body))[0] };
  }

  /** Lets time pass, and the processor notice. */
  pass(ms: number): void {
    this.now += ms;
    mock.timers.tick(TICK_MS);
  }

  /** The next record, where another process has to tell of it first. */
  nextRecord(): Promise<RequestRecord> {
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  /** The only record there is. */
  get record(): RequestRecord {
    assert.equal(this.records.length, 1, "one record");
    const [record] = this.records;
    invariant(record, "there is one");
    return record;
  }
}

/** Compiles a configuration for the Envoy host, whose listeners take bodies of so many bytes. */
export async function planOf(text: string, bodyBytesMax = 1 << 20): Promise<Plan> {
  const { config } = compileValid(text, { host: "envoy" });
  const listeners = config.listeners.map((listener) => ({ ...listener, bodyBytesMax }));
  const prepared = await preparePlan({ ...config, listeners });
  invariant("plan" in prepared, "the costs are right");
  return prepared.plan;
}

/** The key of a rule of the first route. */
export function ruleKey({ config }: Plan, index: number): string {
  return config.routes[0]?.rules[index]?.key ?? "";
}

/** What Envoy's access log says of a chat request. */
export interface Logged {
  /** Undefined where we have not told Envoy. */
  readonly id?: string;
  readonly method?: RequestMethod;
  readonly path?: string;
  readonly requestId?: string;
  /** 0: the caller got none. */
  readonly status?: number;
  readonly details?: string;
  readonly flags?: MessageInitShape<typeof ResponseFlagsSchema>;
  readonly responseBytes?: number;
  /** How often the request was sent. */
  readonly attempts?: number;
}

/** A message of Envoy's access log. */
export function logMessage(...entries: Logged[]): Uint8Array {
  const logEntry = entries.map(({ id, flags = {}, status = 0, details = "", ...entry }) => ({
    commonProperties: {
      responseFlags: flags,
      upstreamRequestAttemptCount: entry.attempts ?? 0,
      metadata: { filterMetadata: id === undefined ? {} : { [DYNAMIC_METADATA]: { exchange_id: id } } },
    },
    request: {
      requestMethod: entry.method ?? RequestMethod.POST,
      authority: "gateway.test",
      path: entry.path ?? "/v1/chat/completions?x=1",
      requestId: entry.requestId ?? "r-1",
    },
    response: {
      ...(status > 0 && { responseCode: status }),
      responseCodeDetails: details,
      responseBodyBytes: BigInt(entry.responseBytes ?? 0),
    },
  }));
  const init = { logEntries: { case: "httpLogs", value: { logEntry } } } as const;
  return toBinary(StreamAccessLogsMessageSchema, create(StreamAccessLogsMessageSchema, init));
}

/** The headers that Envoy has once it has done what it was told. */
export function edited(headers: Heads, { set = {}, remove = [] }: Told): Heads {
  const kept = Object.entries(headers).filter(([name]) => !remove.includes(name));
  return { ...Object.fromEntries(kept), ...set };
}

function message(init: MessageInitShape<typeof ProcessingRequestSchema>): Uint8Array {
  return toBinary(ProcessingRequestSchema, create(ProcessingRequestSchema, init));
}

function head(headers: Heads, endOfStream: boolean) {
  const list = Object.entries(headers).flatMap(([key, values]) =>
    [values].flat().map((value) => ({ key, rawValue: Buffer.from(value, "latin1") })),
  );
  return { headers: { headers: list }, endOfStream };
}
