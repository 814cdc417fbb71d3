/** A process with a limiter of its own, as a gateway has one: does what its parent asks, over the channel between them. */
import type { Decision, Reservation } from "../../src/ratelimit/admission.ts";
import { Limiter } from "../../src/ratelimit/limiter.ts";
import { parseRedisUrl } from "../../src/ratelimit/redis-address.ts";
import { openRedis } from "../../src/ratelimit/redis-store.ts";
import { testLimit } from "../../src/ratelimit/test-limit.ts";

/** Parent → process: asks for room so often at once, or ends what was admitted. */
export type ToLimiterProcess =
  | { readonly do: "admit"; readonly times: number; readonly estimate: number }
  | { readonly do: "settle"; readonly cost: number };

/** Process → parent. */
export interface FromLimiterProcess {
  readonly admitted: number;
}

const [url = "", leaseMs = "", amount = ""] = process.argv.slice(2);
const store = openRedis(parseRedisUrl(url), { leaseMs: Number(leaseMs), callMs: 2_000 });
await store.reached(10_000);
const limiter = new Limiter({
  store,
  process: String(process.pid),
  nowMs: Date.now,
  withoutStore: "fail-closed",
  replicas: 1,
  log: { info: () => undefined, warn: () => undefined },
  leaseMs: Number(leaseMs),
});
const limit = testLimit({ requestCost: 0, amount: Number(amount), window: { type: "never" } });
const held: Reservation[] = [];

process.on("message", (message: ToLimiterProcess) => {
  if (message.do === "settle") {
    for (const reservation of held.splice(0)) reservation.settle([message.cost]);
    process.send?.({ admitted: 0 } satisfies FromLimiterProcess);
    return;
  }
  const demand = { limit, values: [], answerEstimate: message.estimate, assumed: 0 };
  const decisions = Array.from({ length: message.times }, () => limiter.admit([demand]));
  Promise.all(decisions).then(report, () => process.exit(1));
});
process.on("disconnect", () => process.exit());
process.send?.({ admitted: 0 } satisfies FromLimiterProcess);

function report(decisions: readonly Decision[]): void {
  const admitted = decisions.flatMap((decision) => (decision.admitted ? [decision.reservation] : []));
  held.push(...admitted);
  process.send?.({ admitted: admitted.length } satisfies FromLimiterProcess);
}
