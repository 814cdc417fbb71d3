/**
 * The wide event: one record per request, filled in as the exchange goes and handed to metrics, access log (and later
 * ledger and span) once, when the request settles, whatever its end was.
 */
import type { Limit } from "../config/limits.ts";
import type { CostProgram } from "../usage/cost.ts";
import type { TokenUsage } from "../usage/token-usage.ts";

/** How a request ended. `cancelled`: the caller left before its answer was whole. */
export type Outcome = "ok" | "error" | "cancelled";

/** Everything that is known of one request when it settles. Times are monotonic milliseconds from `performance.now()`. */
export interface RequestRecord {
  requestId: string;
  /** Wall clock at the start, Unix milliseconds. */
  startedAt: number;
  startMs: number;
  /** When the final attempt was handed to its upstream; 0 = never. */
  attemptMs: number;
  /** When the first byte of the answer's body came from the upstream; 0 = never. */
  firstByteMs: number;
  endMs: number;

  method: string;
  /** Path without query. */
  path: string;
  /** Endpoint name, "" for a path nobody serves. */
  endpoint: string;
  /** `gen_ai.operation.name`, "" as above. */
  operation: string;
  route: string;
  rule: string;
  /** BackendRef id, "" when none was picked. */
  backend: string;
  /** `namespace/name` of the AIServiceBackend. */
  backendName: string;
  /** `gen_ai.provider.name`. */
  provider: string;
  originalModel: string;
  requestModel: string;
  /** "" when the answer named none. */
  responseModel: string;
  stream: boolean;
  attempts: number;
  /** `namespace/name` of the backends whose attempts failed and were followed by another, in order. */
  failedBackends: readonly string[];
  /** Fields of the request that the final attempt's backend could not be told, as paths into the body, comma-separated; "" = none. */
  droppedFields: string;
  /** The limit that refused the request. */
  refusedBy: Limit | undefined;
  /** How the limits of a refused request stood, for the log; "" = it was not refused. */
  limitStates: string;
  /** Limits in shadow mode that would have refused it. */
  shadowRefusals: readonly Limit[];
  /** Who made the request, as the gateway has checked; "" = not known. */
  callerKey: string;
  callerOwner: string;
  callerTeam: string;
  callerUser: string;

  /** HTTP status the caller got (499 when it left before one was sent). */
  status: number;
  /** HTTP status of the last upstream answer, 0 = none. */
  upstreamStatus: number;
  outcome: Outcome;
  /** ErrorCode of the gateway, or `upstream_error` for a non-2xx or in-band error of the provider; "" = none. */
  errorType: string;
  /** Message for the log, without secrets and without bodies. */
  errorMessage: string;

  usage: TokenUsage;
  /** What prices this request; undefined = nothing to price. */
  costProgram: CostProgram | undefined;
  /** Cost by metadata key, in rule order; empty = not priced. Alternating key and value. */
  costs: readonly (string | number)[];
  requestBytes: number;
  responseBytes: number;
  /** SSE events relayed, 0 for a unary answer. */
  events: number;
}

/** Where settled requests go. Must be synchronous and must not throw. */
export interface RequestSink {
  settle(record: RequestRecord): void;
}
