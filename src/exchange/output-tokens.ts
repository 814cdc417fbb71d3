/** How long an answer may get, as far as that is known before there is one. */
import type { BackendRef } from "../config/runtime-config.ts";
import { largest } from "../endpoints/parse-request.ts";
import type { Exchange } from "./exchange.ts";

/**
 * The most tokens that the answers of a backend may have: by the caller's word, or by that of the body mutation that goes over
 * it; undefined = nobody has said.
 */
export function outputTokensMax({ plan, endpoint, parsed }: Exchange, ref: BackendRef): number | undefined {
  if (endpoint === undefined || parsed === undefined) return undefined;
  // Most backends have no mutation, and need not be looked up for every limit.
  const { set, remove } = ref.bodyMutation;
  const isChanged = set.length > 0 || remove.length > 0;
  const change = isChanged ? plan.attempt(ref, endpoint.name).outputCap : undefined;
  if (change === undefined) return parsed.outputTokensMax;
  const kept = largest(change.kept, parsed.scanned);
  if (kept === undefined && change.set === undefined) return undefined;
  return Math.max(kept ?? 0, change.set ?? 0) * parsed.answers;
}
