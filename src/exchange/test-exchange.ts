/** For tests: requests that go through the phases with a clock, a limiter and answers of a test's choice. */
import assert from "node:assert/strict";
import { compileText } from "../config/test-configuration.ts";
import { formatFault } from "../errors/config-error.ts";
import { invariant } from "../errors/invariant.ts";
import { LimitAlerts } from "../ratelimit/alerts.ts";
import { Limiter } from "../ratelimit/limiter.ts";
import { MemoryStore } from "../ratelimit/memory-store.ts";
import { createLogger } from "../telemetry/logger.ts";
import type { RequestRecord } from "../telemetry/request-record.ts";
import { HeaderMap } from "../wire/headers.ts";
import { accept } from "./accept.ts";
import { admit } from "./admit.ts";
import { beginAttempt } from "./attempt.ts";
import { Exchange, type ExchangeContext } from "./exchange.ts";
import { type Plan, preparePlan } from "./plan.ts";
import { prepareAttempt } from "./prepare-attempt.ts";
import { type AnswerSink, Responder } from "./respond.ts";
import { settle } from "./settle.ts";

/** A request as a test says it. */
export interface TestRequest {
  readonly path?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body: object;
}

/** What the caller got. */
export interface Got {
  readonly status: number;
  readonly headers: HeaderMap;
  readonly body: string;
}

/** A gateway without sockets. */
export class TestGateway {
  /** Unix milliseconds: the beginning of an hour and a day. */
  now = Date.UTC(2026, 0, 5);
  readonly records: RequestRecord[] = [];
  readonly lines: string[] = [];
  readonly context: ExchangeContext;
  readonly plan: Plan;
  readonly limiter: Limiter;
  readonly #due: (() => void)[] = [];

  constructor(plan: Plan, changes: Partial<ExchangeContext> = {}) {
    const nowMs = () => this.now;
    const log = createLogger({ level: "info", format: "json", write: (line) => this.lines.push(line), now: () => 0 });
    this.limiter = new Limiter({
      ...{ store: new MemoryStore({ nowMs }), process: "test", nowMs, log },
      ...{ withoutStore: "fail-open", replicas: 1 },
      timers: { start: (run) => this.#due.push(run), stop: () => undefined },
    });
    this.plan = plan;
    this.context = {
      ...{ log, nowMs, wallMs: nowMs, random: () => 0, newId: () => "id", limiter: this.limiter },
      sink: { settle: (record) => this.records.push(record) },
      credentials: { of: () => ({ pending: () => undefined, sign: () => undefined, health: () => undefined }) },
      callers: { identify: () => ({ identities: [], doubt: "missing", shown: [] }) },
      alerts: new LimitAlerts({ limiter: this.limiter, nowMs, log }),
      limitsInEnvoy: false,
      ...changes,
    };
  }

  /** Lets time pass, after the limiter has told its store what was spent. */
  pass(ms: number): void {
    for (const run of this.#due.splice(0)) run();
    this.now += ms;
  }

  /** A request up to its attempt, or to what refuses it. */
  async begin(request: TestRequest): Promise<TestCall> {
    const call = new TestCall(this, request);
    await call.begin();
    return call;
  }

  /** A request with the whole answer of its provider. */
  async ask(request: TestRequest, answer: object, status = 200): Promise<Got> {
    const call = await this.begin(request);
    if (call.got === undefined) call.answer(answer, status);
    call.end();
    invariant(call.got, "there is an answer");
    return call.got;
  }
}

/** A request under way. */
export class TestCall implements AnswerSink {
  readonly exchange: Exchange;
  readonly responder: Responder;
  /** What the caller has been sent; undefined before its head. */
  got: Got | undefined;
  readonly #body: Buffer;

  constructor({ context, plan }: TestGateway, { path = "/v1/chat/completions", headers = {}, body }: TestRequest) {
    this.exchange = new Exchange(context, plan, {
      ...{ method: "POST", target: path, host: "gateway.test", peer: { address: "192.0.2.1" } },
      listener: plan.config.listeners[0]?.name ?? "",
      headers: new HeaderMap(Object.entries(headers).flat()),
    });
    this.responder = new Responder(this.exchange, this);
    this.#body = Buffer.from(JSON.stringify(body));
  }

  /** The backend it goes to. */
  get backend(): string {
    return this.exchange.record.backendName;
  }

  async begin(): Promise<void> {
    try {
      accept(this.exchange);
      admit(this.exchange, this.#body);
      const ref = await prepareAttempt(this.exchange);
      if (!this.responder.done) beginAttempt(this.exchange, ref);
    } catch (error) {
      this.responder.fail(error);
    }
  }

  /** The provider's whole answer. */
  answer(body: object, status = 200): void {
    this.responder.onHead(status, new HeaderMap(["content-type", "application/json"]));
    this.responder.onData(Buffer.from(JSON.stringify(body)));
    this.responder.onEnd();
  }

  /** Events of a stream. */
  stream(...events: readonly object[]): void {
    if (this.got === undefined) this.responder.onHead(200, new HeaderMap(["content-type", "text/event-stream"]));
    for (const event of events) this.responder.onData(Buffer.from(`data: ${JSON.stringify(event)}\n\n`));
  }

  /** The caller's side closes. */
  end(delivered = true): void {
    this.responder.abandon();
    settle(this.exchange, delivered);
  }

  reply(status: number, headers: string[], body: Uint8Array): void {
    this.got = { status, headers: new HeaderMap(headers), body: Buffer.from(body).toString() };
  }

  streamHead(status: number, headers: string[]): void {
    this.reply(status, headers, Buffer.alloc(0));
  }

  streamData(): void {
    // Nobody looks at it.
  }

  streamEnd(): void {
    // As above.
  }

  streamCut(): void {
    // As above.
  }
}

/** Resources of an AIServiceBackend, each with the separator before it. */
export function backendYaml(name: string, schema = "OpenAI"): string {
  return `---
apiVersion: aigateway.envoyproxy.io/v1beta1
kind: AIServiceBackend
metadata: { name: ${name} }
spec: { schema: { name: ${schema} }, backendRef: { group: gateway.envoyproxy.io, kind: Backend, name: up } }
`;
}

/** The Backend that {@link backendYaml} names. */
export const UPSTREAM_YAML = `---
apiVersion: gateway.envoyproxy.io/v1alpha1
kind: Backend
metadata: { name: up }
spec: { endpoints: [{ ip: { address: 127.0.0.1, port: 80 } }] }
`;

/** Compiles and prepares a configuration. */
export async function planOf(text: string): Promise<Plan> {
  const { config, faults } = compileText(text);
  const prepared = await preparePlan(config);
  assert.deepEqual([...faults, ...("faults" in prepared ? prepared.faults.map(formatFault) : [])], []);
  invariant("plan" in prepared, "there are no faults");
  return prepared.plan;
}
