/** Every limit of a configuration, from the kinds that say one. */
import type { AIGatewayRoute } from "../resources/ai-gateway-route.ts";
import { idOf } from "../resources/field-path.ts";
import type { Gateway } from "../resources/gateway.ts";
import type { Compilation } from "./compilation.ts";
import { compileBudgets, compileKeyBudgets } from "./compile-budgets.ts";
import { compileQuotas } from "./compile-quotas.ts";
import type { Limit } from "./limits.ts";
import type { References } from "./references.ts";
import type { TrafficPolicies } from "./traffic-policies.ts";

/** What limits are for. */
export interface LimitContext {
  readonly compilation: Compilation;
  readonly references: References;
  readonly policies: TrafficPolicies;
  readonly gateway: Gateway | undefined;
  /** The routes that are served. */
  readonly routes: readonly AIGatewayRoute[];
}

/** Compiles all limits, in the order in which they are looked at. */
export function compileLimits(context: LimitContext): Limit[] {
  const { policies, gateway, routes } = context;
  const traffic = new Map<string, Limit>();
  for (const route of routes) {
    // A rule that routes share is one limit.
    for (const limit of policies.rateLimits(route, gateway)) {
      const known = traffic.get(limit.id);
      const shared = [...(known?.applies.routes ?? []), idOf(route)];
      traffic.set(limit.id, { ...limit, applies: { ...limit.applies, routes: shared } });
    }
  }
  const all = [
    ...traffic.values(),
    ...compileQuotas(context),
    ...compileBudgets(context),
    ...compileKeyBudgets(context),
  ];
  return all.map(inOneShape);
}

/** A request looks at limits of several kinds: with their members in one order, what is compiled for one is for all. */
function inOneShape(limit: Limit): Limit {
  const { id, name, kind, applies, conditions, per, requestCost, answerCost, amount, extra, unit, window } = limit;
  const { shadow, admission, assumedOutputTokens, group, counted, alerts, unmetered } = limit;
  return {
    ...{ id, name, kind, applies, conditions, per, requestCost, answerCost, amount, extra, unit, window },
    ...{ shadow, admission, assumedOutputTokens, group, counted, alerts, unmetered },
  };
}
