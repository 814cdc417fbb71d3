/** Phase 5, settle: what was used and one record of it all, whatever the end was. The sink prices it. */
import type { AnswerFacts } from "../translate/translator.ts";
import { estimateUsage } from "../usage/estimate.ts";
import type { TokenUsage } from "../usage/token-usage.ts";
import type { Exchange } from "./exchange.ts";

/**
 * Closes the books of a request; only the first call has an effect.
 *
 * @param delivered Whether the caller got its whole answer. If not, the request counts as cancelled, and what the
 *   provider is known to have used until then is still charged.
 */
export function settle(exchange: Exchange, delivered: boolean): void {
  if (exchange.settled) return;
  exchange.settled = true;
  const { attempt, context, match, plan, record } = exchange;
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
    const usage = usageSoFar(exchange);
    // Only an answer that began is charged: a refusal costs nothing.
    if (usage !== undefined) {
      record.usage = usage;
      record.costProgram = match && plan.costs(match.route);
    }
  }
  context.sink.settle(record);
}

/** What an answer that is under way has used so far; undefined before one has begun. */
export function usageSoFar({ attempt, endpoint, record }: Exchange): TokenUsage | undefined {
  if (attempt === undefined || record.upstreamStatus < 200 || record.upstreamStatus >= 300) return undefined;
  const { facts } = attempt.translator;
  if (!record.stream) return facts.usage;
  return endpoint?.holdsMedia ? streamUsage(0, { ...facts, eventBytes: 0 }) : streamUsage(record.requestBytes, facts);
}

/**
 * A stream whose provider did not tell its usage, or that ended before it did, is estimated rather than free; what the
 * provider did tell (Anthropic tells the input first) stands. A whole answer without usage is taken at its word.
 */
function streamUsage(requestBytes: number, { usage, state, events, eventBytes }: AnswerFacts): TokenUsage {
  const told = usage.inputTokens !== undefined || usage.outputTokens !== undefined || usage.totalTokens !== undefined;
  if (told && state !== "open") return usage;
  const estimate = estimateUsage({ requestBytes, events, eventBytes });
  const inputTokens = usage.inputTokens ?? estimate.inputTokens ?? 0;
  const outputTokens = Math.max(usage.outputTokens ?? 0, estimate.outputTokens ?? 0);
  return { ...usage, inputTokens, outputTokens, totalTokens: inputTokens + outputTokens, estimated: true };
}
