/**
 * Envoy's rate limit protocol (https://www.envoyproxy.io/docs/envoy/latest/api-v3/service/ratelimit/v3/rls.proto): answers whether a
 * request is within its limits, and takes note of what its answer has cost.
 */
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { DurationSchema } from "@bufbuild/protobuf/wkt";
import type { Limit } from "../config/limits.ts";
import { HeaderValueSchema } from "../gen/envoy/config/core/v3/base_pb.ts";
import type { RateLimitDescriptor } from "../gen/envoy/extensions/common/ratelimit/v3/ratelimit_pb.ts";
import {
  type RateLimitRequest,
  RateLimitRequestSchema,
  type RateLimitResponse,
  RateLimitResponse_Code,
  type RateLimitResponse_DescriptorStatus,
  RateLimitResponse_DescriptorStatusSchema,
  RateLimitResponse_RateLimit_Unit,
  RateLimitResponseSchema,
} from "../gen/envoy/service/ratelimit/v3/rls_pb.ts";
import { GRPC_STATUS, type GrpcHandler, type GrpcMethods, type GrpcStream } from "../grpc/grpc.ts";
import type { Decision, Demand, LimitState } from "./admission.ts";
import {
  AT_END,
  demandOf,
  ENTRY,
  hitsAtRequest,
  isCountedByEnvoy,
  RATE_LIMIT_DOMAIN,
  REFUSAL_HEADER,
  STATES_HEADER,
} from "./descriptor.ts";
import { refusalMessage, secondsUntil, shownStates, UNAVAILABLE_MESSAGE } from "./limit-text.ts";
import type { Limiter } from "./limiter.ts";

const SHOULD_RATE_LIMIT = "/envoy.service.ratelimit.v3.RateLimitService/ShouldRateLimit";

const { OK, OVER_LIMIT } = RateLimitResponse_Code;
const UINT32_MAX = 0xffff_ffff;
const DAY_MS = 86_400_000;

/** The protocol's words for lengths of time. */
const UNITS = new Map<number, RateLimitResponse_RateLimit_Unit>([
  [1000, RateLimitResponse_RateLimit_Unit.SECOND],
  [60_000, RateLimitResponse_RateLimit_Unit.MINUTE],
  [3_600_000, RateLimitResponse_RateLimit_Unit.HOUR],
  [DAY_MS, RateLimitResponse_RateLimit_Unit.DAY],
  [7 * DAY_MS, RateLimitResponse_RateLimit_Unit.WEEK],
  [30 * DAY_MS, RateLimitResponse_RateLimit_Unit.MONTH],
  [365 * DAY_MS, RateLimitResponse_RateLimit_Unit.YEAR],
]);

/** What the service has done so far. */
export interface EnvoyServiceStats {
  /** Calls about requests, and about answers that have ended. */
  readonly asked: number;
  readonly charged: number;
  /** Descriptors of no limit that is known: they limit nothing. */
  readonly unknown: number;
}

/** What a descriptor asks. */
interface Asked {
  /** Its place among the descriptors. */
  readonly index: number;
  readonly demand: Demand;
  readonly hits: number;
}

/** Answers by the limits of one configuration at a time. */
export class EnvoyService {
  /** The service to register with a gRPC server. */
  readonly methods: GrpcMethods;
  readonly #limiter: Pick<Limiter, "admit" | "charge">;
  readonly #nowMs: () => number;
  readonly #stats = { asked: 0, charged: 0, unknown: 0 };
  #limits: ReadonlyMap<string, Limit> = new Map();

  /** @param nowMs Unix milliseconds. */
  constructor(limiter: Pick<Limiter, "admit" | "charge">, nowMs: () => number) {
    this.#limiter = limiter;
    this.#nowMs = nowMs;
    this.methods = new Map([[SHOULD_RATE_LIMIT, (stream) => this.#handler(stream)]]);
  }

  get stats(): EnvoyServiceStats {
    return this.#stats;
  }

  /** Goes by those of these limits that are Envoy's from now on; counters of those that stay go on. */
  configure(limits: readonly Limit[]): void {
    this.#limits = new Map(limits.filter(isCountedByEnvoy).map((limit) => [limit.id, limit]));
  }

  #handler(stream: GrpcStream): GrpcHandler {
    return {
      onMessage: (message) => {
        const answer = this.#answer(fromBinary(RateLimitRequestSchema, message));
        if (answer instanceof Promise) void answer.then((response) => send(stream, response));
        else send(stream, answer);
      },
      onEnd: () => undefined,
      onClose: () => undefined,
    };
  }

  #answer(request: RateLimitRequest): RateLimitResponse | Promise<RateLimitResponse> {
    const asked = request.domain === RATE_LIMIT_DOMAIN ? this.#asked(request) : [];
    const places = request.descriptors.length;
    if (request.descriptors.some(isAtEnd)) {
      this.#stats.charged += 1;
      this.#limiter.charge(
        asked.map(({ demand }) => demand),
        asked.map(({ hits }) => hits),
      );
      return within(places);
    }
    this.#stats.asked += 1;
    if (asked.length === 0) return within(places);
    const decision = this.#limiter.admit(asked.map(withHits));
    if (decision instanceof Promise) return decision.then((decided) => this.#told(decided, asked, places));
    return this.#told(decision, asked, places);
  }

  #asked({ descriptors, hitsAddend }: RateLimitRequest): Asked[] {
    const asked: Asked[] = [];
    for (const [index, descriptor] of descriptors.entries()) {
      if (isAtEnd(descriptor)) continue;
      const demand = this.#demandOf(descriptor);
      if (demand === undefined) this.#stats.unknown += 1;
      // Not said is one hit, for the call as well.
      else asked.push({ index, demand, hits: Number(descriptor.hitsAddend ?? (hitsAddend || 1)) });
    }
    return asked;
  }

  #demandOf({ entries }: RateLimitDescriptor): Demand | undefined {
    const [which, client, more] = entries;
    const limit = which?.key === ENTRY.limit ? this.#limits.get(which.value) : undefined;
    if (limit === undefined || more !== undefined) return undefined;
    return client === undefined || client.key === ENTRY.client ? demandOf(limit, client?.value) : undefined;
  }

  #told(decision: Decision, asked: readonly Asked[], places: number): RateLimitResponse {
    if (decision.admitted) {
      const { reservation } = decision;
      // Nothing is held beside what the request costs: what its answer costs is charged when it has ended.
      reservation.release();
      const nowMs = this.#nowMs();
      return this.#response(places, reservation.tightest(nowMs)?.state(nowMs), asked);
    }
    const { refusal } = decision;
    if (refusal.why === "unavailable") {
      return refused(within(places), { [REFUSAL_HEADER]: `limits_unavailable - ${UNAVAILABLE_MESSAGE}` });
    }
    const { refusing, states } = refusal;
    const demand = asked.find((one) => one.demand.limit.id === refusing.limit.id)?.demand;
    const why = demand === undefined ? refusing.limit.name : refusalMessage(refusing, demand);
    return refused(this.#response(places, refusing, asked), {
      [REFUSAL_HEADER]: `rate_limited ${refusing.limit.id} ${why}`,
      [STATES_HEADER]: shownStates(states),
    });
  }

  /** Tells of one limit, the one that callers are told about by the gateway itself: Envoy would list all of them. */
  #response(places: number, state: LimitState | undefined, asked: readonly Asked[]): RateLimitResponse {
    const response = within(places);
    const place = asked.find(({ demand }) => demand.limit.id === state?.limit.id)?.index ?? -1;
    if (state !== undefined && place >= 0) response.statuses[place] = statusOf(state, this.#nowMs());
    return response;
  }
}

/** The demand of a call that may ask for other hits than the configuration says, as while a change is not yet everywhere. */
function withHits({ demand, hits }: Asked): Demand {
  const { limit } = demand;
  return hits === hitsAtRequest(limit) ? demand : { ...demand, limit: { ...limit, requestCost: hits } };
}

function isAtEnd({ entries: [entry] }: RateLimitDescriptor): boolean {
  return entry?.key === AT_END.key && entry.value === AT_END.value;
}

function within(places: number): RateLimitResponse {
  const statuses = Array.from({ length: places }, () => create(RateLimitResponse_DescriptorStatusSchema, { code: OK }));
  return create(RateLimitResponseSchema, { overallCode: OK, statuses });
}

function refused(response: RateLimitResponse, why: Readonly<Record<string, string>>): RateLimitResponse {
  response.overallCode = OVER_LIMIT;
  for (const status of response.statuses) if (status.currentLimit !== undefined) status.code = OVER_LIMIT;
  for (const [key, value] of Object.entries(why)) {
    response.responseHeadersToAdd.push(create(HeaderValueSchema, { key, value }));
  }
  return response;
}

function statusOf(
  { limit, amount, remaining, resetAtMs }: LimitState,
  nowMs: number,
): RateLimitResponse_DescriptorStatus {
  const { window } = limit;
  return create(RateLimitResponse_DescriptorStatusSchema, {
    code: OK,
    currentLimit: {
      requestsPerUnit: Math.min(amount, UINT32_MAX),
      unit: (window.type === "fixed" && UNITS.get(window.durationMs)) || RateLimitResponse_RateLimit_Unit.UNKNOWN,
    },
    limitRemaining: Math.min(remaining, UINT32_MAX),
    durationUntilReset: create(DurationSchema, { seconds: BigInt(secondsUntil(resetAtMs, nowMs)) }),
  });
}

function send(stream: GrpcStream, response: RateLimitResponse): void {
  stream.send(toBinary(RateLimitResponseSchema, response));
  stream.end(GRPC_STATUS.ok);
}
