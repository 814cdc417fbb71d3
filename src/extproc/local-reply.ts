/** What went wrong when Envoy answered by itself, from its response code details
 * (https://www.envoyproxy.io/docs/envoy/latest/configuration/http/http_conn_man/response_code_details). */
import { GatewayError } from "../errors/gateway-error.ts";
import type { Exchange } from "../exchange/exchange.ts";
import { REFUSAL_HEADER, STATES_HEADER } from "../ratelimit/descriptor.ts";
import { RETRY_UNAVAILABLE_S } from "../ratelimit/limit-text.ts";
import type { HeaderMap } from "../wire/headers.ts";

/** Details of an answer that came from an upstream. */
const VIA_UPSTREAM = "via_upstream";

/** How the details begin where Envoy got no answer of ours, or not in time. */
const NO_PROCESSOR = "ext_proc_error";

/** See {@link REFUSAL_HEADER}. */
const REFUSAL = /^(\w+) (\S+) (.+)$/;

/** Headers of a rate limit's refusal that its caller needs. */
const LIMIT_HEADERS = /^(?:retry-after|x-ratelimit-[a-z-]+)$/;

/**
 * The error behind an answer of Envoy's own; undefined for an answer of an upstream.
 *
 * @param details Response code details; "" when Envoy did not tell.
 */
export function localReplyError(details: string, status: number, headers: HeaderMap): GatewayError | undefined {
  if (details === VIA_UPSTREAM || details === "") return undefined;
  const cause = `Envoy answered ${status}: ${details}`;
  if (details.startsWith(NO_PROCESSOR)) {
    return status === 504
      ? new GatewayError("upstream_timeout", "the gateway did not decide about this request in time", { cause })
      : new GatewayError("shutting_down", "the gateway could not complete this request", { cause });
  }
  if (status === 429) return limitError(cause, headers);
  if (details === "rate_limiter_error") {
    return new GatewayError("upstream_unavailable", "rate limits cannot be checked at the moment", { cause });
  }
  if (status === 413) return new GatewayError("body_too_large", "the request body is larger than this gateway takes");
  if (details.startsWith("request_payload_too_large")) {
    return new GatewayError("body_too_large", "the request body is larger than this gateway takes", { cause });
  }
  if (status === 400) return new GatewayError("invalid_request", "malformed request: not valid HTTP", { cause });
  if (status === 408) return new GatewayError("request_timeout", "the request did not arrive in time", { cause });
  if (details.startsWith("upstream_reset_after_response_started")) {
    return new GatewayError("upstream_reset_mid_stream", "the upstream's answer ended before it was complete", {
      cause,
    });
  }
  if (details.includes("timeout")) {
    return new GatewayError("upstream_timeout", "the provider did not answer in time", { cause });
  }
  if (details.startsWith("response_payload_too_large")) {
    return new GatewayError("upstream_invalid", "the provider's answer is larger than this gateway takes", { cause });
  }
  if (details.includes("protocol_error") || details.includes("codec")) {
    return new GatewayError("upstream_invalid", "the upstream's answer is not valid HTTP", { cause });
  }
  if (details.startsWith("upstream_reset") || details.includes("connection") || details.startsWith("no_healthy")) {
    const message =
      details.includes("connection_failure") || details.startsWith("no_healthy")
        ? "the upstream cannot be reached"
        : "the upstream closed the connection before it answered";
    return new GatewayError("upstream_unavailable", message, { cause });
  }
  return new GatewayError("internal", "Envoy could not serve the request", { expose: false, cause });
}

/** Of a service that does not say why. */
const UNEXPLAINED = { code: "rate_limited", message: "the rate limit is reached" } as const;

/** What a limit that Envoy asked about refuses a request with. */
function limitError(cause: string, headers: HeaderMap): GatewayError {
  const { code, message } = refusalOf(headers) ?? UNEXPLAINED;
  const told = code === "rate_limited" ? limitHeaders(headers) : { "retry-after": RETRY_UNAVAILABLE_S };
  return new GatewayError(code, message, { cause, headers: told });
}

/** Notes that a limit has refused a request before it was sent, and which one, where our own rate limit service has said it. */
export function noteRefusal({ plan, record }: Exchange, error: GatewayError, headers: HeaderMap): void {
  if (record.refusedBy !== undefined || (error.code !== "rate_limited" && error.code !== "limits_unavailable")) return;
  record.attempts = 0;
  record.attemptMs = 0;
  record.backend = "";
  record.backendName = "";
  const refusal = refusalOf(headers);
  record.refusedBy = plan.limits.ofRoute(record.route).find(({ limit }) => limit.id === refusal?.limit)?.limit;
  record.limitStates = headers.get(STATES_HEADER) ?? "";
}

function refusalOf(headers: HeaderMap) {
  const [, code, limit, message = ""] = REFUSAL.exec(headers.get(REFUSAL_HEADER) ?? "") ?? [];
  if (code !== "rate_limited" && code !== "limits_unavailable") return undefined;
  return { code, limit, message } as const;
}

function limitHeaders({ flat }: HeaderMap): Record<string, string> {
  const kept: Record<string, string> = {};
  for (let i = 0; i < flat.length; i += 2) {
    const name = flat[i] as string;
    if (LIMIT_HEADERS.test(name)) kept[name] = flat[i + 1] as string;
  }
  return kept;
}
