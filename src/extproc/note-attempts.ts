/** How often a request was sent, which Envoy knows best: it retries without a word where nothing is to be translated or signed
 * anew, and may give up an attempt before the processor hears of it. */
import type { Exchange } from "../exchange/exchange.ts";

/** Puts Envoy's count into the record. */
export function noteAttempts({ match, record }: Exchange, count: number): void {
  // A rule's only backend has had them all; which of several had an attempt that did not come here, nobody says.
  if (match?.choice.isChoice === false && record.attempts === 1) {
    record.failedBackends = Array.from({ length: Math.max(0, count - 1) }, () => record.backendName);
  }
  record.attempts = count;
}
