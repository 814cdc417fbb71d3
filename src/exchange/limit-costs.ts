/** What answers cost in the units of limits. */
import type { Limit } from "../config/limits.ts";
import type { Fault } from "../errors/config-error.ts";
import { type CostInput, type CostProgram, prepareCosts } from "../usage/cost.ts";
import type { Cel } from "../usage/load-cel.ts";
import type { PriceCatalogue } from "../usage/prices.ts";

/** Costs of the limits of a configuration; immutable. */
export class LimitCosts {
  readonly #rules: ReadonlyMap<Limit, CostProgram>;
  readonly #prices: PriceCatalogue;

  constructor(rules: ReadonlyMap<Limit, CostProgram>, prices: PriceCatalogue) {
    this.#rules = rules;
    this.#prices = prices;
  }

  /** Whether it is known what a model costs. */
  hasPrice(model: string, atMs: number): boolean {
    return this.#prices.find(model, atMs) !== undefined;
  }

  /**
   * What an answer costs; undefined where nobody can tell: a rule that fails, a model without price.
   *
   * @param costs Of the request's route.
   * @param atMs When the request came, in Unix milliseconds.
   */
  cost(limit: Limit, input: CostInput, costs: CostProgram, atMs: number): number | undefined {
    const { answerCost } = limit;
    if (answerCost === undefined) return 0;
    switch (answerCost.from) {
      case "number":
        return answerCost.number;
      case "metadata":
        // A route without such a cost is charged nothing.
        return costs.cost(answerCost.key, input);
      case "rule":
        return this.#rules.get(limit)?.cost(answerCost.rule.metadataKey, input);
      case "price":
        return this.#prices.priceOf(input.model, input.usage, atMs);
    }
  }
}

/** Prepares the rules that limits have of their own. */
export function prepareLimitCosts(
  limits: readonly Limit[],
  cel: Cel | undefined,
  prices: PriceCatalogue,
): { readonly costs: LimitCosts; readonly faults: readonly Fault[] } {
  const rules = new Map<Limit, CostProgram>();
  const faults: Fault[] = [];
  for (const limit of limits) {
    if (limit.answerCost?.from !== "rule") continue;
    const prepared = prepareCosts([limit.answerCost.rule], cel);
    rules.set(limit, prepared.program);
    faults.push(...prepared.faults);
  }
  return { costs: new LimitCosts(rules, prices), faults };
}
