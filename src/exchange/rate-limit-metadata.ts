/**
 * What Envoy's rate limit filter finds in a request's dynamic metadata: which counters the request takes. The gateway decides
 * this once, at admission, from the request as the caller sent it: when the answer has ended and its tokens are charged, the
 * headers have become those of the provider, and credentials, path and model are no longer what the caller sent. Envoy reads the
 * decision both times.
 */
import { clientOf, isCountedByEnvoy, isKeyed } from "../ratelimit/descriptor.ts";
import type { LimitedRequest, PreparedLimit } from "../ratelimit/match.ts";

/** Key in the gateway's dynamic metadata under which the counter of a limit is told, by its place among those of its route. */
export function rateLimitMetadataKey(index: number): string {
  return `rate_limit.${index}`;
}

/**
 * What the filter needs to find from the beginning: the counters of the limits that apply, and what the request has cost so far,
 * which is nothing. Where a cost is missing, Envoy logs a warning for every request.
 */
export function rateLimitMetadata(
  limits: readonly PreparedLimit[],
  request: LimitedRequest,
): Record<string, string | number> {
  const metadata: Record<string, string | number> = {};
  let index = 0;
  for (const prepared of limits) {
    const { limit } = prepared;
    if (!isCountedByEnvoy(limit)) continue;
    if (isKeyed(limit)) {
      const values = prepared.valuesOf(request);
      if (values !== undefined) metadata[rateLimitMetadataKey(index)] = clientOf(limit, values);
    }
    if (limit.answerCost?.from === "metadata") metadata[limit.answerCost.key] = 0;
    index += 1;
  }
  return metadata;
}
