/**
 * The Envoy host: an external processor. Envoy owns sockets, TLS, retries and load balancing, and asks us over gRPC what to do
 * with each request (https://www.envoyproxy.io/docs/envoy/latest/configuration/http/http_filters/ext_proc_filter). It drives
 * the same exchange as the embedded host.
 *
 * Envoy asks in two roles, told apart by a header of the gRPC call. As *router*, once per request: accept, admit, and the
 * answer's way back. As *upstream*, once per attempt, where a rule has several backends: Envoy has chosen one, and the
 * request is translated, mutated and signed for it.
 */
import { ActiveCalls } from "../exchange/active-calls.ts";
import { LISTENER_HEADER, ROLE_HEADER } from "../exchange/envoy-names.ts";
import type { ExchangeContext } from "../exchange/exchange.ts";
import type { Plan } from "../exchange/plan.ts";
import type { GrpcHandler, GrpcMethods, GrpcStream } from "../grpc/grpc.ts";
import { AccessLogStream, recordRefused, STREAM_ACCESS_LOGS } from "./access-log-service.ts";
import type { AccessLogEntry } from "./codec/access-log-entry.ts";
import { ExchangeIds } from "./exchange-id.ts";
import { ALONE, type PeerAddresses, Peers } from "./peers.ts";
import type { RequestUnderWay } from "./request-under-way.ts";
import { RouterStream } from "./router-stream.ts";
import { UpstreamStream } from "./upstream-stream.ts";

const PROCESS = "/envoy.service.ext_proc.v3.ExternalProcessor/Process";
/** How often the end of the last requests is looked for while draining. */
const DRAIN_POLL_MS = 20;
const NONCE_CHARS = 8;

/** Serves one plan at a time; a new plan takes over for requests that begin after it. */
export class ExtProcHost {
  readonly context: ExchangeContext;
  /** The services to register with a gRPC server. */
  readonly methods: GrpcMethods;
  /** Requests under way by the id we gave them. */
  readonly requests = new Map<string, RequestUnderWay>();
  readonly ids: ExchangeIds;
  readonly peers: Peers;
  readonly #underWay: ActiveCalls<RequestUnderWay>;
  #plan: Plan;

  constructor(context: ExchangeContext, plan: Plan, addresses: PeerAddresses = ALONE) {
    this.context = context;
    this.peers = new Peers(addresses);
    this.ids = new ExchangeIds(addresses.self, context.newId().slice(0, NONCE_CHARS));
    this.#plan = plan;
    this.#underWay = new ActiveCalls(context.nowMs);
    this.methods = new Map([
      [PROCESS, (stream: GrpcStream) => this.#process(stream)],
      [STREAM_ACCESS_LOGS, (stream: GrpcStream) => new AccessLogStream(this, stream)],
    ]);
  }

  /** The configuration for requests that begin now. */
  get plan(): Plan {
    return this.#plan;
  }

  /** Requests under way. */
  get inFlight(): number {
    return this.#underWay.size;
  }

  /** Serves a new configuration from now on; requests under way finish on the one they began with. */
  reload(plan: Plan): void {
    this.#plan = plan;
  }

  begin(request: RequestUnderWay): void {
    this.#underWay.add(request);
    this.requests.set(request.id, request);
  }

  end(request: RequestUnderWay): void {
    this.#underWay.remove(request);
    this.requests.delete(request.id);
  }

  /** Told by Envoy's access log how a request ended that we have not settled. */
  ended(id: string, entry: AccessLogEntry): void {
    const request = this.requests.get(id);
    if (request !== undefined) request.onLogged(entry);
    // What is ours and not under way is settled; what a process had in hand that is gone has no record but this.
    else if (!this.ids.isOurs(id)) recordRefused(this, entry);
  }

  /**
   * The same for one whose id Envoy has not got: most never came to us, some broke off before we could answer.
   *
   * @returns Whether it had certainly been under way here.
   */
  endedUnnamed(entry: AccessLogEntry): boolean {
    const request = this.#unnamed(entry);
    if (request === undefined) recordRefused(this, entry);
    const wasOurs = request?.isClosed ?? false;
    request?.onSupposed({ entry, isRecorded: false });
    return wasOurs;
  }

  /** Told by another process that it has written the record of a request without an id, or will. */
  recordedElsewhere(entry: AccessLogEntry): void {
    this.#unnamed(entry)?.onSupposed({ entry, isRecorded: true });
  }

  /** Lets requests under way finish for a while. */
  async stop(drainMs: number): Promise<void> {
    const deadline = this.context.nowMs() + drainMs;
    while (this.#underWay.size > 0 && this.context.nowMs() < deadline) {
      await new Promise((resolve) => setTimeout(resolve, DRAIN_POLL_MS));
    }
    this.peers.close();
  }

  /** The request that an entry without an id is about: rather one whose call is closed than one whose end is not yet here. */
  #unnamed(entry: AccessLogEntry): RequestUnderWay | undefined {
    const closed = this.#underWay.find((one) => one.isClosed && one.canBe(entry));
    return closed ?? this.#underWay.find((one) => one.canBe(entry));
  }

  #process(stream: GrpcStream): GrpcHandler {
    if (stream.headers.get(ROLE_HEADER) === "upstream") return new UpstreamStream(this, stream);
    return new RouterStream(this, stream, stream.headers.get(LISTENER_HEADER) ?? "");
  }
}
