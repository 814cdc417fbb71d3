/** Says once that a counter has come to a part of its limit, however many processes count in it. */
import type { Limit } from "../config/limits.ts";
import type { Logger } from "../telemetry/logger.ts";
import type { Demand, HeldShare, LimitState } from "./admission.ts";
import { counterKey, shownValue } from "./counter-key.ts";
import { shownAmount } from "./limit-text.ts";
import type { Limiter } from "./limiter.ts";
import type { LimitShare } from "./tightest.ts";

/** What alerts are made of. */
export interface AlertOptions {
  readonly limiter: Pick<Limiter, "admit">;
  /** Unix milliseconds. */
  readonly nowMs: () => number;
  readonly log: Pick<Logger, "warn">;
}

/** Counters that are remembered; who comes after that many is told of again. */
const REMEMBERED_MAX = 10_000;

/** Alerts of one process. */
export class LimitAlerts {
  readonly #options: AlertOptions;
  /** Until when an alert is not given again, by its counter. */
  readonly #told = new Map<string, number>();
  /** A limit of one for each alert: the process that gets it tells. */
  readonly #claims = new Map<string, Limit>();
  /** How often each was told here. */
  readonly #counts = new Map<string, { readonly limit: string; readonly threshold: number; count: number }>();

  constructor(options: AlertOptions) {
    this.#options = options;
  }

  /** Alerts given by this process. */
  get counts(): readonly { readonly limit: string; readonly threshold: number; readonly count: number }[] {
    return [...this.#counts.values()];
  }

  /** Looks whether a counter that was just used has come to one of its limit's alerts. */
  look(share: HeldShare): void {
    const { alerts } = share.limit;
    if (alerts.length === 0 || !isReached(share, alerts[0] as number)) return;
    // It may not have been told yet that its period has ended.
    const state = share.state(this.#options.nowMs());
    for (const threshold of alerts) if (isReached(state, threshold)) this.#reached(share.demand, state, threshold);
  }

  #reached(demand: Demand, state: LimitState, threshold: number): void {
    const { limit, values } = demand;
    const claim = this.#claim(limit, threshold);
    const key = counterKey(claim, values);
    const nowMs = this.#options.nowMs();
    if (nowMs < (this.#told.get(key) ?? Number.NEGATIVE_INFINITY)) return;
    const [oldest] = this.#told.keys();
    if (oldest !== undefined && this.#told.size >= REMEMBERED_MAX) this.#told.delete(oldest);
    const { window } = limit;
    this.#told.set(key, window.type === "rolling" ? nowMs + window.durationMs : state.resetAtMs);
    const decision = this.#options.limiter.admit([{ limit: claim, values, answerEstimate: 0, assumed: 0 }]);
    void Promise.resolve(decision).then((decided) => {
      if (decided.admitted) decided.reservation.release();
      else if (decided.refusal.why === "exhausted") return;
      this.#tell(demand, state, threshold);
    });
  }

  #tell({ limit, values }: Demand, { used, amount, resetAtMs }: LimitState, threshold: number): void {
    const id = `${limit.id}\n${threshold}`;
    const counted = this.#counts.get(id) ?? { limit: limit.id, threshold, count: 0 };
    counted.count++;
    this.#counts.set(id, counted);
    this.#options.log.warn("limit alert", {
      limit: limit.name,
      threshold,
      counter: values.map((value, i) => shownValue(limit.per[i], value)).join(", "),
      used: shownAmount(limit, used),
      amount: shownAmount(limit, amount),
      unit: limit.unit === "nanodollars" ? "dollars" : limit.unit,
      ...(Number.isFinite(resetAtMs) ? { resetAt: new Date(resetAtMs).toISOString() } : {}),
    });
  }

  #claim(limit: Limit, threshold: number): Limit {
    const id = `${limit.id}${ALERT}${threshold}`;
    const known = this.#claims.get(id);
    if (known !== undefined && known.window === limit.window) return known;
    const claim: Limit = {
      ...limit,
      ...{ id, amount: 1, extra: [], requestCost: 1, answerCost: undefined, shadow: false, admission: "reserve" },
      ...{ group: undefined, alerts: [] },
    };
    this.#claims.set(id, claim);
    return claim;
  }
}

function isReached({ amount, used }: LimitShare, percent: number): boolean {
  return 100 * used >= percent * amount;
}

const ALERT = "/alert/";

/** Whether a counter is none of a limit's own, but says that an alert was given. */
export function isAlert(limit: Pick<Limit, "id">): boolean {
  return /\/alert\/\d+$/.test(limit.id);
}
