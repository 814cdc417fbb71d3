/** Which of a request's limits its caller is told about. */
import type { Limit } from "../config/limits.ts";

/** How a limit stands, in its unit. */
export interface LimitShare {
  readonly limit: Limit;
  readonly amount: number;
  /** Spent and reserved, by all. */
  readonly used: number;
}

/** The limit that has the least share left; undefined = there is none to tell of. */
export function tightest<T extends LimitShare>(shares: readonly T[]): T | undefined {
  let found: T | undefined;
  let least = Number.POSITIVE_INFINITY;
  for (const share of shares) {
    const { shadow, group } = share.limit;
    if (shadow) continue;
    const left = shareLeft(share);
    if (left >= least || (group !== undefined && isOutdone(group, left, shares))) continue;
    found = share;
    least = left;
  }
  return found;
}

/** Of those that share a group the one with the most left decides. */
function isOutdone(group: string, left: number, shares: readonly LimitShare[]): boolean {
  return shares.some((other) => other.limit.group === group && shareLeft(other) > left);
}

/** The part of a limit that is left, from 0 to 1. */
export function shareLeft({ amount, used }: LimitShare): number {
  return amount > 0 ? Math.max(0, amount - used) / amount : 0;
}
