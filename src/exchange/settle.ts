/** Phase 5, settle: what was used and one record of it all, whatever the end was. The sink prices it. */
import type { AnswerFacts } from "../translate/translator.ts";
import { estimateUsage } from "../usage/estimate.ts";
import { isTold, type TokenUsage } from "../usage/token-usage.ts";
import type { Exchange } from "./exchange.ts";
import { settleLimits } from "./settle-limits.ts";

/**
 * Closes the books of a request; only the first call has an effect.
 *
 * @param delivered Whether the caller got its answer. If not, the request counts as cancelled, and what the
 *   provider is known to have used until then is still charged.
 */
export function settle(exchange: Exchange, delivered: boolean): void {
  if (exchange.settled) return;
  exchange.settled = true;
  const { attempt, context, record } = exchange;
  record.endMs = context.nowMs();
  if (!delivered && record.outcome !== "error") {
    record.outcome = "cancelled";
    record.errorType = "client_closed";
    record.errorMessage = "the caller left before its answer was whole";
    if (record.status === 0) record.status = 499;
  }
  if (attempt !== undefined) {
    const { facts } = attempt.translator;
    record.responseModel = facts.responseModel ?? "";
    record.events = facts.events;
  }
  charge(exchange);
  context.sink.settle(record);
}

/** Charges what the answer used, as soon as that is known for good; only the first call has an effect. */
export function charge(exchange: Exchange): void {
  if (exchange.charged) return;
  exchange.charged = true;
  const { match, plan, record } = exchange;
  const usage = usageSoFar(exchange);
  // Only an answer that began is charged: a refusal costs nothing.
  if (usage !== undefined) {
    record.usage = usage;
    record.costProgram = match && plan.costs(match.route);
  }
  settleLimits(exchange, usage);
}

/** What an answer that is under way has used so far; undefined before one has begun. */
export function usageSoFar(exchange: Exchange): TokenUsage | undefined {
  const { attempt, endpoint, record } = exchange;
  if (attempt === undefined || record.upstreamStatus < 200 || record.upstreamStatus >= 300) return undefined;
  const { facts } = attempt.translator;
  if (!record.stream) return facts.usage;
  return streamUsage(exchange.inputEstimate, endpoint?.holdsMedia ? { ...facts, eventBytes: 0 } : facts);
}

/**
 * A stream whose provider did not tell its usage, or that broke off or failed before it did, is estimated rather than free;
 * what the provider did tell (Anthropic tells the input first, and a placeholder for the output) is the least. A whole answer
 * without usage is taken at its word.
 */
function streamUsage(inputTokens: number, facts: AnswerFacts): TokenUsage {
  const { usage, state } = facts;
  if (isTold(usage) && state === "complete") return usage;
  const estimate = estimateUsage({ ...facts, inputTokens });
  const input = usage.inputTokens ?? estimate.inputTokens ?? 0;
  const outputTokens = Math.max(usage.outputTokens ?? 0, estimate.outputTokens ?? 0);
  return { ...usage, inputTokens: input, outputTokens, totalTokens: input + outputTokens, estimated: true };
}
