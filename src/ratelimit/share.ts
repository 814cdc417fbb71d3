/** What one gateway may admit by itself while the store is away. */
import type { Limit } from "../config/limits.ts";
import type { Demand } from "./admission.ts";

const shares = new WeakMap<Limit, Limit>();

/** The demand with this gateway's part of the limit; a limit above zero leaves at least one. */
export function shareOf(demand: Demand, replicas: number): Demand {
  const { limit } = demand;
  let share = shares.get(limit);
  if (share === undefined) {
    const part = (amount: number) => Math.max(Math.min(amount, 1), Math.floor(amount / replicas));
    const extra = limit.extra.map(({ amount, untilMs }) => ({ amount: part(amount), untilMs }));
    share = { ...limit, amount: part(limit.amount), extra };
    shares.set(limit, share);
  }
  return { ...demand, limit: share };
}
